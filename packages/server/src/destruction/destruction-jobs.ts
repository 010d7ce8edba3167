import type { Custody, Logger, Metrics, Store } from "@cinnabar/kernel";
import type { Job } from "../jobs/index.ts";
import { accountKeyUses } from "../tables.ts";
import { DestroyKeys } from "./destroy-keys.ts";
import type { DestructionPolicy } from "./destruction-policy.ts";
import { ExpireMaterial } from "./expire-material.ts";
import { followChanges } from "./follow-changes.ts";
import { RetireAccountKeys } from "./retire-account-keys.ts";

/** The jobs that carry out a policy of destruction, in the order in which one makes the next one's work due. */
export function destructionJobs({
  destruction: { delayMillis, backupRetentionMillis },
  ...parts
}: {
  readonly store: Store;
  readonly custody: Custody;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly destruction: DestructionPolicy;
}): readonly Job[] {
  return [
    new ExpireMaterial({ ...parts, delayMillis }),
    new DestroyKeys({ ...parts, delayMillis }),
    ...(backupRetentionMillis === undefined
      ? []
      : [new RetireAccountKeys({ ...parts, uses: accountKeyUses, delayMillis, backupRetentionMillis })]),
    followChanges(parts.store),
  ];
}
