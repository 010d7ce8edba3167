import {
  defineOperation,
  type ImportParameters,
  OncePerCall,
  oneOf,
  optional,
  proceed,
  required,
} from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, kms } from "../api.ts";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { assertExternal, assertWrapping, IMPORT_WRAPPING_NAMES, importedVersion } from "./imported-key.ts";

/** How long an import token is of use (Alibaba Cloud KMS, "GetParametersForImport"). */
const TOKEN_MILLIS = 24 * 60 * 60 * 1000;
const SECOND_MILLIS = 1000;

interface IssuedParameters extends ImportParameters {
  readonly expiresAt: number;
}

const issued = new OncePerCall<IssuedParameters>();

export const getParametersForImport = defineOperation({
  ...kms,
  name: "GetParametersForImport",
  summary: "Makes a pair of keys under which a key's material can be wrapped, and the token with which it is imported.",
  kind: "crypto",
  throttlingClass: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id." }),
    WrappingAlgorithm: required({
      schema: oneOf(IMPORT_WRAPPING_NAMES),
      description: "How the material will be wrapped.",
    }),
    WrappingKeySpec: required({
      schema: oneOf(["RSA_2048", "EC_SM2"]),
      description: "The kind of pair it will be wrapped under.",
    }),
    KeyVersionId: optional({
      schema: z.string(),
      description:
        "The key version whose material it is: by default the one that CreateKeyVersion made for new material, else the primary one.",
    }),
  },
  result: z.object({
    KeyId: z.string(),
    PublicKey: z.string(),
    ImportToken: z.string(),
    TokenExpireTime: z.string(),
  }),
  recordedResult: ["TokenExpireTime"],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.KeyVersionNotFound",
    "Unsupported.Alias",
    "Unsupported.Origin",
    "Rejected.Throttling",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:GetParametersForImport", target)],
  handle(context, { WrappingAlgorithm: wrapping, WrappingKeySpec: keySpec, KeyVersionId }, { key }) {
    assertExternal(key);
    assertWrapping(key, { wrapping, keySpec });
    const { id: keyId, accountId } = key;
    const { versionId } = importedVersion(key, KeyVersionId).identity;
    context.note({ keyVersionId: versionId });
    const { imports } = context.custody;
    return proceed(findAccountKeys(context, accountId), ({ current }) => {
      const parameters = issued.run(context, `${versionId} ${current.version}`, async () => {
        // A whole second: the moment is the very one that the answer shows.
        const expiresAt = Math.floor((context.now + TOKEN_MILLIS) / SECOND_MILLIS) * SECOND_MILLIS;
        const made = await imports.newParameters({ accountId, keyId, versionId, wrapping, expiresAt }, current);
        return { ...made, expiresAt };
      });
      return proceed(parameters, ({ publicKey, token, expiresAt }) => ({
        result: {
          KeyId: keyId,
          PublicKey: Buffer.from(publicKey).toString("base64"),
          ImportToken: Buffer.from(token).toString("base64"),
          TokenExpireTime: formatInstant(expiresAt),
        },
      }));
    });
  },
});
