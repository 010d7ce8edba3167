import { ApiError, type EncryptionAlgorithm, ERRORS, type KeySpec, oneOf } from "@cinnabar/kernel";
import type { z } from "zod";
import { ENCRYPTION_ALGORITHMS } from "../cryptography/asymmetric-algorithms.ts";
import { KEY_SPECS } from "../key/key-spec.ts";

const SYMMETRIC_ALGORITHMS = ["AES_GCM", "SM4_GCM"] as const;
/** Published too, for keys of hardware instances and of curves (KMS Instance API, "Encrypt"). */
const UNSERVED_ALGORITHMS = ["AES_CBC", "AES_ECB", "SM4_CBC", "SM4_ECB", "ECIES_DH_SHA_1_XOR_HMAC"] as const;

/** How something is encrypted, by the published names. */
export type NamedAlgorithm =
  | EncryptionAlgorithm
  | (typeof SYMMETRIC_ALGORITHMS)[number]
  | (typeof UNSERVED_ALGORITHMS)[number];

export const encryptionAlgorithm: z.ZodType<NamedAlgorithm> = oneOf([
  ...SYMMETRIC_ALGORITHMS,
  ...ENCRYPTION_ALGORITHMS,
  ...UNSERVED_ALGORITHMS,
]);

/**
 * How a pair encrypts whose caller asks for an algorithm, or for none: then by the first one of its spec.
 *
 * @throws ApiError `Rejected.UnsupportedOperation` if it encrypts by no such algorithm.
 */
export function toPairAlgorithm(algorithm: NamedAlgorithm | undefined, spec: KeySpec): EncryptionAlgorithm {
  const { encryption, usages } = KEY_SPECS[spec];
  const found = encryption.find((known) => algorithm === undefined || known === algorithm);
  if (found !== undefined) return found;
  const code = "Rejected.UnsupportedOperation";
  const advice =
    encryption.length === 0 ? `The key is for ${usages.join(" or ")}.` : `It encrypts by ${encryption.join(" or ")}.`;
  throw new ApiError(code, `${ERRORS[code].message} The key is of the spec ${spec}. ${advice}`);
}
