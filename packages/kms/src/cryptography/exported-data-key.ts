import { KeyFormatError, parsePublicKey, SecretBytes } from "@cinnabar/crypto";
import {
  type AccountId,
  type EncryptionAlgorithm,
  invalidParameter,
  oneOf,
  type ParameterValues,
  proceed,
  required,
  type RequestContext,
} from "@cinnabar/kernel";
import { KEY_SPECS } from "../key/key-spec.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { ENCRYPTION_ALGORITHMS, maxPlaintextBytes } from "./asymmetric-algorithms.ts";
import { MAX_DATA_KEY_BYTES } from "./data-key.ts";

/** Longer than any public key of {@link WRAPPING_KEY_SPECS} in DER: of RSA_2048 it is 294 bytes. */
const MAX_PUBLIC_KEY_BYTES = 512;

const WRAPPING_KEY_SPECS = ["RSA_2048", "EC_SM2"] as const;

/** The parameters that say to whom a data key is exported, and how. */
export const exportParameters = {
  PublicKeyBlob: required({
    schema: base64Bytes({ max: MAX_PUBLIC_KEY_BYTES }),
    description: "The public key to encrypt the data key with: the base64 of its DER SubjectPublicKeyInfo.",
  }),
  WrappingKeySpec: required({ schema: oneOf(WRAPPING_KEY_SPECS), description: "What kind of key that is." }),
  WrappingAlgorithm: required({
    schema: oneOf(ENCRYPTION_ALGORITHMS),
    description: "How to encrypt with it: SM2PKE with a key of the spec EC_SM2, and one of the others with RSA_2048.",
  }),
};

/** Somebody to whom data keys are exported. */
export interface Receiver {
  readonly spec: (typeof WRAPPING_KEY_SPECS)[number];
  readonly algorithm: EncryptionAlgorithm;
  /** The DER of the public key's SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The longest data key that can be exported so. */
  readonly maxBytes: number;
}

/** @throws ApiError `InvalidParameter` if the public key is not of the spec, or the algorithm not one of such keys. */
export function toReceiver(values: ParameterValues<typeof exportParameters>): Receiver {
  const { PublicKeyBlob, WrappingKeySpec: spec, WrappingAlgorithm: algorithm } = values;
  const { encryption } = KEY_SPECS[spec];
  if (!encryption.includes(algorithm)) {
    throw invalidParameter("WrappingAlgorithm", `A key of the spec ${spec} wraps by ${encryption.join(" or ")}.`);
  }
  return { spec, algorithm, spki: toSpki(spec, PublicKeyBlob), maxBytes: maxPlaintextBytes(spec, algorithm) };
}

function toSpki(spec: Receiver["spec"], blob: Uint8Array): Uint8Array {
  try {
    return parsePublicKey(spec, blob);
  } catch (error) {
    if (!(error instanceof KeyFormatError)) throw error;
    const advice = `It must be the base64 of the DER SubjectPublicKeyInfo of a key of the spec ${spec}. ${error.message}`;
    throw invalidParameter("PublicKeyBlob", advice);
  }
}

/**
 * The data key that a text stands for, as GenerateDataKey answered it. The caller clears it.
 *
 * @throws ApiError `InvalidParameter` if the text is no data key, or one that is too long for the receiver.
 */
export function readDataKey(text: string, { algorithm, maxBytes }: Receiver): SecretBytes<Buffer> {
  const bytes = Buffer.from(text, "base64");
  // Encrypt takes other text too, and the decoder skips what is not base64.
  const isDataKey = bytes.length > 0 && bytes.length <= MAX_DATA_KEY_BYTES && bytes.toString("base64") === text;
  if (isDataKey && bytes.length <= maxBytes) return new SecretBytes(bytes);
  const advice = isDataKey
    ? `The data key in it has ${bytes.length} bytes, and ${algorithm} wraps ${maxBytes} at most.`
    : "What it is the ciphertext of is not a data key.";
  bytes.fill(0);
  throw invalidParameter("CiphertextBlob", advice);
}

/**
 * The data key's own bytes, not their base64, encrypted to the receiver, in base64.
 *
 * @param dataKey - stays the caller's to clear, once this is done.
 * @param accountId - that of the key that the data key is encrypted under: slow work is queued among that account's.
 */
export function exportTo(
  context: RequestContext,
  { spec, algorithm, spki }: Receiver,
  { dataKey, accountId }: { readonly dataKey: Uint8Array; readonly accountId: AccountId },
): string | Promise<string> {
  const { keystore } = context.custody;
  return proceed(keystore.encrypt({ accountId, spec, spki }, algorithm, dataKey), (wrapped) =>
    Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.length).toString("base64"),
  );
}
