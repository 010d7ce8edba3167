import { ApiError, ERRORS, type KeySpec } from "@cinnabar/kernel";
import type { Key } from "../key/key.ts";
import { KEY_SPECS, type KeyUsage } from "../key/key-spec.ts";

type KeyKind = Pick<Key, "spec" | "usage">;

/** What each operation on pairs and on message authentication codes needs a key to be able to. */
const CAPABILITIES = {
  signing: { usage: "SIGN/VERIFY", verb: "signs with" },
  encryption: { usage: "ENCRYPT/DECRYPT", verb: "encrypts with" },
  mac: { usage: "GENERATE/VERIFY_MAC", verb: "authenticates messages with" },
} as const satisfies Readonly<Record<string, { readonly usage: KeyUsage; readonly verb: string }>>;

/**
 * Refuses what a key is not for, or an algorithm that its spec does not have.
 *
 * @throws {@link ApiError} `Rejected.UnsupportedOperation`.
 */
export function assertCapable(
  { spec, usage }: KeyKind,
  capability: keyof typeof CAPABILITIES,
  algorithm: string,
): void {
  const facts = KEY_SPECS[spec];
  const needed = CAPABILITIES[capability];
  const algorithms: readonly string[] = facts[capability];
  if (algorithms.length === 0) throw notSupported(`No key of the spec ${spec} is for that: the key is for ${usage}.`);
  if (usage !== needed.usage) throw notSupported(`The key is for ${usage}, not for ${needed.usage}.`);
  if (!algorithms.includes(algorithm)) {
    throw notSupported(`A key of the spec ${spec} ${needed.verb} ${algorithms.join(" or ")}, not ${algorithm}.`);
  }
}

/**
 * Refuses to show the public key of a key that is no pair.
 *
 * @throws {@link ApiError} `Rejected.UnsupportedOperation`.
 */
export function assertPair(spec: KeySpec): void {
  if (KEY_SPECS[spec].family !== "asymmetric") throw notSupported(`A key of the spec ${spec} has no public key.`);
}

function notSupported(advice: string): ApiError {
  return new ApiError("Rejected.UnsupportedOperation", `${ERRORS["Rejected.UnsupportedOperation"].message} ${advice}`);
}

/**
 * Refuses to encrypt or decrypt with one secret under a key that is something else.
 *
 * @throws {@link ApiError} `UnsupportedOperation`.
 */
export function assertSymmetricKey({ spec, usage }: KeyKind): void {
  if (KEY_SPECS[spec].family === "symmetric") return;
  const use = usage === "ENCRYPT/DECRYPT" ? "AsymmetricEncrypt and AsymmetricDecrypt" : usage;
  const advice = `The key is of the spec ${spec}, for ${use}.`;
  throw new ApiError("UnsupportedOperation", `${ERRORS.UnsupportedOperation.message} ${advice}`);
}
