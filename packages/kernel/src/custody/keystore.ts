import type { KeyObject } from "node:crypto";

import type { SecretBytes } from "@cinnabar/crypto";

import type { AccountId, KeyId, KeyVersionId } from "../platform/ids.ts";
import type { AsymmetricSpec, EncryptionAlgorithm, KeySpec, SigningAlgorithm, ToSign } from "./key-spec.ts";

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

/** A key version whose material is still to be made. */
export type NewKeyVersion = Omit<StoredKeyVersion, "material">;

/** What a new key version is stored as. */
export interface KeyMaterial {
  /** May be stored anywhere: it is wrapped under the account key with the whole identity as associated data, or is an HSM's handle. */
  readonly material: Uint8Array;
  /** Of a pair, the DER of its SubjectPublicKeyInfo (RFC 5280, section 4.1); of other keys nothing. */
  readonly publicKey?: Uint8Array;
}

/** Who chose an IV: each has a key of its own, so that a caller who uses one twice spoils nothing of the others'. */
export type IvSource = "random" | "caller";

/** A public key as the store tells it. */
export interface PublicKey {
  /** Whose it is: slow work with it is queued among that account's. */
  readonly accountId: AccountId;
  readonly spec: AsymmetricSpec;
  /** The DER of its SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

/**
 * Holds key versions and does their cryptography: in this process, or inside an HSM that never lets a key out.
 *
 * A software keystore answers at once what is on the way of every Encrypt; slow work, such as signing with RSA, it does off
 * the event loop and answers later, and so does an HSM with everything. Callers handle both by `proceed` or `await`.
 *
 * Every method throws AuthenticationError if the version's material does not open, because its row was tampered with, and
 * RangeError for what the version's spec cannot do: callers look that up before. What is slow throws
 * {@link TooBusyError} when its queue is full.
 */
export interface Keystore {
  readonly protectionLevel: "SOFTWARE" | "HSM";

  /** Makes the material of a new key version. */
  generate(version: NewKeyVersion): KeyMaterial | Promise<KeyMaterial>;

  /**
   * Takes material of somebody else as that of a new key version. `material` stays the caller's to clear.
   *
   * @param material - of a pair, the DER of its PKCS#8 PrivateKeyInfo; of other keys their bytes.
   * @throws KeyFormatError if it is no key of the version's spec.
   */
  import(version: NewKeyVersion, material: SecretBytes): KeyMaterial | Promise<KeyMaterial>;

  /** Encrypts with the algorithm of the version's spec. `aad` is authenticated and not stored. */
  seal(version: StoredKeyVersion, plaintext: Uint8Array, aad: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /**
   * Opens what {@link Keystore.seal} gave. The caller clears the result.
   *
   * @throws AuthenticationError if the box was not sealed under this version with this `aad`, or as in every method.
   */
  open(version: StoredKeyVersion, box: Uint8Array, aad: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /**
   * Encrypts with GCM of the version's cipher under a key of its own for such IVs, which {@link Keystore.seal} never uses.
   *
   * @param input.iv - 12 bytes, never twice for one version.
   * @returns the ciphertext ‖ 16-byte tag.
   */
  sealGcm(
    version: StoredKeyVersion,
    input: {
      readonly iv: Uint8Array;
      readonly ivSource: IvSource;
      readonly plaintext: Uint8Array;
      readonly aad: Uint8Array;
    },
  ): Uint8Array | Promise<Uint8Array>;

  /**
   * Opens what {@link Keystore.sealGcm} gave. The caller clears the result.
   *
   * @throws AuthenticationError if it was not sealed so, or as in every method.
   */
  openGcm(
    version: StoredKeyVersion,
    input: {
      readonly iv: Uint8Array;
      readonly ivSource: IvSource;
      readonly box: Uint8Array;
      readonly aad: Uint8Array;
    },
  ): Uint8Array | Promise<Uint8Array>;

  /** Signs with the version's private key. */
  sign(version: StoredKeyVersion, algorithm: SigningAlgorithm, input: ToSign): Uint8Array | Promise<Uint8Array>;

  /**
   * Decrypts with the version's private key. The caller clears the result.
   *
   * @throws DecryptionError whatever is wrong with the ciphertext: nobody learns what.
   */
  decrypt(
    version: StoredKeyVersion,
    algorithm: EncryptionAlgorithm,
    ciphertext: Uint8Array,
  ): Uint8Array | Promise<Uint8Array>;

  /** The message authentication code of a message, by the algorithm of the version's spec. */
  mac(version: StoredKeyVersion, message: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /** Whether a signature is that of the public key's owner. Needs no private key. */
  verify(
    key: PublicKey,
    algorithm: SigningAlgorithm,
    signed: ToSign & { readonly signature: Uint8Array },
  ): boolean | Promise<boolean>;

  /** Encrypts to the public key's owner. Needs no private key. */
  encrypt(key: PublicKey, algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /** Drops what is cached of a version, because its material is no more. */
  forget(versionId: KeyVersionId): void;

  /** Drops what is cached of every version: which ones are no more is not known. */
  forgetAll(): void;
}
