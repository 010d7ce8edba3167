import type { RootKey } from "./root-key.ts";

/** What keeps the root key while no process runs. */
export interface Seal {
  readonly kind: "file";
  /** Names the seal in messages to operators. Holds nothing secret. */
  describe(): string;
  /**
   * Makes a root key and seals it durably before it returns. What a crash leaves is a whole seal or none.
   *
   * @throws {@link SealError} `exists` if something is there already: a seal is never overwritten.
   */
  create(): Promise<RootKey>;
  /**
   * Opens what {@link Seal.create} sealed, `undefined` if nothing is there. Changes nothing.
   *
   * @throws {@link SealError} if something is there and is not a sealed root key that may be trusted.
   */
  open(): Promise<RootKey | undefined>;
}

/**
 * - `exists`: there is a root key already.
 * - `exposed`: others than its owner may read it.
 * - `damaged`: it is not what was sealed.
 * - `unknownFormat`: it is no root key, or one that a later version of Cinnabar sealed.
 * - `unreachable`: the seal could not be read or written; `cause` says why.
 */
export type SealErrorCode = "exists" | "exposed" | "damaged" | "unknownFormat" | "unreachable";

/** A seal that cannot be used. The message is a sentence for the operator, says what to do, and holds nothing secret. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code: SealErrorCode;

  constructor(code: SealErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
