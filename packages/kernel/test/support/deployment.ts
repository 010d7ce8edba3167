import { randomBytes, randomUUID } from "node:crypto";
import { NoteSigner } from "@cinnabar/merkle-log";
import type { TestDatabase } from "@cinnabar/testkit";
import { createSigningKey } from "../../src/audit/signing-key.ts";
import { RootKey } from "../../src/custody/root-key.ts";
import { rowGuardKeys } from "../../src/custody/row-guard-keys.ts";
import { kernelTables } from "../../src/kernel-tables.ts";
import type { Backend } from "../../src/store/backend.ts";
import type { ControlTransaction } from "../../src/store/control.ts";
import { initStore } from "../../src/store/init-store.ts";
import { kernelMigrations } from "../../src/store/kernel-migrations.ts";
import { migrate } from "../../src/store/migrations.ts";
import { openPostgresql } from "../../src/store/postgresql/open-postgresql.ts";
import type { RowChange } from "../../src/store/protected-table.ts";
import { RowGuard } from "../../src/store/row-guard.ts";
import { SqliteBackend } from "../../src/store/sqlite/sqlite-backend.ts";
import { Store } from "../../src/store/store.ts";
import { sweep, type SweepReport } from "../../src/store/sweep.ts";
import { type Interception, InterceptedBackend } from "./intercepted-backend.ts";
import { RecordingObserver } from "./recording-observer.ts";
import { type ThingRow, thingKind, thingMigrations, thingRow, thingTable } from "./thing.ts";

export const migrations = [...kernelMigrations, ...thingMigrations];
export const protectedTables = [...kernelTables, thingTable];

const ORIGIN = "kernel.test/cinnabar";
const REGION = "cn-hangzhou";

export async function connect(url: string): Promise<Backend> {
  return url.startsWith("sqlite:") ? SqliteBackend.open(url.slice("sqlite:".length)) : openPostgresql(url);
}

export function newNode(): string {
  return randomBytes(16).toString("hex");
}

/** An initialised store in a database of its own, to be opened by as many processes as a test wants. */
export class TestDeployment implements AsyncDisposable {
  readonly url: string;
  readonly rootKey: RootKey;
  readonly guard: RowGuard;
  /** A connection for the test itself. */
  readonly backend: Backend;
  readonly #resources: AsyncDisposableStack;
  #isTaken = false;

  private constructor(parts: { url: string; rootKey: RootKey; backend: Backend; resources: AsyncDisposableStack }) {
    this.url = parts.url;
    this.rootKey = parts.rootKey;
    this.guard = new RowGuard(rowGuardKeys(parts.rootKey));
    this.backend = parts.backend;
    this.#resources = parts.resources;
  }

  static async create(database: TestDatabase, options: { clockOffset?: number } = {}): Promise<TestDeployment> {
    await using resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    const backend = resources.adopt(await connect(url), (backend) => backend.close());
    await migrate(backend, migrations);
    const rootKey = new RootKey(randomBytes(32));
    await initDeployment(backend, rootKey, options.clockOffset ?? 0);
    return new TestDeployment({ url, rootKey, backend, resources: resources.move() });
  }

  /** A process of its own on the store: a new node, unless `node` names an old one. */
  async open(options: { node?: string; rootKey?: RootKey; clockShift?: number } = {}): Promise<TestProcess> {
    const observer = new RecordingObserver();
    // The first process uses the test's own connections: opening others takes longer than most tests do.
    const isShared = !this.#isTaken;
    this.#isTaken = true;
    const inner = isShared ? this.backend : await connect(this.url);
    const backend = new InterceptedBackend(inner, { isShared });
    backend.interception.clockShift = options.clockShift ?? 0;
    const node = options.node ?? newNode();
    const { rootKey = this.rootKey } = options;
    const store = await Store.open({ backend, rootKey, node, observer }).catch(async (error: unknown) => {
      await backend.close();
      throw error;
    });
    return this.#resources.use(new TestProcess({ store, backend, observer, node }));
  }

  /** The rows of the processes' own keys are checked, but not counted. */
  async sweep(): Promise<SweepReport> {
    const { backend, guard } = this;
    const report = await sweep({ backend, guard, tables: protectedTables, rest: () => Promise.resolve() });
    const { rows: nodeKeys } = await backend.reader.execute("SELECT shard FROM node_key", []);
    return { ...report, rows: report.rows - nodeKeys.length };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** What one process has of a store. */
export class TestProcess implements AsyncDisposable {
  readonly store: Store;
  readonly backend: InterceptedBackend;
  readonly observer: RecordingObserver;
  readonly node: string;
  #ended = false;

  constructor(parts: { store: Store; backend: InterceptedBackend; observer: RecordingObserver; node: string }) {
    this.store = parts.store;
    this.backend = parts.backend;
    this.observer = parts.observer;
    this.node = parts.node;
  }

  /** What stands between the store and its database. */
  get interception(): Interception {
    return this.backend.interception;
  }

  get shard(): number {
    return this.store.committer.shard.id;
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.store.close();
  }

  /** Ends it as `kill -9` would, as far as the database can tell. */
  async crash(): Promise<void> {
    this.#ended = true;
    await this.backend.cutOff();
  }

  /** Inserts things by a control transaction. */
  async addThings(...things: readonly (Partial<ThingRow> & { id: string })[]): Promise<void> {
    await this.control(({ guard, db }) =>
      things.map((thing) => thingTable.insert(guard, db, thingRow(thing.id, thing))),
    );
  }

  /** Changes a thing, as an operation of kind control would. */
  async changeThing(id: string, content: Partial<ThingRow>): Promise<void> {
    await this.store.control.run(async (transaction) => {
      const thing = await transaction.find(thingKind, id);
      if (thing === undefined) throw new Error(`no thing ${id}`);
      await transaction.write(
        thingTable.update(transaction.guard, transaction.db, thing, { ...thing.row, ...content }),
      );
      transaction.touch(thingKind, id);
      return { result: undefined, event: controlEvent(`change ${id}`) };
    });
  }

  async control(changes: (transaction: ControlTransaction) => readonly RowChange[]): Promise<void> {
    await this.store.control.run(async (transaction) => {
      for (const change of changes(transaction)) await transaction.write(change);
      return { result: undefined, event: controlEvent("control") };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    if (this.observer.fences.length > 0) await this.crash();
    else await this.close();
  }
}

export function controlEvent(eventName: string): string {
  return JSON.stringify({ eventId: randomUUID(), eventName });
}

export async function initDeployment(backend: Backend, rootKey: RootKey, clockOffset = 0): Promise<void> {
  const signing = createSigningKey(rootKey, ORIGIN);
  await initStore({
    backend,
    guard: new RowGuard(rowGuardKeys(rootKey)),
    deployment: {
      region: REGION,
      origin: ORIGIN,
      root_key_check: rootKey.checkValue,
      verifier_key: new NoteSigner({ name: ORIGIN, key: signing.key }).verifierKey,
      wrapped_signing_key: signing.wrapped,
    },
    rows: [],
    clockOffset,
  });
}
