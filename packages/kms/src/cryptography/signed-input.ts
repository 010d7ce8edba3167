import {
  invalidParameter,
  missingParameter,
  oneOf,
  optional,
  type ParameterValues,
  required,
  type ToSign,
} from "@cinnabar/kernel";
import { z } from "zod";
import { keyReference } from "../key/key-reference.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { DIGEST_BYTES, MAX_MESSAGE_BYTES, SIGNING_ALGORITHMS } from "./asymmetric-algorithms.ts";

const MAX_DIGEST_BYTES = 64;

/** The parameters that say what is signed, and how. */
export const signingParameters = {
  KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
  KeyVersionId: required({ schema: z.string(), description: "The id of the key version: pairs have no primary one." }),
  Algorithm: required({ schema: oneOf(SIGNING_ALGORITHMS), description: "How it is signed, as the key's spec can." }),
  MessageType: optional({
    schema: oneOf(["DIGEST", "RAW"]),
    description:
      "DIGEST, the default, if Digest says what is signed; RAW if Message does. ED25519 and ML_DSA_65 sign messages only.",
  }),
  Digest: optional({
    schema: base64Bytes({ max: MAX_DIGEST_BYTES }),
    description:
      "The message's digest, in base64: by the hash function that the algorithm is named after, for SM2DSA SM3(Z ‖ message) of the user id 1234567812345678. Needed unless MessageType is RAW.",
  }),
  Message: optional({
    schema: base64Bytes({ max: MAX_MESSAGE_BYTES }),
    audit: "omit",
    description: `The message itself, in base64: at most ${MAX_MESSAGE_BYTES} bytes. Needed if MessageType is RAW.`,
  }),
};

/**
 * What is signed, by one of two parameters.
 *
 * @throws ApiError `MissingParameter` or `InvalidParameter`.
 */
export function toSigned(values: ParameterValues<typeof signingParameters>): ToSign {
  const { Algorithm: algorithm, MessageType: type = "DIGEST", Digest: digest, Message: message } = values;
  const digestBytes = DIGEST_BYTES[algorithm];
  if (type === "RAW") {
    if (digest !== undefined)
      throw invalidParameter("Digest", "With the MessageType RAW it is Message that is signed.");
    if (message === undefined) throw missingParameter("Message");
    return { message };
  }
  if (digestBytes === undefined) {
    throw invalidParameter("MessageType", `${algorithm} signs messages: send RAW, and the message as Message.`);
  }
  if (message !== undefined) throw invalidParameter("Message", "It is signed only with the MessageType RAW.");
  if (digest === undefined) throw missingParameter("Digest");
  if (digest.length !== digestBytes) {
    throw invalidParameter(
      "Digest",
      `It must be the base64 of ${digestBytes} bytes: that is a digest of ${algorithm}.`,
    );
  }
  return { digest };
}
