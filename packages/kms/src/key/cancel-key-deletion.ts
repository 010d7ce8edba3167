import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { changeStatus } from "./change-status.ts";
import { findKey, onKey } from "./find-key.ts";
import { deletionCancelled } from "./key.ts";
import { keyReference } from "./key-reference.ts";

export const cancelKeyDeletion = defineOperation({
  ...kms,
  name: "CancelKeyDeletion",
  summary: "Keeps a key whose deletion was scheduled. It is enabled then.",
  kind: "control",
  readWrite: "Write",
  parameters: { KeyId: required({ schema: keyReference, description: "The key's id." }) },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:CancelKeyDeletion", target)],
  handle: (context, _parameters, { key }) => changeStatus(context, key, deletionCancelled(key.status, key)),
});
