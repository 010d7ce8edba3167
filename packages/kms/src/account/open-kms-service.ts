import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onAnything } from "../resource-name.ts";

export const openKmsService = defineOperation({
  ...kms,
  name: "OpenKmsService",
  summary: "Would open the service for the account: it is always open already, and says so.",
  kind: "read",
  throttlingClass: "OpenKmsService",
  readWrite: "Write",
  parameters: {},
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.Opened"],
  target: () => undefined,
  access: (context) => [onAnything("kms:OpenKmsService", context)],
  handle() {
    throw new ApiError("Forbidden.Opened");
  },
});
