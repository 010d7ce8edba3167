import { newRootKeyMaterial, RootKey } from "./root-key.ts";
import { alreadyThere, SealedFile, type StagedFile } from "./sealed-file.ts";
import { type Seal, SealError, type SealKind, type StagedSeal } from "./seal.ts";

/** How one kind of seal makes the contents of a file out of a root key, and the other way round. */
export interface SealMethod {
  readonly kind: SealKind;
  /** Longest file that can be one of this kind. */
  readonly maxBytes: number;
  /** Whether the file alone gives the root key away. */
  readonly isPrivate: boolean;
  /** As {@link Seal.claim}. @param path - for messages. */
  claim(contents: Uint8Array, path: string): string | undefined;
  seal(rootKey: RootKey): Promise<Sealing>;
  unseal(contents: Uint8Array, path: string): Promise<RootKey>;
}

/** What sealing gave, and what is needed to see that it opens; cleared when it is disposed of. */
export interface Sealing extends Disposable {
  readonly contents: Uint8Array;
  /** Opens contents that were read back, without asking anybody again. */
  open(contents: Uint8Array, path: string): Promise<RootKey>;
}

/** A seal that writes a file. */
export class SealOnDisk implements Seal {
  readonly kind: SealKind;
  readonly path: string;
  readonly #method: SealMethod;
  readonly #file: SealedFile;

  constructor(path: string, method: SealMethod) {
    this.kind = method.kind;
    this.path = path;
    this.#method = method;
    this.#file = new SealedFile({ path, isPrivate: method.isPrivate });
  }

  describe(): string {
    return `${this.kind} ${this.path}`;
  }

  async claim(): Promise<string | undefined> {
    using contents = await this.#file.read(this.#method.maxBytes);
    return contents === undefined ? undefined : this.#method.claim(contents.bytes, this.path);
  }

  async create(): Promise<RootKey> {
    // Asked first, so that nobody is given shares or asked for a passphrase in vain.
    if (await this.#file.isTaken()) throw alreadyThere(this.path);
    using material = newRootKeyMaterial();
    const rootKey = new RootKey(material.bytes);
    await using staged = await this.stage(rootKey);
    if ((await staged.open()).checkValue !== rootKey.checkValue) throw notReadBack(this.path);
    await staged.publish({ replace: false });
    return rootKey;
  }

  async open(): Promise<RootKey | undefined> {
    using contents = await this.#file.read(this.#method.maxBytes);
    return contents === undefined ? undefined : await this.#method.unseal(contents.bytes, this.path);
  }

  async stage(rootKey: RootKey): Promise<StagedSeal> {
    const sealing = await this.#method.seal(rootKey);
    try {
      const file = await this.#file.stage(sealing.contents);
      return new StagedSealOnDisk({ file, sealing, path: this.path, maxBytes: this.#method.maxBytes });
    } catch (error) {
      sealing[Symbol.dispose]();
      throw error;
    }
  }

  async remove(): Promise<boolean> {
    await this.#file.remove();
    return true;
  }
}

class StagedSealOnDisk implements StagedSeal {
  readonly #file: StagedFile;
  readonly #sealing: Sealing;
  readonly #path: string;
  readonly #maxBytes: number;

  constructor(parts: { file: StagedFile; sealing: Sealing; path: string; maxBytes: number }) {
    this.#file = parts.file;
    this.#sealing = parts.sealing;
    this.#path = parts.path;
    this.#maxBytes = parts.maxBytes;
  }

  async open(): Promise<RootKey> {
    using contents = await this.#file.read(this.#maxBytes);
    return await this.#sealing.open(contents.bytes, this.#path);
  }

  publish(options: { readonly replace: boolean }): Promise<void> {
    return this.#file.publish(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sealing[Symbol.dispose]();
    await this.#file[Symbol.asyncDispose]();
  }
}

/** What was written and what came back differ. */
export function notReadBack(path: string): SealError {
  return new SealError("damaged", `What was written to ${path} is not what came back. Is its disk in order?`);
}
