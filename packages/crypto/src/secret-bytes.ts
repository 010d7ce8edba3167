/**
 * Holds secret bytes for the length of a block (`using secret = new SecretBytes(bytes)`) and zeroes
 * them at its end. It takes `bytes` over without copying; copies made by others stay theirs to clear.
 */
export class SecretBytes<T extends Uint8Array = Uint8Array> implements Disposable {
  readonly bytes: T;

  constructor(bytes: T) {
    this.bytes = bytes;
  }

  [Symbol.dispose](): void {
    this.bytes.fill(0);
  }
}
