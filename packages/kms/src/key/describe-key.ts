import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { lastRotatedAt } from "../version/latest-version.ts";
import { findKey, onKey } from "./find-key.ts";
import { describedKeyMetadata, toDescribedKeyMetadata } from "./key-metadata.ts";
import { keyReference } from "./key-reference.ts";

export const describeKey = defineOperation({
  ...kms,
  name: "DescribeKey",
  summary: "Tells everything about a key but its material.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
  },
  result: z.object({ KeyMetadata: describedKeyMetadata }),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:DescribeKey", target)],
  handle({ region }, _parameters, { key }) {
    const materialExpiresAt = key.primaryVersion.imported?.expiresAt;
    const metadata = toDescribedKeyMetadata(key, { region, lastRotationAt: lastRotatedAt(key), materialExpiresAt });
    return { result: { KeyMetadata: metadata } };
  },
});
