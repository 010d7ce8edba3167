import { type MacSpec, oneOf, required } from "@cinnabar/kernel";
import { keyReference } from "../key/key-reference.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { MAX_MESSAGE_BYTES } from "./asymmetric-algorithms.ts";

const MAC_ALGORITHMS = [
  "HMAC_SM3",
  "HMAC_SHA_224",
  "HMAC_SHA_256",
  "HMAC_SHA_384",
  "HMAC_SHA_512",
] as const satisfies readonly MacSpec[];

/** More than any algorithm's code has: of HMAC_SHA_512 it is 64 bytes. */
export const MAX_MAC_BYTES = 64;

/** The parameters that say of what a code is, and how it is made. */
export const macParameters = {
  KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
  Algorithm: required({ schema: oneOf(MAC_ALGORITHMS), description: "How the code is made: that of the key's spec." }),
  Message: required({
    schema: base64Bytes({ max: MAX_MESSAGE_BYTES }),
    audit: "omit",
    description: `The message, in base64: at most ${MAX_MESSAGE_BYTES} bytes.`,
  }),
};
