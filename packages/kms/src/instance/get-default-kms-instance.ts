import { ApiError, defineOperation, ERRORS } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onInstances } from "./find-instance.ts";
import { findDefaultInstance } from "./instance-repository.ts";

const NONE = "Forbidden.DKMSInstanceNotFound";

export const getDefaultKmsInstance = defineOperation({
  ...kms,
  name: "GetDefaultKmsInstance",
  summary: "Tells which KMS instance is the account's default one.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({ DefaultKmsInstanceId: z.string() }),
  recordedResult: ["DefaultKmsInstanceId"],
  errors: [NONE],
  target: () => undefined,
  access: (context) => [onInstances(context, "kms:GetDefaultKmsInstance")],
  async handle(context) {
    const found = await findDefaultInstance(context, context.principal.accountId);
    if (found === undefined) throw new ApiError(NONE, `${ERRORS[NONE].message} The account has no default instance.`);
    return { result: { DefaultKmsInstanceId: found.id } };
  },
});
