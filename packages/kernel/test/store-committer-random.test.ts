import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { RootKey } from "../src/custody/root-key.ts";
import { DeploymentKeys } from "../src/custody/deployment-keys.ts";
import { NodeKey } from "../src/custody/node-key.ts";
import { CachedView } from "../src/operation/view.ts";
import { StoreClock } from "../src/platform/store-clock.ts";
import type { Backend } from "../src/store/backend.ts";
import { Committer, type CommitterObserver, type Submission } from "../src/store/committer.ts";
import { CONTROL_SHARD, ControlRunner } from "../src/store/control.ts";
import { EntityCache } from "../src/store/entity-cache.ts";
import { kyselyOn } from "../src/store/kysely-dialect.ts";
import { migrate } from "../src/store/migrations.ts";
import { RowGuard } from "../src/store/row-guard.ts";
import type { KernelSchema } from "../src/store/schema.ts";
import { openShard } from "../src/store/shards.ts";
import { sweep } from "../src/store/sweep.ts";
import { initDeployment, migrations, newNode, protectedTables } from "./support/deployment.ts";
import { type Fate, ModelDatabase, type Snapshot } from "./support/model-database.ts";
import { correctedIds, readEvents, readLog } from "./support/read-log.ts";
import { thingKind, thingRow, type ThingSchema, thingTable } from "./support/thing.ts";

// oxlint-disable-next-line no-restricted-properties -- a switch of the tests, not a setting of the product
const SEEDS = process.env["CINNABAR_TEST_SLOW"] === "1" ? 2000 : 200;
const AT_ONCE = 100;
const REQUESTS = 10;
const CONTROLS = 5;
const THINGS = ["a", "b", "c"];
const NAMES = ["x", "y"];

const rootKey = new RootKey(randomBytes(32));
const keys = DeploymentKeys.derive(rootKey);
const guard = new RowGuard(keys.guardKeys);
const isFine = (): Fate => "done";

function unexpected(what: string): never {
  throw new Error(what);
}

function unexpectedError(error: Error): never {
  throw error;
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function initialised(): Promise<Snapshot> {
  const database = new ModelDatabase();
  const backend = database.connect({ kind: "sqlite", batch: isFine, control: isFine });
  await migrate(backend, migrations);
  await initDeployment(backend, rootKey);
  const control = controlOn(backend, await cacheOn(backend));
  await control.run(async (transaction) => {
    for (const id of THINGS) {
      await transaction.write(thingTable.insert(guard, transaction.db, thingRow(id)));
    }
    return { result: undefined, event: JSON.stringify({ eventId: "first" }) };
  });
  return database.snapshot();
}

async function cacheOn(backend: Backend): Promise<EntityCache> {
  const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const epoch = await kernel.selectFrom("epoch").selectAll().executeTakeFirstOrThrow();
  return new EntityCache({ backend, guard, epoch, tampered: unexpectedError });
}

function controlOn(backend: Backend, cache: EntityCache): ControlRunner {
  return new ControlRunner({ backend, guard, cache, clock: new StoreClock(0), fatal: unexpected });
}

interface Call {
  readonly id: string;
  readonly begunAt: number;
  abandoned: boolean;
  answer: string | undefined;
}

/** A process that answers calls from its cache, as the pipeline does. */
class Process {
  readonly backend: Backend;
  readonly cache: EntityCache;
  readonly control: ControlRunner;
  readonly clock = new StoreClock(0);
  readonly committer: Committer;

  private constructor(parts: { backend: Backend; cache: EntityCache; control: ControlRunner; committer: Committer }) {
    this.backend = parts.backend;
    this.cache = parts.cache;
    this.control = parts.control;
    this.committer = parts.committer;
  }

  static async start(backend: Backend): Promise<Process> {
    const cache = await cacheOn(backend);
    const control = controlOn(backend, cache);
    const shard = await openShard(
      { control, region: "cn-hangzhou", nodeKey: new NodeKey(keys.accountKeyWrap) },
      newNode(),
    );
    const observer: CommitterObserver = {
      committed: () => undefined,
      missed: () => undefined,
      unavailable: () => undefined,
      tampered: unexpectedError,
      fenced: unexpected,
    };
    const clock = new StoreClock(0);
    const committer = new Committer({
      backend,
      cache,
      guard,
      clock,
      shard,
      observer,
      encodeCorrection: (eventIds) =>
        JSON.stringify({ eventName: "CorrectAnswers", additionalEventData: { eventIds } }),
      readTime: () => backend.clock(),
    });
    return new Process({ backend, cache, control, committer });
  }

  /** Answers with what `evaluate` makes of a view. */
  async serve(call: Call, evaluate: (view: CachedView) => Promise<Answer>): Promise<void> {
    this.committer.submit(await this.#submission(call, evaluate));
  }

  async #submission(call: Call, evaluate: (view: CachedView) => Promise<Answer>): Promise<Submission> {
    const db = kyselyOn<unknown>(this.backend.kind, this.backend.reader);
    const view = new CachedView({ cache: this.cache, clock: this.clock, db });
    const { text, inserts } = await evaluate(view);
    return {
      ticket: {
        eventId: call.id,
        get abandoned() {
          return call.abandoned;
        },
      },
      encodeEvent: (epoch) => ({ text: JSON.stringify({ eventId: call.id, epoch, answer: text }) }),
      isCurrent: () => view.isCurrent(),
      window: undefined,
      inserts,
      again: () => this.#submission(call, evaluate),
      settle: () => {
        assert.ok(!call.abandoned && call.answer === undefined, "answered twice");
        call.answer = text;
      },
    };
  }
}

interface Answer {
  readonly text: string;
  readonly inserts: Submission["inserts"];
}

async function look(view: CachedView, id: string): Promise<Answer> {
  return { text: `${id}=${(await view.find(thingKind, id))?.row.count}`, inserts: [] };
}

async function list(view: CachedView): Promise<Answer> {
  const rows = await view.db
    .$extendTables<ThingSchema>()
    .selectFrom("thing")
    .select(["id", "count"])
    .where("id", "in", THINGS)
    .orderBy("id")
    .execute();
  return { text: rows.map(({ id, count }) => `${id}=${count}`).join(), inserts: [] };
}

async function make(view: CachedView, id: string): Promise<Answer> {
  if ((await view.find(thingKind, id)) !== undefined) return { text: `${id} exists`, inserts: [] };
  return { text: `${id} made`, inserts: [thingTable.insert(guard, view.db, thingRow(id))] };
}

async function runSeed(seed: number, snapshot: Snapshot): Promise<void> {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] ?? unexpected("nothing");
  const database = new ModelDatabase(snapshot);
  let isFaulty = true;
  const batch = (): Fate => {
    const fates: Fate[] = ["failed", "refused", "lost-done", "lost-done", "lost", "lost-until-later"];
    return isFaulty && random() < 0.35 ? pick(fates) : "done";
  };
  const control = (): Fate => (isFaulty && random() < 0.2 ? pick<Fate>(["lost-done", "lost"]) : "done");
  const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, random() * 120));
  const connect = (): Promise<Process> => Process.start(database.connect({ kind: "postgresql", batch, control }));
  const processes = [await connect(), await connect()];

  let time = 0;
  const calls: Call[] = [];
  const controls: { readonly epoch: number; readonly returnedAt: number }[] = [];

  const request = async (): Promise<void> => {
    await later();
    const call: Call = { id: randomUUID(), begunAt: ++time, abandoned: false, answer: undefined };
    calls.push(call);
    const kind = random();
    const id = pick(THINGS);
    const name = pick(NAMES);
    await pick(processes).serve(call, (view) =>
      kind < 0.5 ? look(view, id) : kind < 0.7 ? list(view) : make(view, name),
    );
    if (random() < 0.2) {
      await later();
      if (call.answer === undefined) call.abandoned = true;
    }
  };
  const change = async (): Promise<void> => {
    await later();
    const id = pick(THINGS);
    const process = pick(processes);
    const epoch = await process.control.run(async (transaction) => {
      const thing = (await transaction.find(thingKind, id)) ?? unexpected("nothing");
      const count = thing.row.count + 1;
      await transaction.write(thingTable.update(guard, transaction.db, thing, { ...thing.row, count }));
      transaction.touch(thingKind, id);
      return { result: transaction.epoch, event: JSON.stringify({ eventId: randomUUID(), thing: id, count }) };
    });
    controls.push({ epoch, returnedAt: ++time });
  };
  const lateStatements = async (): Promise<void> => {
    await later();
    await database.runLateStatements();
  };
  await Promise.all([
    ...Array.from({ length: REQUESTS }, request),
    ...Array.from({ length: CONTROLS }, change),
    ...Array.from({ length: 3 }, lateStatements),
  ]);
  isFaulty = false;
  await Promise.all(processes.map(({ committer }) => committer.drain()));
  await database.runLateStatements();

  const backend = database.connect({ kind: "sqlite", batch: isFine, control: isFine });
  const truth = await truthByEpoch(backend);
  const made: string[] = [];
  const events = [];
  for (const { committer } of processes) {
    const { id, seq, frontier } = committer.shard;
    const log = await readLog(backend, id);
    assert.equal(log.length, seq - 1);
    if (log.length > 0) assert.deepEqual(Buffer.from(log.at(-1)?.row.frontier ?? []), frontier.encode());
    events.push(...log.flatMap(({ events }) => events));
  }
  const corrected = new Set(correctedIds(events));
  const records = events.filter(({ eventName }) => eventName === undefined);
  for (const call of calls) {
    const mine = records.filter(({ eventId }) => eventId === call.id);
    assert.ok(mine.length <= 1, "two records of one call");
    const [record] = mine;
    if (call.abandoned) {
      assert.equal(corrected.has(call.id), record !== undefined, "a record of an answer nobody got is corrected");
      continue;
    }
    assert.ok(call.answer !== undefined, "a call was forgotten");
    assert.equal(record?.["answer"], call.answer);
    assert.ok(!corrected.has(call.id));
    for (const { epoch, returnedAt } of controls) {
      if (returnedAt < call.begunAt) assert.ok((record.epoch ?? 0) >= epoch, "answered under an old right");
    }
  }
  assert.equal(records.length, new Set(records.map(({ eventId }) => eventId)).size);
  for (const { answer, epoch } of records) {
    const text = String(answer);
    if (text.endsWith("made")) made.push(text);
    const values = truth.get(epoch ?? 0);
    for (const [, id, count] of text.matchAll(/(\w)=(\d+)/g)) {
      assert.equal(Number(count), values?.get(id ?? ""), `${text} at epoch ${epoch}`);
    }
  }
  assert.equal(made.length, new Set(made).size, "made twice");
  const report = await sweep({ backend, guard, tables: protectedTables, rest: () => Promise.resolve() });
  assert.deepEqual(report, { rows: 1 + processes.length + THINGS.length + made.length, problems: [] });
}

/** What every thing's count was at every epoch, by the control log. */
async function truthByEpoch(backend: Backend): Promise<Map<number, Map<string, number>>> {
  const truth = new Map<number, Map<string, number>>();
  let values = new Map(THINGS.map((id) => [id, 0]));
  const events = await readEvents(backend, CONTROL_SHARD);
  events.forEach(({ thing, count }, i) => {
    if (typeof thing === "string") values = new Map(values).set(thing, Number(count));
    truth.set(i + 1, values);
  });
  return truth;
}

test(`every answer has its one record, and every record its answer or its correction, in ${SEEDS} random runs`, async () => {
  const snapshot = await initialised();
  for (let first = 1; first <= SEEDS; first += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        try {
          await runSeed(first + i, snapshot);
        } catch (cause) {
          throw new Error(`seed ${first + i}`, { cause });
        }
      }),
    );
  }
});
