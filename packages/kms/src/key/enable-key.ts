import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { changeStatus } from "./change-status.ts";
import { findKey, onKey } from "./find-key.ts";
import { enabled } from "./key.ts";
import { keyReference } from "./key-reference.ts";

export const enableKey = defineOperation({
  ...kms,
  name: "EnableKey",
  summary: "Lets a disabled key be used again. An enabled key stays enabled.",
  kind: "control",
  readWrite: "Write",
  parameters: { KeyId: required({ schema: keyReference, description: "The key's id." }) },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:EnableKey", target)],
  handle: (context, _parameters, { key }) => changeStatus(context, key, enabled(key.status)),
});
