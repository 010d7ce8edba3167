/** Specs of keys that encrypt and decrypt under one secret. */
export type SymmetricSpec = "Aliyun_AES_256" | "Aliyun_AES_192" | "Aliyun_AES_128" | "Aliyun_SM4";

/** Specs of keys that are pairs. `EC_P384`, `EC_P521`, `ED25519` and `ML_DSA_65` are Cinnabar's own beside the published ones. */
export type AsymmetricSpec =
  | "RSA_2048"
  | "RSA_3072"
  | "RSA_4096"
  | "EC_P256"
  | "EC_P256K"
  | "EC_P384"
  | "EC_P521"
  | "EC_SM2"
  | "ED25519"
  | "ML_DSA_65";

/** Specs of keys that authenticate messages, each for the one algorithm of its name. */
export type MacSpec = "HMAC_SHA_224" | "HMAC_SHA_256" | "HMAC_SHA_384" | "HMAC_SHA_512" | "HMAC_SM3";

/** Specs of keys that a keystore can make. */
export type KeySpec = SymmetricSpec | AsymmetricSpec | MacSpec;

/** How a private key signs. */
export type SigningAlgorithm =
  | "RSA_PSS_SHA_256"
  | "RSA_PKCS1_SHA_256"
  | "ECDSA_SHA_256"
  | "ECDSA_SHA_384"
  | "ECDSA_SHA_512"
  | "SM2DSA"
  | "ED25519"
  | "ML_DSA_65";

/** How a public key encrypts. */
export type EncryptionAlgorithm = "RSAES_OAEP_SHA_256" | "RSAES_OAEP_SHA_1" | "SM2PKE";

/**
 * The longest ciphertext, in bytes: that of SM2PKE for the longest plaintext as DER, whose numbers may have a byte more each,
 * and which has headers.
 */
export const MAX_ASYMMETRIC_CIPHERTEXT_BYTES = 6200;

/** What is signed: a message, or its digest where the algorithm signs digests. */
export type ToSign = { readonly message: Uint8Array } | { readonly digest: Uint8Array };
