import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onAnything } from "../resource-name.ts";

export const describeAccountKmsStatus = defineOperation({
  ...kms,
  name: "DescribeAccountKmsStatus",
  summary: "Tells whether the account can use the service. Every account that can ask, can.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({ AccountStatus: z.string() }),
  recordedResult: ["AccountStatus"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAnything("kms:DescribeAccountKmsStatus", context)],
  handle: () => ({ result: { AccountStatus: "Enabled" } }),
});
