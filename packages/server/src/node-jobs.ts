import type { Logger, Metrics, Store } from "@cinnabar/kernel";
import { eventIndex, followedUpTo, forgetBefore, LogFollower } from "@cinnabar/trail";
import { destructionJobs, type DestructionPolicy } from "./destruction/index.ts";
import type { Job } from "./jobs/index.ts";
import { keyUsageContributor } from "./key-usage.ts";
import { RewrapAccountKeys } from "./rotation/index.ts";
import { accountKeyUses } from "./tables.ts";
import { AuditRetention, DiskWatch, type RetentionPolicy } from "./retention/index.ts";

/** What the jobs of a node work with. */
export interface JobParts {
  readonly store: Store;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly destruction: DestructionPolicy;
  readonly retention: RetentionPolicy;
  /** URL of the store's database. */
  readonly database: string;
}

/** The jobs of a node, in the order in which they are done where all are done at once. */
export function nodeJobs({ store, log, metrics, destruction, retention, database }: JobParts): readonly Job[] {
  return [
    ...destructionJobs({ store, log, metrics, destruction }),
    new RewrapAccountKeys({ store, uses: accountKeyUses, log, metrics }),
    new LogFollower({
      backend: store.backend,
      contributors: [eventIndex, keyUsageContributor],
      now: () => store.clock.now(),
    }),
    new AuditRetention({ store, log, metrics, policy: retention, readers: [{ followedUpTo, forgetBefore }] }),
    new DiskWatch({ store, log, metrics, policy: retention, database }),
  ];
}
