import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { integerText } from "../parameters/integer-text.ts";
import { changeStatus } from "./change-status.ts";
import { findKey, onKey } from "./find-key.ts";
import { assertUnprotected, deletionScheduled, PENDING_WINDOW_DAYS } from "./key.ts";
import { keyReference } from "./key-reference.ts";

export const scheduleKeyDeletion = defineOperation({
  ...kms,
  name: "ScheduleKeyDeletion",
  summary: "Stops every use of a key at once, and deletes it for ever after some days unless that is cancelled.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id." }),
    PendingWindowInDays: required({
      schema: integerText(PENDING_WINDOW_DAYS),
      description: `The days until the key is deleted, from ${PENDING_WINDOW_DAYS.min} to ${PENDING_WINDOW_DAYS.max}.`,
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:ScheduleKeyDeletion", target)],
  handle(context, { PendingWindowInDays: days }, { key }) {
    assertUnprotected(key);
    return changeStatus(context, key, deletionScheduled(key.status, { now: context.now, days }));
  },
});
