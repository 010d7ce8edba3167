import type { KeyObject } from "node:crypto";

import type { AccountId, KeyId, KeyVersionId } from "../platform/ids.ts";

/** Specs of keys that a keystore can make. */
export type KeySpec = "Aliyun_AES_256";

/** Where key material comes from. */
export type KeyOrigin = "Aliyun_KMS" | "EXTERNAL";

/** Everything that is fixed about a key version. Its material opens for no other. */
export interface KeyVersionIdentity {
  readonly accountId: AccountId;
  readonly keyId: KeyId;
  readonly versionId: KeyVersionId;
  readonly spec: KeySpec;
  readonly origin: KeyOrigin;
}

/** A key version as the store tells it. Never changed once made: a keystore may keep it and compare by reference. */
export interface StoredKeyVersion {
  readonly identity: KeyVersionIdentity;
  /** What {@link Keystore.generate} gave. */
  readonly material: Uint8Array;
  /** The account key that `material` is wrapped under. */
  readonly accountKey: KeyObject;
}

/**
 * Holds key versions and does their cryptography: in this process, or inside an HSM that never lets a key out.
 *
 * A software keystore answers at once, because it is on the way of every Encrypt; an HSM answers later. Callers handle
 * both by `await`, or hold the class itself where they want the value at once.
 */
export interface Keystore {
  readonly protectionLevel: "SOFTWARE" | "HSM";

  /**
   * Makes the material of a new key version. The result may be stored anywhere: it is wrapped under the account key
   * with the whole identity as associated data, or is an HSM's handle.
   */
  generate(version: Omit<StoredKeyVersion, "material">): Uint8Array | Promise<Uint8Array>;

  /**
   * Encrypts with the algorithm of the version's spec. `aad` is authenticated and not stored.
   *
   * @throws AuthenticationError if the version's material does not open: its row was tampered with.
   */
  seal(version: StoredKeyVersion, plaintext: Uint8Array, aad: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /**
   * Opens what {@link Keystore.seal} gave. The caller clears the result.
   *
   * @throws AuthenticationError if the box was not sealed under this version with this `aad`, or as in `seal`.
   */
  open(version: StoredKeyVersion, box: Uint8Array, aad: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /** Drops what is cached of a version, because its material is no more. */
  forget(versionId: KeyVersionId): void;

  /** Drops what is cached of every version: which ones are no more is not known. */
  forgetAll(): void;
}
