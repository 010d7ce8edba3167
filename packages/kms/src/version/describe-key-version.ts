import { ApiError, defineOperation, isId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { describeVersion, keyVersionAnswer } from "./key-version-answer.ts";

export const describeKeyVersion = defineOperation({
  ...kms,
  name: "DescribeKeyVersion",
  summary: "Tells when a version of a key was made.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    KeyVersionId: required({ schema: z.string(), description: "The version's id." }),
  },
  result: z.object({ KeyVersion: keyVersionAnswer }),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound", "Forbidden.KeyVersionNotFound"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:DescribeKeyVersion", target)],
  handle(_context, { KeyVersionId: id }, { key }) {
    const version = isId("KeyVersion", id) ? key.versions.get(id) : undefined;
    if (version === undefined) throw new ApiError("Forbidden.KeyVersionNotFound");
    return { result: { KeyVersion: describeVersion(version) } };
  },
});
