import { defineOperation, invalidParameter, oneOf, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { ENCRYPTION_ALGORITHMS, MAX_ASYMMETRIC_PLAINTEXT_BYTES, maxPlaintextBytes } from "./asymmetric-algorithms.ts";
import { assertCapable } from "./key-capability.ts";
import { findVersionOf, publicBytesOnce } from "./key-work.ts";

export const asymmetricEncrypt = defineOperation({
  ...kms,
  name: "AsymmetricEncrypt",
  summary: "Encrypts a little data to the owner of a pair, with its public key.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    KeyVersionId: required({
      schema: z.string(),
      description: "The id of the key version: pairs have no primary one.",
    }),
    Algorithm: required({
      schema: oneOf(ENCRYPTION_ALGORITHMS),
      description: "How to encrypt, as the key's spec can.",
    }),
    Plaintext: required({
      schema: base64Bytes({ max: MAX_ASYMMETRIC_PLAINTEXT_BYTES }),
      audit: "omit",
      description: "What to encrypt, in base64: as many bytes as the algorithm takes.",
    }),
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), CiphertextBlob: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Forbidden.KeyVersionNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
    "Rejected.Throttling",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:AsymmetricEncrypt", target)],
  handle(context, { KeyVersionId, Algorithm: algorithm, Plaintext: plaintext }, { key }) {
    const version = findVersionOf(context, key, KeyVersionId);
    assertUsable(key.status);
    assertCapable(key, "encryption", algorithm);
    const most = maxPlaintextBytes(key.spec, algorithm);
    if (plaintext.length > most) {
      throw invalidParameter(
        "Plaintext",
        `A key of the spec ${key.spec} encrypts at most ${most} bytes by ${algorithm}.`,
      );
    }
    const { keystore } = context.custody;
    return proceed(
      publicBytesOnce(context, version, (publicKey) => keystore.encrypt(publicKey, algorithm, plaintext)),
      (CiphertextBlob) => ({ result: { KeyId: key.id, KeyVersionId: version.identity.versionId, CiphertextBlob } }),
    );
  },
});
