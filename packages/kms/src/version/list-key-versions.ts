import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { describeVersion, keyVersionAnswer } from "./key-version-answer.ts";

/** Largest page (Alibaba Cloud SDK, "ListKeyVersions"). */
const MAX_PAGE_SIZE = 101;

export const listKeyVersions = defineOperation({
  ...kms,
  name: "ListKeyVersions",
  summary: "Lists the versions of a key, the newest first.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    ...pageParameters({ minSize: 0, maxSize: MAX_PAGE_SIZE }),
  },
  result: z.object({
    KeyVersions: z.object({ KeyVersion: z.array(keyVersionAnswer) }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:ListKeyVersions", target)],
  handle(_context, parameters, { key }) {
    const { number, size } = toPage(parameters);
    const versions = [...key.versions.values()].toSorted((one, other) => other.number - one.number);
    const listed = versions.slice((number - 1) * size, number * size);
    return {
      result: {
        KeyVersions: {
          KeyVersion: listed.map(describeVersion),
        },
        PageNumber: number,
        PageSize: size,
        TotalCount: versions.length,
      },
    };
  },
});
