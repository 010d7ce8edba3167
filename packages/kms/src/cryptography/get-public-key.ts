import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { assertPair } from "./key-capability.ts";
import { findVersionOf, publicKeyOf } from "./key-work.ts";

const PEM_LINE_CHARACTERS = 64;

export const getPublicKey = defineOperation({
  ...kms,
  name: "GetPublicKey",
  summary: "Gives the public key of a pair.",
  kind: "crypto",
  throttlingClass: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    KeyVersionId: required({
      schema: z.string(),
      description: "The id of the key version: pairs have no primary one.",
    }),
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), PublicKey: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Forbidden.KeyVersionNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.PendingImport",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:GetPublicKey", target)],
  handle(context, { KeyVersionId }, { key }) {
    const version = findVersionOf(context, key, KeyVersionId);
    assertPair(key.spec);
    return {
      result: {
        KeyId: key.id,
        KeyVersionId: version.identity.versionId,
        PublicKey: encodePem(publicKeyOf(version).spki),
      },
    };
  },
});

/** PEM of a SubjectPublicKeyInfo (RFC 7468, section 13). */
function encodePem(spki: Uint8Array): string {
  const base64 = Buffer.from(spki).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${PEM_LINE_CHARACTERS}}`, "g")) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}
