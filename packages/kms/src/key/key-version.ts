import {
  type AccountKeys,
  ApiError,
  type KeyVersionIdentity,
  type StoredKeyVersion,
  TamperedRowError,
} from "@cinnabar/kernel";

/** What is kept of the import of a version's material. Instants are store milliseconds. */
export interface MaterialImportState {
  readonly importedAt: number;
  /** From then on the version has no material, whether it is still stored or not; `undefined`: it stays. */
  readonly expiresAt: number | undefined;
}

/** One version of a key. Never changed once made, but for remembering how the keystore knows it. */
export class KeyVersion {
  readonly identity: KeyVersionIdentity;
  /** Store milliseconds. */
  readonly createdAt: number;
  /** Counts the key's versions, from 1. */
  readonly number: number;
  /** Of a pair, the DER of its SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array | undefined;
  /** Of imported material, when that was; `undefined` where it is made here, or is not there. */
  readonly imported: MaterialImportState | undefined;
  readonly #material: Uint8Array;
  readonly #accountKeyVersion: number;
  #stored: StoredKeyVersion | undefined;

  constructor(options: {
    identity: KeyVersionIdentity;
    createdAt: number;
    number: number;
    /** As the keystore gave it. */
    material: Uint8Array;
    /** As the keystore gave it. */
    publicKey: Uint8Array | undefined;
    imported: MaterialImportState | undefined;
    accountKeyVersion: number;
  }) {
    this.identity = options.identity;
    this.createdAt = options.createdAt;
    this.number = options.number;
    // Memory of its own: what a database driver gives may be a slice of a pool, which it would keep alive as a whole.
    this.#material = new Uint8Array(options.material);
    this.publicKey = options.publicKey && new Uint8Array(options.publicKey);
    this.imported = options.imported;
    this.#accountKeyVersion = options.accountKeyVersion;
  }

  /** Whether there is anything that the version can work with. */
  get hasMaterial(): boolean {
    return this.identity.origin !== "EXTERNAL" || this.imported !== undefined;
  }

  /** The version as it is once its material is gone. */
  withoutMaterial(): KeyVersion {
    const { identity, createdAt, number } = this;
    const accountKeyVersion = this.#accountKeyVersion;
    const nothing = { material: new Uint8Array(), publicKey: undefined, imported: undefined };
    return new KeyVersion({ identity, createdAt, number, accountKeyVersion, ...nothing });
  }

  /**
   * Refuses what needs the material, or the public key, of a version that has none.
   *
   * @throws {@link ApiError} `Rejected.PendingImport`.
   */
  assertMaterial(): void {
    if (!this.hasMaterial) throw new ApiError("Rejected.PendingImport");
  }

  /**
   * The version as the keystore takes it: the same object every time, as long as the account's key is the same one,
   * so that the keystore recognises it by reference.
   *
   * @throws {@link ApiError} `Rejected.PendingImport` if it has no material.
   * @throws {@link TamperedRowError} if the account has no key of the version that the material is wrapped under.
   */
  storedUnder(accountKeys: AccountKeys): StoredKeyVersion {
    this.assertMaterial();
    const accountKey = accountKeys.byVersion.get(this.#accountKeyVersion);
    if (accountKey === undefined) throw new TamperedRowError("account_key", "a version that wraps material is missing");
    if (this.#stored?.accountKey !== accountKey) {
      this.#stored = { identity: this.identity, material: this.#material, accountKey };
    }
    return this.#stored;
  }
}
