import type { Custody, Logger, Metrics, Store } from "@cinnabar/kernel";
import type { AccountQuotas } from "@cinnabar/kms";
import {
  eventIndex,
  followedUpTo,
  forgetBefore,
  LogFollower,
  OwnTail,
  recountedBodies,
  type SegmentContributor,
  UsageRecount,
} from "@cinnabar/trail";
import { destructionJobs, type DestructionPolicy } from "./destruction/index.ts";
import { andThen, type Job } from "./jobs/index.ts";
import { RotateKeys } from "./key-rotation/index.ts";
import { keyUsageContributor } from "./key-usage.ts";
import { RewrapAccountKeys } from "./rotation/index.ts";
import { accountKeyUses } from "./tables.ts";
import { AuditRetention, DiskWatch, type RetentionPolicy } from "./retention/index.ts";

const FOLLOWED_BY: readonly SegmentContributor[] = [eventIndex, keyUsageContributor];

/** Digests what a node puts on record, for its job that follows the logs. */
export function newOwnTail(): OwnTail {
  return new OwnTail(FOLLOWED_BY);
}

/** What the jobs of a node work with. */
export interface JobParts {
  readonly store: Store;
  readonly custody: Custody;
  /** Is shown every batch that the store writes. */
  readonly ownTail: OwnTail;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly destruction: DestructionPolicy;
  /** What one account may have; as much as it likes if left out. */
  readonly quotas: AccountQuotas | undefined;
  readonly retention: RetentionPolicy;
  /** URL of the store's database. */
  readonly database: string;
}

/** The jobs of a node, in the order in which they are done where all are done at once. */
export function nodeJobs({
  store,
  custody,
  ownTail,
  log,
  metrics,
  destruction,
  quotas,
  retention,
  database,
}: JobParts): readonly Job[] {
  return [
    ...destructionJobs({ store, custody, log, metrics, destruction }),
    new RotateKeys({ store, custody, quotas, log, metrics }),
    new RewrapAccountKeys({ store, uses: accountKeyUses, log, metrics }),
    andThen(
      new LogFollower({
        backend: store.backend,
        contributors: FOLLOWED_BY,
        own: ownTail,
        now: () => store.clock.now(),
      }),
      new UsageRecount(store.backend),
    ),
    new AuditRetention({
      store,
      log,
      metrics,
      policy: retention,
      readers: [{ followedUpTo, forgetBefore }, recountedBodies],
    }),
    new DiskWatch({ store, log, metrics, policy: retention, database }),
  ];
}
