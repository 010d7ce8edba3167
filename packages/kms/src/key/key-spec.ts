import type { EncryptionAlgorithm, KeySpec, MacSpec, SigningAlgorithm } from "@cinnabar/kernel";

/**
 * What a key is for, as the API writes it. `GENERATE/VERIFY_MAC` is of this server: nothing is published about how keys of
 * message authentication codes are made.
 */
export type KeyUsage = "ENCRYPT/DECRYPT" | "SIGN/VERIFY" | "GENERATE/VERIFY_MAC";

export const KEY_USAGES: readonly KeyUsage[] = ["ENCRYPT/DECRYPT", "SIGN/VERIFY", "GENERATE/VERIFY_MAC"];

/** What a spec's keys are and can do. */
export interface KeySpecFacts {
  /** One secret that encrypts, a pair, or one secret that authenticates messages. */
  readonly family: "symmetric" | "asymmetric" | "mac";
  /** What its keys can be for, of which each is for one. The first is what a key is for whose maker does not say. */
  readonly usages: readonly [KeyUsage, ...KeyUsage[]];
  /** How its keys sign. */
  readonly signing: readonly SigningAlgorithm[];
  /** How its public keys encrypt. */
  readonly encryption: readonly EncryptionAlgorithm[];
  /** How its keys authenticate messages. */
  readonly mac: readonly MacSpec[];
  /** Whether a version of its keys may encrypt 2^32 messages with Encrypt and its like, so that they are counted. */
  readonly countsMessages?: true;
  /** Whether this server has it beside what is published. */
  readonly isExtension?: true;
}

const NONE = { signing: [], encryption: [], mac: [] } as const;
const SYMMETRIC: KeySpecFacts = { ...NONE, family: "symmetric", usages: ["ENCRYPT/DECRYPT"] };
const COUNTED: KeySpecFacts = { ...SYMMETRIC, countsMessages: true };
const RSA: KeySpecFacts = {
  ...NONE,
  family: "asymmetric",
  usages: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
  signing: ["RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256"],
  encryption: ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"],
};

/** Every spec that there is, the published ones first (Alibaba Cloud SDK, "CreateKey"; KMS, "Key types and specifications"). */
export const KEY_SPECS: Readonly<Record<KeySpec, KeySpecFacts>> = {
  Aliyun_AES_256: SYMMETRIC,
  Aliyun_AES_192: COUNTED,
  Aliyun_AES_128: COUNTED,
  Aliyun_SM4: COUNTED,
  RSA_2048: RSA,
  RSA_3072: RSA,
  RSA_4096: { ...RSA, encryption: ["RSAES_OAEP_SHA_256"] },
  EC_P256: signing("ECDSA_SHA_256"),
  EC_P256K: signing("ECDSA_SHA_256"),
  EC_SM2: {
    ...NONE,
    family: "asymmetric",
    usages: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
    signing: ["SM2DSA"],
    encryption: ["SM2PKE"],
  },
  HMAC_SHA_224: mac("HMAC_SHA_224"),
  HMAC_SHA_256: mac("HMAC_SHA_256"),
  HMAC_SHA_384: mac("HMAC_SHA_384"),
  HMAC_SHA_512: mac("HMAC_SHA_512"),
  HMAC_SM3: mac("HMAC_SM3"),
  EC_P384: { ...signing("ECDSA_SHA_384"), isExtension: true },
  EC_P521: { ...signing("ECDSA_SHA_512"), isExtension: true },
  ED25519: { ...signing("ED25519"), isExtension: true },
  ML_DSA_65: { ...signing("ML_DSA_65"), isExtension: true },
};

function signing(algorithm: SigningAlgorithm): KeySpecFacts {
  return { ...NONE, family: "asymmetric", usages: ["SIGN/VERIFY"], signing: [algorithm] };
}

function mac(algorithm: MacSpec): KeySpecFacts {
  return { ...NONE, family: "mac", usages: ["GENERATE/VERIFY_MAC"], mac: [algorithm] };
}

/** Every spec's name. */
export const KEY_SPEC_NAMES: readonly KeySpec[] = Object.keys(KEY_SPECS).filter(isKeySpec);

export function isKeySpec(spec: string): spec is KeySpec {
  return Object.hasOwn(KEY_SPECS, spec);
}
