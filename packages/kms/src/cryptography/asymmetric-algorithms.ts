import { maxOaepPlaintextBytes } from "@cinnabar/crypto";
import type { EncryptionAlgorithm, KeySpec, SigningAlgorithm } from "@cinnabar/kernel";

export const ENCRYPTION_ALGORITHMS = [
  "RSAES_OAEP_SHA_256",
  "RSAES_OAEP_SHA_1",
  "SM2PKE",
] as const satisfies readonly EncryptionAlgorithm[];

export const SIGNING_ALGORITHMS = [
  "RSA_PSS_SHA_256",
  "RSA_PKCS1_SHA_256",
  "ECDSA_SHA_256",
  "SM2DSA",
  "ECDSA_SHA_384",
  "ECDSA_SHA_512",
  "ED25519",
  "ML_DSA_65",
] as const satisfies readonly SigningAlgorithm[];

/** Bytes of the digest that an algorithm signs; `undefined` if it signs the message itself. */
export const DIGEST_BYTES: Readonly<Record<SigningAlgorithm, number | undefined>> = {
  RSA_PSS_SHA_256: 32,
  RSA_PKCS1_SHA_256: 32,
  ECDSA_SHA_256: 32,
  ECDSA_SHA_384: 48,
  ECDSA_SHA_512: 64,
  SM2DSA: 32,
  ED25519: undefined,
  ML_DSA_65: undefined,
};

/** Most bytes that SM2PKE takes (Alibaba Cloud KMS, "AsymmetricEncrypt"): the ciphertext has 97 more, 6144 in all. */
const MAX_SM2_PLAINTEXT_BYTES = 6047;

/** What any algorithm takes at most, in bytes. */
export const MAX_ASYMMETRIC_PLAINTEXT_BYTES = MAX_SM2_PLAINTEXT_BYTES;

/** Most bytes of a message that is signed as it is, or that has a code made or verified. Longer ones go as their digest. */
export const MAX_MESSAGE_BYTES = 65_536;

/** More than any algorithm's signature has: of ML-DSA-65 it is 3,309 bytes. */
export const MAX_SIGNATURE_BYTES = 4096;

const MODULUS_BITS: Readonly<Partial<Record<KeySpec, number>>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 };

/** Most bytes that a public key of the spec encrypts by an algorithm that it has. */
export function maxPlaintextBytes(spec: KeySpec, algorithm: EncryptionAlgorithm): number {
  if (algorithm === "SM2PKE") return MAX_SM2_PLAINTEXT_BYTES;
  const bits = MODULUS_BITS[spec];
  if (bits === undefined) throw new RangeError(`a key of the spec ${spec} does not encrypt by ${algorithm}`);
  return maxOaepPlaintextBytes(bits, algorithm === "RSAES_OAEP_SHA_1" ? "SHA_1" : "SHA_256");
}
