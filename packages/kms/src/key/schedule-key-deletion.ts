import { type DeclaredOperation, defineOperation, integerText, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { changeStatus } from "./change-status.ts";
import { findKey, onKey } from "./find-key.ts";
import { assertUnprotected, deletionScheduled, PENDING_WINDOW_DAYS } from "./key.ts";
import { keyReference } from "./key-reference.ts";
import type { KeyUsageSource } from "./key-usage.ts";
import { usageImpact } from "./usage-impact.ts";
import { assertUsageReviewed, usageReportHash } from "./usage-review.ts";

export function scheduleKeyDeletion(usage: KeyUsageSource): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "ScheduleKeyDeletion",
    summary: "Stops every use of a key at once, and deletes it for ever after some days unless that is cancelled.",
    kind: "control",
    queue: "lookup",
    queuedWith: "UsageReportHash",
    readWrite: "Write",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id." }),
      PendingWindowInDays: required({
        schema: integerText(PENDING_WINDOW_DAYS),
        description: `The days until the key is deleted, from ${PENDING_WINDOW_DAYS.min} to ${PENDING_WINDOW_DAYS.max}.`,
      }),
      UsageReportHash: optional({
        schema: usageReportHash,
        description:
          "The hash that GetKeyUsage answered, to say that its report was reviewed. Needed where the account requires that.",
      }),
    },
    result: z.object({}),
    recordedResult: [],
    errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed", "Rejected.UsageNotReviewed"],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
    access: (context, target) => [onKey(context, "kms:ScheduleKeyDeletion", target)],
    async handle(context, { PendingWindowInDays: days, UsageReportHash: hash }, { key, reach }) {
      assertUnprotected(key);
      const status = deletionScheduled(key.status, { now: context.now, days });
      // What a guest left behind nobody but the owner of the instance can use, and the guest may have denied it the report.
      if (reach !== "leftBehind" || hash !== undefined) await assertUsageReviewed(context, usage, { key, hash });
      return changeStatus(context, key, status);
    },
    impact: usageImpact(usage),
  });
}
