import { type AccountKeys, type KeyVersionIdentity, type StoredKeyVersion, TamperedRowError } from "@cinnabar/kernel";

/** One version of a key. Never changed once made, but for remembering how the keystore knows it. */
export class KeyVersion {
  readonly identity: KeyVersionIdentity;
  /** Store milliseconds. */
  readonly createdAt: number;
  readonly #material: Uint8Array;
  readonly #accountKeyVersion: number;
  #stored: StoredKeyVersion | undefined;

  constructor(options: {
    identity: KeyVersionIdentity;
    createdAt: number;
    /** As the keystore gave it. */
    material: Uint8Array;
    accountKeyVersion: number;
  }) {
    this.identity = options.identity;
    this.createdAt = options.createdAt;
    // Memory of its own: what a database driver gives may be a slice of a pool, which it would keep alive as a whole.
    this.#material = new Uint8Array(options.material);
    this.#accountKeyVersion = options.accountKeyVersion;
  }

  /**
   * The version as the keystore takes it: the same object every time, as long as the account's key is the same one,
   * so that the keystore recognises it by reference.
   *
   * @throws {@link TamperedRowError} if the account has no key of the version that the material is wrapped under.
   */
  storedUnder(accountKeys: AccountKeys): StoredKeyVersion {
    const accountKey = accountKeys.byVersion.get(this.#accountKeyVersion);
    if (accountKey === undefined) throw new TamperedRowError("account_key", "a version that wraps material is missing");
    if (this.#stored?.accountKey !== accountKey) {
      this.#stored = { identity: this.identity, material: this.#material, accountKey };
    }
    return this.#stored;
  }
}
