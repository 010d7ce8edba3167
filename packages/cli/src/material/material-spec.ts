import type { ImportWrapping, KeyPairSpec } from "@cinnabar/crypto";

/** What the material of a key spec is: so many bytes, or a pair of keys, of which that of SM2 is imported as its scalar. */
export type MaterialSpec =
  | { readonly kind: "bytes"; readonly bytes: number; readonly wrapping: ImportWrapping }
  | { readonly kind: "pair"; readonly pair: KeyPairSpec; readonly wrapping: ImportWrapping };

const RAW = { kind: "bytes", wrapping: "RSAES_OAEP_SHA_256" } as const;
const PAIR = { kind: "pair", wrapping: "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD" } as const;

/** By the names of key specs, with the form in which the material is wrapped if nobody says otherwise. */
const MATERIAL_SPECS: Readonly<Record<string, MaterialSpec>> = {
  Aliyun_AES_256: { ...RAW, bytes: 32 },
  Aliyun_AES_192: { ...RAW, bytes: 24 },
  Aliyun_AES_128: { ...RAW, bytes: 16 },
  Aliyun_SM4: { ...RAW, bytes: 16 },
  HMAC_SHA_224: { ...RAW, bytes: 28 },
  HMAC_SHA_256: { ...RAW, bytes: 32 },
  HMAC_SHA_384: { ...RAW, bytes: 48 },
  HMAC_SHA_512: { ...RAW, bytes: 64 },
  HMAC_SM3: { ...RAW, bytes: 32 },
  RSA_2048: { ...PAIR, pair: "RSA_2048" },
  RSA_3072: { ...PAIR, pair: "RSA_3072" },
  RSA_4096: { ...PAIR, pair: "RSA_4096" },
  EC_P256: { ...PAIR, pair: "EC_P256" },
  EC_P256K: { ...PAIR, pair: "EC_P256K" },
  EC_P384: { ...PAIR, pair: "EC_P384" },
  EC_P521: { ...PAIR, pair: "EC_P521" },
  ED25519: { ...PAIR, pair: "ED25519" },
  ML_DSA_65: { ...PAIR, pair: "ML_DSA_65" },
  EC_SM2: { kind: "pair", pair: "EC_SM2", wrapping: "SM2PKE_SM4_ECB" },
};

/** `undefined` for a spec that is not known here. */
export function materialSpecOf(keySpec: string): MaterialSpec | undefined {
  return Object.hasOwn(MATERIAL_SPECS, keySpec) ? MATERIAL_SPECS[keySpec] : undefined;
}
