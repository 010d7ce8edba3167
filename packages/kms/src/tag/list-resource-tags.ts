import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { toTagValues } from "./tag-repository.ts";

export const listResourceTags = defineOperation({
  ...kms,
  name: "ListResourceTags",
  summary: "Lists a key's tags.",
  kind: "read",
  throttlingClass: "ListResourceTags",
  readWrite: "Read",
  parameters: { KeyId: required({ schema: keyReference, description: "The key's id." }) },
  result: z.object({
    Tags: z.object({ Tag: z.array(z.object({ KeyId: z.string(), TagKey: z.string(), TagValue: z.string() })) }),
  }),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:ListResourceTags", target)],
  handle: (_context, _parameters, { key: { id, tags } }) => ({
    result: {
      Tags: { Tag: [...toTagValues(tags)].map(([key, value]) => ({ KeyId: id, TagKey: key, TagValue: value })) },
    },
  }),
});
