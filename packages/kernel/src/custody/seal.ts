import type { RootKey } from "./root-key.ts";

export const SEAL_KINDS = ["file", "passphrase", "shamir", "kms", "env", "command"] as const;
export type SealKind = (typeof SEAL_KINDS)[number];

/** What keeps the root key while no process runs. */
export interface Seal {
  readonly kind: SealKind;
  /** Of the file that it writes; `undefined` if others keep the root key for it. */
  readonly path: string | undefined;
  /** Names the seal in messages to operators. Holds nothing secret. */
  describe(): string;
  /**
   * The check value of the root key that the seal says it keeps, as far as it can be read without asking anybody for
   * anything; `undefined` if it cannot, or nothing is there. Not authenticated: what is opened is.
   *
   * @throws {@link SealError} as {@link Seal.open}.
   */
  claim(): Promise<string | undefined>;
  /**
   * Makes a root key and seals it durably before it returns. What a crash leaves is a whole seal or none.
   *
   * @throws {@link SealError} `exists` if something is there already: a seal is never overwritten. `notOurs` if others
   * keep the root key.
   */
  create(): Promise<RootKey>;
  /**
   * Opens what is sealed, `undefined` if nothing is there. Changes nothing.
   *
   * @throws {@link SealError} if something is there and is not a sealed root key that may be trusted, or whoever should
   * open it cannot.
   */
  open(): Promise<RootKey | undefined>;
  /**
   * Seals a root key that is there already, durably and beside the place where it counts.
   *
   * @throws {@link SealError} `notOurs` if others keep the root key.
   */
  stage(rootKey: RootKey): Promise<StagedSeal>;
  /**
   * Removes what is sealed, durably, and what a rotation or an interrupted process left of it; not the root keys that
   * were kept. @returns false if only those who keep the root key can do that.
   */
  remove(): Promise<boolean>;
  /** This seal, or the one beside it where a rotation has left this root key. This one if neither says so. */
  holding(rootKey: string): Promise<Seal>;
  /** How its root key is replaced; `undefined` if others keep it. */
  readonly rotation: SealRotation | undefined;
}

/**
 * Replaces the root key of a seal, so that the present one and the next one are both there, durably, while it is the
 * store that says which of them counts.
 */
export interface SealRotation {
  /** Opens what is sealed, `undefined` if nothing is there, and keeps at hand what it was opened with. */
  open(): Promise<OpenedSeal | undefined>;
  /** As {@link Seal.claim}, of the next root key. */
  claimNext(): Promise<string | undefined>;
  /** As {@link Seal.open}, of the next root key, where nothing else is sealed so. */
  openNext(): Promise<RootKey | undefined>;
  /** As {@link Seal.stage}, of the next root key, where nothing else is sealed so. */
  stageNext(rootKey: RootKey): Promise<StagedSeal>;
  /**
   * Keeps what is sealed under the name of its root key as well, durably, unless it is this root key.
   *
   * @returns where.
   */
  keepOther(than: string): Promise<string | undefined>;
  /** Puts the next root key in its place, durably, if it is this one. */
  promote(rootKey: string): Promise<void>;
  /** Removes a next root key unless it is this one. No rotation may be under way. */
  discardOther(than: string): Promise<void>;
}

/** A seal's root key, and what it was opened with: the next one is sealed so too, and nobody is asked again. */
export interface OpenedSeal {
  readonly rootKey: RootKey;
  /** The next root key, if there is one already, from a run that was interrupted or is under way. */
  findNext(): Promise<RootKey | undefined>;
  /** Seals the next root key; published, it stands beside the present one. */
  stageNext(rootKey: RootKey): Promise<StagedSeal>;
}

/** A sealed root key that does not count yet. Disposed of before it is published, it is gone. */
export interface StagedSeal extends AsyncDisposable {
  /** Opens what was written, read back from its place; asks nobody for what was just given. */
  open(): Promise<RootKey>;
  /**
   * Lets it count, durably and at once.
   *
   * @param options.replace - whether it takes the place of what is there.
   * @throws {@link SealError} `exists` if something is there that it may not replace.
   */
  publish(options: { readonly replace: boolean }): Promise<void>;
}

/**
 * - `exists`: there is a root key already.
 * - `exposed`: others than its owner may read it.
 * - `damaged`: it is not what was sealed.
 * - `unknownFormat`: it is no root key, one that a later version of Cinnabar sealed, or one under another kind of seal.
 * - `wrongSecret`: the passphrase or a share is not the right one.
 * - `notGiven`: what opens it was not given, or is too short to be one.
 * - `notOurs`: the root key is in others' keeping, and they alone can do that.
 * - `unreachable`: the seal could not be read or written; `cause` says why.
 */
export type SealErrorCode =
  | "exists"
  | "exposed"
  | "damaged"
  | "unknownFormat"
  | "wrongSecret"
  | "notGiven"
  | "notOurs"
  | "unreachable";

/** A seal that cannot be used. The message is a sentence for the operator, says what to do, and holds nothing secret. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code: SealErrorCode;

  constructor(code: SealErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
