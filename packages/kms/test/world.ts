import { randomBytes } from "node:crypto";
import {
  type AccountId,
  ApiError,
  type Authorizer,
  type Backend,
  type Custody,
  type DeclaredOperation,
  type EntityKind,
  DeploymentKeys,
  kernelMigrations,
  type Keystore,
  kyselyOn,
  migrate,
  newAccountId,
  newAccountKey,
  openCustody,
  type Plan,
  openPostgresql,
  PrerequisiteError,
  type Principal,
  type RequestContext,
  rootOnly,
  rootPrincipal,
  type RowChange,
  RootKey,
  RowGuard,
  SoftwareKeystore,
  SqliteBackend,
} from "@cinnabar/kernel";
import { type AccountQuotas, type KeyUsage, type KeyUsageSource, kmsMigrations, kmsOperations } from "@cinnabar/kms";
import type { TestDatabase, TestDatabaseInstance } from "@cinnabar/testkit";
import type { Kysely } from "kysely";

export const REGION = "cn-hangzhou";
const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const DAY_MILLIS = 24 * 60 * 60 * 1000;

type Fields = Readonly<Record<string, unknown>>;

/** What came of a call, and what the operation said about it. */
export interface Outcome {
  readonly result: Fields | undefined;
  readonly error: ApiError | undefined;
  readonly noted: Fields;
  readonly resource: string | undefined;
  readonly holdsBatches: boolean;
  readonly from: number;
  readonly until: number;
}

export interface Caller {
  readonly as?: AccountId;
  readonly by?: Principal;
}

/** Runs operations on a database of their own without a server: time stands still until a test moves it. */
export class World implements AsyncDisposable {
  now = START;
  /** Of every key. */
  usage: KeyUsage = UNUSED;
  isReviewRequired = false;
  authorizer: Authorizer = rootOnly;
  /** What was noted of each operation that a call needed done first. */
  readonly prepared: Fields[] = [];
  readonly accountId: AccountId = newAccountId();
  readonly backend: Backend;
  readonly guard: RowGuard;
  readonly custody: Custody;
  readonly #keys: DeploymentKeys;
  readonly #database: TestDatabaseInstance;
  readonly #cache = new Map<string, object>();
  readonly #operations: readonly DeclaredOperation[];

  private constructor(options: {
    database: TestDatabaseInstance;
    backend: Backend;
    rootKey: RootKey;
    keystore: Keystore;
    operations: readonly DeclaredOperation[];
  }) {
    this.#operations = options.operations;
    this.#database = options.database;
    this.backend = options.backend;
    this.#keys = DeploymentKeys.derive(options.rootKey);
    this.guard = new RowGuard(this.#keys.guardKeys);
    this.custody = openCustody({ keys: this.#keys, keystore: options.keystore });
  }

  static async open(
    database: TestDatabase,
    {
      keystore = new SoftwareKeystore(),
      operations: served = operations,
    }: { keystore?: Keystore; operations?: readonly DeclaredOperation[] } = {},
  ): Promise<World> {
    const instance = await database.create();
    const backend =
      database.name === "sqlite"
        ? await SqliteBackend.open(instance.url.slice("sqlite:".length))
        : await openPostgresql(instance.url);
    await migrate(backend, [...kernelMigrations, ...kmsMigrations]);
    const rootKey = new RootKey(randomBytes(32));
    const world = new World({ database: instance, backend, rootKey, keystore, operations: served });
    await world.addAccount(world.accountId);
    return world;
  }

  get db(): Kysely<unknown> {
    return kyselyOn(this.backend.kind, this.backend.reader);
  }

  async addAccount(accountId: AccountId = newAccountId()): Promise<AccountId> {
    const { guard, db } = this;
    const { change } = newAccountKey({ keys: this.#keys, accountId, version: 1, guard, db, now: Date.now() });
    await this.#write([change]);
    return accountId;
  }

  /** Calls an operation as `by`, or else as the root of `as`, by default of the world's own account. */
  call(name: string, parameters: Readonly<Record<string, string>> = {}, caller: Caller = {}): Promise<Outcome> {
    return this.run(declared(name, this.#operations), parameters, caller);
  }

  /** As {@link World.call}, an operation of whatever API. */
  async run(
    operation: DeclaredOperation,
    parameters: Readonly<Record<string, string>>,
    { as = this.accountId, by }: Caller = {},
  ): Promise<Outcome> {
    const wire = new Map(Object.entries(parameters));
    const principal = by ?? rootPrincipal({ accountId: as, accessKeyId: "LTAI5tTest" });
    const context = new TestContext(this, { principal, cache: this.#cache, isLocked: isControl(operation, wire) });
    let plan: Plan<object> | undefined;
    let error: ApiError | undefined;
    try {
      plan = await this.#carryOut(operation, { context, wire });
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      error = thrown;
    }
    // The rights that it asked for, every event has by itself.
    const { rights: _, ...noted } = context.noted;
    return {
      result: plan && { ...plan.result },
      error,
      noted,
      resource: context.resource,
      holdsBatches: context.holdsBatches,
      from: context.from,
      until: context.until,
    };
  }

  /** What must be done first is, once, as the pipeline does it. */
  async #carryOut(
    operation: DeclaredOperation,
    { context, wire }: { context: TestContext; wire: ReadonlyMap<string, string> },
  ): Promise<Plan<object>> {
    let plan: Plan<object>;
    try {
      plan = await operation.run(context, wire, this.authorizer);
    } catch (thrown) {
      if (!(thrown instanceof PrerequisiteError)) throw thrown;
      const { operation: first, parameters } = thrown.prerequisite;
      const locked = new TestContext(this, { principal: context.principal, cache: this.#cache, isLocked: true });
      const isDone = await this.#carryOut(first, { context: locked, wire: parameters }).then(
        () => true,
        () => false,
      );
      if (isDone) this.prepared.push(locked.noted);
      plan = await operation.run(context, wire, this.authorizer);
    }
    await this.#write(plan.changes ?? []);
    for (const { kind, id } of plan.touched ?? []) this.#cache.delete(`${kind.name}:${id}`);
    plan.committed?.();
    return plan;
  }

  /** The answer of a call that succeeds. */
  async ok<Result = Fields>(
    name: string,
    parameters?: Readonly<Record<string, string>>,
    caller?: Caller,
  ): Promise<Result> {
    const { result, error } = await this.call(name, parameters, caller);
    if (error !== undefined) throw error;
    return result as Result;
  }

  /** The code and the message of a call that is refused. */
  async refusal(name: string, parameters?: Readonly<Record<string, string>>, options?: Caller): Promise<string> {
    const { error } = await this.call(name, parameters, options);
    return error === undefined ? "no error" : `${error.code}: ${error.message}`;
  }

  async createKey(parameters?: Readonly<Record<string, string>>): Promise<string> {
    return (await this.ok<{ KeyMetadata: { KeyId: string } }>("CreateKey", parameters)).KeyMetadata.KeyId;
  }

  async encrypt(parameters: Readonly<Record<string, string>>): Promise<string> {
    return (await this.ok<{ CiphertextBlob: string }>("Encrypt", parameters)).CiphertextBlob;
  }

  /** Writes rows as an operator's command does. */
  async write(make: (context: RequestContext) => Promise<readonly RowChange[]> | readonly RowChange[]): Promise<void> {
    await this.#write(
      await make(this.contextOf(rootPrincipal({ accountId: this.accountId, accessKeyId: "LTAI5tTest" }))),
    );
    this.#cache.clear();
  }

  /** Changes rows behind the server's back. */
  async tamper(
    change: (db: Kysely<{ kms_key: Fields; key_version: Fields; alias: Fields; key_tag: Fields }>) => Promise<unknown>,
  ): Promise<void> {
    await this.backend.transaction("write", (connection) => change(kyselyOn(this.backend.kind, connection)));
    this.#cache.clear();
  }

  contextOf(principal: Principal): TestContext {
    return new TestContext(this, { principal, cache: this.#cache, isLocked: false });
  }

  async #write(changes: NonNullable<Plan<object>["changes"]>): Promise<void> {
    if (changes.length === 0) return;
    await this.backend.transaction("write", async (connection) => {
      for (const { statement } of changes) {
        const { affected } = await connection.execute(statement.sql, statement.parameters);
        if (affected !== 1) throw new Error(`a change touched ${affected} rows`);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
    await this.#database.drop();
  }
}

export function declared(name: string, among: readonly DeclaredOperation[] = operations): DeclaredOperation {
  const operation = among.find((operation) => operation.name === name);
  if (operation === undefined) throw new Error(`${name} is not declared`);
  return operation;
}

function isControl({ kind, controlledWith }: DeclaredOperation, wire: ReadonlyMap<string, string>): boolean {
  return kind === "control" || (controlledWith !== undefined && wire.has(controlledWith));
}

/** A key that nobody has used. */
const UNUSED: KeyUsage = {
  operations: new Map(),
  versions: new Map(),
  principals: [],
  contextNames: new Map(),
  otherPrincipals: {},
  otherContextNames: {},
  services: new Map(),
  resources: [],
  otherResources: {},
  unnamedContexts: {},
  days: new Map(),
  report: { text: "{}", hash: "0".repeat(64) },
};

/** What operations are told of the usage of keys: each world says what. */
const usage: KeyUsageSource = {
  read: (context) => Promise.resolve(worldOf(context).usage),
  async readHeld(context) {
    await context.holdBatches();
    return worldOf(context).usage;
  },
  isReviewRequired: (context) => Promise.resolve(worldOf(context).isReviewRequired),
};

/** The operation may be given another context than the test's own, of the same call. */
function worldOf(context: object): World {
  if ("call" in context && context.call instanceof TestContext) return context.call.world;
  throw new TypeError("the context is of another world");
}

const served = {
  keys: DeploymentKeys.derive(RootKey.generate()),
  usage,
  authorizer: {
    decide: (context, request) => worldOf(context).authorizer.decide(context, request),
    explain: (context, request) => worldOf(context).authorizer.explain(context, request),
  },
  // What the separation of duties says is tested where there are users.
  separation: { check: () => Promise.resolve({}) },
  // What instances are shared by is tested where there are shares.
  shares: { takeOut: () => Promise.resolve({ changes: [], touched: [] }) },
  caChain: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
} satisfies Parameters<typeof kmsOperations>[0];

export const operations = kmsOperations(served);

/** As a server with `--compatibility=strict` serves them. */
export const strictOperations = kmsOperations({ ...served, isStrict: true });

/** As a server with `--account-quotas` serves them. */
export const operationsWithin = (quotas: AccountQuotas): readonly DeclaredOperation[] =>
  kmsOperations({ ...served, quotas });

export class TestContext implements RequestContext {
  readonly principal: Principal;
  readonly region = REGION;
  readonly now: number;
  readonly asOf = 0;
  readonly call: object = this;
  /** Nobody else waits for its lock, unless a test says so. */
  allowsWork = true;
  readonly isSecure = true;
  readonly sourceAddress = "127.0.0.1";
  readonly custody: Custody;
  readonly db: Kysely<unknown>;
  readonly log: Kysely<unknown>;
  readonly guard: RowGuard;
  readonly world: World;
  /** Whether the operation had batches wait. */
  holdsBatches = false;
  from = 0;
  until = Number.MAX_SAFE_INTEGER;
  noted: Fields = {};
  resource: string | undefined;
  readonly #cache: Map<string, object>;
  readonly #isLocked: boolean;

  constructor(world: World, options: { principal: Principal; cache: Map<string, object>; isLocked: boolean }) {
    this.world = world;
    this.principal = options.principal;
    this.now = world.now;
    this.custody = world.custody;
    this.db = world.db;
    this.log = world.db;
    this.guard = world.guard;
    this.#cache = options.cache;
    this.#isLocked = options.isLocked;
  }

  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined> {
    const name = `${kind.name}:${id}`;
    const cached = this.#isLocked ? undefined : (this.#cache.get(name) as E | undefined);
    return cached ?? this.#load(kind, id, name);
  }

  async #load<E extends object>(kind: EntityKind<E>, id: string, name: string): Promise<E | undefined> {
    const entity = await kind.load(this, id);
    if (entity !== undefined && !this.#isLocked) this.#cache.set(name, entity);
    return entity;
  }

  stillHolds(): Promise<boolean> {
    return Promise.resolve(true);
  }

  holdBatches(): Promise<boolean> {
    this.holdsBatches = true;
    return Promise.resolve(this.#isLocked);
  }

  holdsUntil(time: number): void {
    this.until = Math.min(this.until, time);
  }

  holdsFrom(time: number): void {
    this.from = Math.max(this.from, time);
  }

  note(facts: Fields): void {
    this.noted = { ...this.noted, ...facts };
  }

  about(type: string, name: string): void {
    this.resource = `${type} ${name}`;
  }
}
