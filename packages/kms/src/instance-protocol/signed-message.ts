import {
  invalidParameter,
  type KeySpec,
  missingParameter,
  oneOf,
  optional,
  type ParameterValues,
  type SigningAlgorithm,
  type ToSign,
} from "@cinnabar/kernel";
import { DIGEST_BYTES, MAX_MESSAGE_BYTES, SIGNING_ALGORITHMS } from "../cryptography/asymmetric-algorithms.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { MAX_FIELD_BYTES } from "./instance-api.ts";
import { keyId, keyVersionId } from "./instance-key.ts";

const MAX_DIGEST_BYTES = 64;

/** The parameters that say what is signed, and how (KMS Instance API, "Sign"). */
export const signedParameters = {
  KeyId: keyId,
  KeyVersionId: keyVersionId,
  Algorithm: optional({
    schema: oneOf(SIGNING_ALGORITHMS),
    description: "How it is signed: by default as the key's spec does, RSA_PSS_SHA_256 for RSA.",
  }),
  MessageType: optional({
    schema: oneOf(["RAW", "DIGEST"]),
    description: "RAW, the default, if Message is the message itself; DIGEST if it is the message's digest.",
  }),
  Message: optional({
    schema: base64Bytes({ max: MAX_FIELD_BYTES }),
    audit: "omit",
    description: `The message, or its digest: by the hash function of the algorithm, for SM2DSA SM3(Z ‖ message). ED25519 and ML_DSA_65 sign messages of at most ${MAX_MESSAGE_BYTES} bytes.`,
  }),
  Digest: optional({
    schema: base64Bytes({ max: MAX_DIGEST_BYTES }),
    description: "The message's digest, as older clients send it instead of Message.",
  }),
};

/** How the key signs whose caller asks for an algorithm, or for none: then by the first one of its spec. */
export function toSigningAlgorithm(asked: SigningAlgorithm | undefined, spec: KeySpec): SigningAlgorithm {
  // What no key of the spec signs by is refused with what it can do.
  return asked ?? KEY_SPECS[spec].signing[0] ?? "RSA_PSS_SHA_256";
}

/**
 * What is signed.
 *
 * @throws ApiError `MissingParameter` or `InvalidParameter`.
 */
export function toSigned(
  { MessageType: type = "RAW", Message: message, Digest }: ParameterValues<typeof signedParameters>,
  algorithm: SigningAlgorithm,
): ToSign {
  if (message !== undefined && Digest !== undefined) throw invalidParameter("Digest", "Message says what is signed.");
  const bytes = DIGEST_BYTES[algorithm];
  if (type === "RAW" && message !== undefined) {
    // What is hashed first is short while it waits for its turn, whatever its length.
    if (bytes !== undefined || message.length <= MAX_MESSAGE_BYTES) return { message };
    throw invalidParameter("Message", `${algorithm} signs messages of at most ${MAX_MESSAGE_BYTES} bytes.`);
  }
  const digest = message ?? Digest;
  if (digest === undefined) throw missingParameter("Message");
  if (bytes === undefined) throw invalidParameter("MessageType", `${algorithm} signs messages: send RAW.`);
  if (digest.length !== bytes) {
    const name = message === undefined ? "Digest" : "Message";
    throw invalidParameter(name, `The digest that ${algorithm} signs has ${bytes} bytes.`);
  }
  return { digest };
}
