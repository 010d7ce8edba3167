import { randomUUID } from "node:crypto";
import { NoteSigner } from "@cinnabar/merkle-log";
import type { Kysely } from "kysely";
import { Checkpointer, type SignedCheckpoint } from "../audit/checkpointer.ts";
import { openSigningKey } from "../audit/signing-key.ts";
import { encodeSystemEvent } from "../audit/system-event.ts";
import { type DeploymentKeys, openDeploymentKeys } from "../custody/deployment-keys.ts";
import { NodeKey } from "../custody/node-key.ts";
import type { RootKey } from "../custody/root-key.ts";
import { StoreClock } from "../platform/store-clock.ts";
import type { Backend, StoreReader } from "./backend.ts";
import { readLastBatch } from "./batch-rows.ts";
import { Committer, type CommitterObserver, type OwnShard } from "./committer.ts";
import { CONTROL_SHARD, ControlRunner } from "./control.ts";
import { loadDeployment } from "./deployment.ts";
import { EntityCache } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { RowGuard } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { epochSumPlace } from "./sum-places.ts";
import { closeShard, openShard, type ShardContext } from "./shards.ts";

const CLOCK_CHECK_MILLIS = 5_000;
const CHECKPOINT_MILLIS = 1_000;

/** What the store tells its process beside the committer's news. */
export interface StoreObserver extends CommitterObserver {
  /** The database's clock is more than a minute behind the greatest time on record. */
  clockBehind(): void;
  /** These were signed and stored; often none. */
  checkpointed(checkpoints: readonly SignedCheckpoint[]): void;
}

/** An open store: one process's cache, clock, committer and shard on a database that several processes may share. */
export class Store {
  readonly backend: Backend;
  readonly guard: RowGuard;
  /** What is open of the deployment's keys. */
  readonly keys: DeploymentKeys;
  readonly cache: EntityCache;
  readonly clock: StoreClock;
  readonly control: ControlRunner;
  readonly committer: Committer;
  readonly region: string;
  /** Checkpoints of the logs are signed under this name. */
  readonly origin: string;
  /** Signs checkpoints, and what else this deployment vouches for, under {@link Store.origin}. */
  readonly signer: NoteSigner;
  /** Reads outside transactions. */
  readonly reader: Kysely<unknown>;
  readonly #observer: StoreObserver;
  readonly #checkpointer: Checkpointer;
  readonly #shards: ShardContext;
  readonly #timers: NodeJS.Timeout[] = [];
  #work: Promise<void> = Promise.resolve();

  private constructor(parts: {
    backend: Backend;
    guard: RowGuard;
    keys: DeploymentKeys;
    cache: EntityCache;
    clock: StoreClock;
    control: ControlRunner;
    shards: ShardContext;
    shard: OwnShard;
    checkpointer: Checkpointer;
    signer: NoteSigner;
    origin: string;
    observer: StoreObserver;
  }) {
    this.backend = parts.backend;
    this.guard = parts.guard;
    this.keys = parts.keys;
    this.cache = parts.cache;
    this.clock = parts.clock;
    this.control = parts.control;
    this.region = parts.shards.region;
    this.origin = parts.origin;
    this.signer = parts.signer;
    this.reader = kyselyOn(parts.backend.kind, parts.backend.reader);
    this.#observer = parts.observer;
    this.#checkpointer = parts.checkpointer;
    this.#shards = parts.shards;
    this.committer = new Committer({
      backend: parts.backend,
      cache: parts.cache,
      guard: parts.guard,
      clock: parts.clock,
      shard: parts.shard,
      observer: parts.observer,
      readTime: () => readStoreTime(parts.backend),
      encodeCorrection: (eventIds, epoch) =>
        encodeSystemEvent({
          name: "CorrectAnswers",
          region: parts.shards.region,
          eventId: randomUUID().toUpperCase(),
          time: parts.clock.now(),
          epoch,
          data: { answered: 503, eventIds },
        }),
    });
    this.#every(CLOCK_CHECK_MILLIS, () => this.#checkClock());
    this.#every(CHECKPOINT_MILLIS, () => this.#checkpoint());
  }

  /**
   * Opens a migrated and initialised store and takes this node's shard.
   *
   * @param options.node - 32 hexadecimal digits that name the node.
   * @throws TamperedRowError if the store's description does not carry its MAC under `rootKey`.
   */
  static async open(options: {
    backend: Backend;
    rootKey: RootKey;
    node: string;
    observer: StoreObserver;
  }): Promise<Store> {
    const { backend, rootKey, observer } = options;
    const keys = await openDeploymentKeys(backend, rootKey);
    const guard = new RowGuard(keys.guardKeys);
    const deployment = await loadDeployment(backend, guard);
    const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
    const epoch = await kernel.selectFrom("epoch").selectAll().where("id", "=", 1).executeTakeFirstOrThrow();
    // Before the store's time is believed: the sum is authenticated together with it.
    guard.openSum(epoch.sum, epochSumPlace(epoch));
    const clock = new StoreClock(await readHighWater(backend));
    clock.check(await readStoreTime(backend));
    if (clock.behind) observer.clockBehind();
    const cache = new EntityCache({ backend, guard, epoch, tampered: (error) => observer.tampered(error) });
    const control = new ControlRunner({ backend, guard, cache, clock, fatal: (reason) => observer.fenced(reason) });
    const nodeKey = new NodeKey(keys.accountKeyWrap);
    const shards = { control, region: deployment.region, nodeKey };
    const shard = await openShard(shards, options.node);
    const { origin } = deployment;
    const reader = { db: kyselyOn<unknown>(backend.kind, backend.reader), guard };
    keys.followBy(() => nodeKey.receive(reader, { shard: shard.id, origin }));
    const key = openSigningKey({ rootKey, origin, wrapped: deployment.wrapped_signing_key });
    const signer = new NoteSigner({ name: origin, key });
    const checkpointer = new Checkpointer({ backend, guard, signer });
    return new Store({
      backend,
      guard,
      keys,
      cache,
      clock,
      control,
      shards,
      shard,
      checkpointer,
      signer,
      origin,
      observer,
    });
  }

  /** Settles what was submitted, closes the shard, signs the last checkpoints and lets the database go. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      await this.#work;
      // The request of a control transaction may have been answered 503 meanwhile: its correction goes with a last batch.
      await this.control.idle();
      await this.committer.drain();
      await closeShard(this.#shards, this.committer.shard);
      await this.#checkpoint();
    } finally {
      await this.backend.close();
    }
  }

  async #checkClock(): Promise<void> {
    const wasBehind = this.clock.behind;
    this.clock.check(await readStoreTime(this.backend));
    if (this.clock.behind && !wasBehind) this.#observer.clockBehind();
  }

  async #checkpoint(): Promise<void> {
    const { id, frontier } = this.committer.shard;
    this.#observer.checkpointed(await this.#checkpointer.run({ id, frontier }));
  }

  /** Runs background work one at a time; a database that does not answer is the observer's news, not a crash. */
  #every(millis: number, work: () => Promise<void>): void {
    let isWaiting = false;
    const timer = setInterval(() => {
      if (isWaiting) return;
      isWaiting = true;
      this.#work = this.#work
        .then(work)
        .catch((error: unknown) => this.#observer.unavailable(error))
        .finally(() => {
          isWaiting = false;
        });
    }, millis);
    timer.unref();
    this.#timers.push(timer);
  }
}

/** The store's time as the database has it now, in milliseconds since 1970. */
export async function readStoreTime(backend: StoreReader): Promise<number> {
  const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const row = await kernel.selectFrom("epoch").select("clock_offset").where("id", "=", 1).executeTakeFirstOrThrow();
  return (await backend.clock()) + row.clock_offset;
}

/** The greatest store time on record since the last clock reset. */
export async function readHighWater(backend: StoreReader): Promise<number> {
  const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const epoch = await kernel
    .selectFrom("epoch")
    .select(["time", "clock_epoch"])
    .where("id", "=", 1)
    .executeTakeFirstOrThrow();
  let highWater = epoch.time;
  const shards = await kernel.selectFrom("shard").select("id").execute();
  for (const id of [CONTROL_SHARD, ...shards.map((shard) => shard.id)]) {
    const last = await readLastBatch(kernel, id);
    if (last !== undefined && last.epoch >= epoch.clock_epoch) highWater = Math.max(highWater, last.time);
  }
  return highWater;
}
