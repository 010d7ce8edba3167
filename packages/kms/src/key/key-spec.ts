import type { KeySpec } from "@cinnabar/kernel";

/** What a key is for, as the API writes it. */
export type KeyUsage = "ENCRYPT/DECRYPT";

/** Every published spec (Alibaba Cloud SDK, "CreateKey"), those that cannot be made yet included. */
export const PUBLISHED_KEY_SPECS = [
  "Aliyun_AES_256",
  "Aliyun_AES_192",
  "Aliyun_AES_128",
  "Aliyun_SM4",
  "RSA_2048",
  "RSA_3072",
  "RSA_4096",
  "EC_P256",
  "EC_P256K",
  "EC_SM2",
] as const;

/** The usages of each spec that can be made. */
export const KEY_SPECS: Readonly<Record<KeySpec, { readonly usages: readonly [KeyUsage] }>> = {
  Aliyun_AES_256: { usages: ["ENCRYPT/DECRYPT"] },
};

export function isMakeable(spec: string): spec is KeySpec {
  return Object.hasOwn(KEY_SPECS, spec);
}
