import { type KeyObject, sign, verify } from "node:crypto";

/** Lengths of ML-DSA-65 (FIPS 204, table 2). */
export const ML_DSA_65 = { publicKeyBytes: 1952, signatureBytes: 3309 } as const;

/**
 * Signs with ML-DSA-65 (FIPS 204, section 5.2), hedged, with an empty context. Takes milliseconds.
 *
 * @param input.privateKey - of type `ml-dsa-65`.
 */
export function signMlDsa65(input: { readonly privateKey: KeyObject; readonly message: Uint8Array }): Buffer {
  assertType(input.privateKey);
  return sign(null, input.message, input.privateKey);
}

/** Whether `signature` is one of `message` (FIPS 204, section 5.3, empty context). */
export function verifyMlDsa65(input: {
  readonly publicKey: KeyObject;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}): boolean {
  assertType(input.publicKey);
  const { publicKey, message, signature } = input;
  return signature.length === ML_DSA_65.signatureBytes && verify(null, message, publicKey, signature);
}

function assertType(key: KeyObject): void {
  if (key.asymmetricKeyType !== "ml-dsa-65") throw new RangeError("an ML-DSA-65 key is needed");
}
