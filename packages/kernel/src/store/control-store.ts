import type { Kysely } from "kysely";
import { StoreClock } from "../platform/store-clock.ts";
import type { Backend } from "./backend.ts";
import { type ControlOutcome, ControlRunner, type ControlTransaction } from "./control.ts";
import { loadDeployment } from "./deployment.ts";
import { EntityCache } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { RowGuard } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { readHighWater, readStoreTime } from "./store.ts";
import { epochSumPlace } from "./sum-places.ts";

/** The database's clock is more than a minute behind the greatest time on record: nothing may be decided by it. */
export class ClockBehindError extends Error {
  override readonly name = "ClockBehindError";
}

/**
 * A store as a command of its operator has it open: it reads, and changes what it may by control transactions, but has
 * no shard and answers no calls. Nodes may serve from the same store meanwhile, on SQLite too: a transaction moves the
 * epoch's tag in their shards' rows as any other node's would, and SQLite lets one process write at a time.
 */
export class ControlStore {
  readonly backend: Backend;
  readonly guard: RowGuard;
  readonly region: string;
  /** Reads outside transactions. */
  readonly reader: Kysely<unknown>;
  readonly #clock: StoreClock;
  readonly #control: ControlRunner;

  private constructor(parts: {
    backend: Backend;
    guard: RowGuard;
    region: string;
    clock: StoreClock;
    control: ControlRunner;
  }) {
    this.backend = parts.backend;
    this.guard = parts.guard;
    this.region = parts.region;
    this.reader = kyselyOn(parts.backend.kind, parts.backend.reader);
    this.#clock = parts.clock;
    this.#control = parts.control;
  }

  /**
   * Opens a store that is initialised and whose schema is up to date. Writes nothing.
   *
   * @throws TamperedRowError if the store's description or its epoch was changed. {@link ClockBehindError}
   */
  static async open({ backend, guard }: { backend: Backend; guard: RowGuard }): Promise<ControlStore> {
    const { region } = await loadDeployment(backend, guard);
    const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
    const epoch = await kernel.selectFrom("epoch").selectAll().where("id", "=", 1).executeTakeFirstOrThrow();
    guard.openSum(epoch.sum, epochSumPlace(epoch));
    const clock = new StoreClock(await readHighWater(backend));
    clock.check(await readStoreTime(backend));
    if (clock.behind) {
      throw new ClockBehindError(
        "The database's clock is more than a minute behind the times on record. Set it right; if it was wrongly set " +
          "forward before, stop all nodes and run cinnabar clock reset.",
      );
    }
    const cache = new EntityCache({ backend, guard, epoch });
    // A command ends with the error that comes with it: there is no process to end beside it.
    const control = new ControlRunner({ backend, guard, cache, clock, fatal: () => {} });
    return new ControlStore({ backend, guard, region, clock, control });
  }

  /** Store time in milliseconds since 1970. */
  now(): number {
    return this.#clock.now();
  }

  /**
   * Runs one control transaction; {@link ControlRunner.run} says how. When it returns, every node refuses to answer by
   * what was before.
   *
   * @throws UnknownOutcomeError on SQLite, if the disk did not confirm the commit.
   */
  run<T>(body: (transaction: ControlTransaction) => Promise<ControlOutcome<T>>): Promise<T> {
    return this.#control.run(body);
  }
}
