import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import {
  AccountKeyError,
  type AccountId,
  accountKeysKind,
  type Backend,
  ControlStore,
  type ControlTransaction,
  createLogger,
  createSigningKey,
  DeploymentKeys,
  destroyAccountKeyVersion,
  encodeSystemEvent,
  FileSeal,
  initStore,
  issueAccessKeyId,
  kyselyOn,
  listAccountKeyVersions,
  listAccountsToRewrap,
  Metrics,
  migrate,
  needsRewrapping,
  newAccessKeySecret,
  newAccountId,
  openDeploymentKeys,
  ProtectedTable,
  RootKey,
  RootKeyRotatedError,
  rotateAccountKey,
  rotateRootKey,
  RowGuard,
  sealAccessKeySecret,
  Store,
  sweep,
  TamperedRowError,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { Administration, createAuthenticator, newAccount } from "@cinnabar/ram";
import { forEachDatabase, type TestDatabase } from "@cinnabar/testkit";

import { lockSeals } from "../src/commands/lock-seals.ts";
import { openDatabase } from "../src/database.ts";
import { putUnderRootKey, RewrapAccountKeys, rotateOrResume } from "../src/rotation/index.ts";
import { accountKeyUses as uses, migrations, protectedTables } from "../src/tables.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const ORIGIN = "rotation.test/cinnabar";
const REGION = "cn-hangzhou";

/** A deployment with one account, whose root key changes. */
class World implements AsyncDisposable {
  rootKey: RootKey;
  readonly backend: Backend;
  readonly first: { readonly accountId: AccountId; readonly accessKeyId: string };
  readonly #url: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    rootKey: RootKey;
    backend: Backend;
    first: World["first"];
    url: string;
    resources: AsyncDisposableStack;
  }) {
    this.rootKey = parts.rootKey;
    this.backend = parts.backend;
    this.first = parts.first;
    this.#url = parts.url;
    this.#resources = parts.resources;
  }

  static async create(database: TestDatabase, { legacy = false } = {}): Promise<World> {
    await using resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    await migrate(backend, migrations);
    const rootKey = RootKey.generate();
    const keys = legacy ? DeploymentKeys.derive(rootKey) : DeploymentKeys.create(rootKey);
    const guard = new RowGuard(keys.guardKeys);
    const maker = { keys, guard, db: kyselyOn<unknown>(backend.kind, backend.reader), now: Date.now() };
    const { rows, ...first } = newAccount(maker);
    const signing = createSigningKey(rootKey, ORIGIN);
    await initStore({
      backend,
      guard,
      deployment: {
        region: REGION,
        origin: ORIGIN,
        root_key_check: rootKey.checkValue,
        verifier_key: new NoteSigner({ name: ORIGIN, key: signing.key }).verifierKey,
        wrapped_signing_key: signing.wrapped,
        wrapped_keys: legacy ? null : keys.wrap(rootKey, { origin: ORIGIN }),
      },
      rows,
      clockOffset: 0,
    });
    return new World({ rootKey, backend, first, url, resources: resources.move() });
  }

  /** A node's store on connections of its own, as another process has it. */
  async openNode(): Promise<Store> {
    const store = await Store.open({
      backend: await openDatabase(this.#url),
      rootKey: this.rootKey,
      node: randomBytes(16).toString("hex"),
      observer: {
        committed: () => {},
        missed: () => {},
        unavailable: unexpected,
        tampered: unexpected,
        fenced: unexpected,
        clockBehind: unexpected,
        checkpointed: () => {},
      },
    });
    return this.#resources.adopt(store, (opened) => opened.close());
  }

  /** What an operator's command has open. */
  async openCommand(): Promise<{ keys: DeploymentKeys; store: ControlStore }> {
    const { backend } = this;
    const keys = await openDeploymentKeys(backend, this.rootKey);
    return { keys, store: await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) }) };
  }

  async rotate(): Promise<void> {
    const to = RootKey.generate();
    await putUnderRootKey({ backend: this.backend, from: this.rootKey, to, seal: "file" });
    this.rootKey = to;
  }

  async assertSound(): Promise<void> {
    const { guardKeys } = await openDeploymentKeys(this.backend, this.rootKey);
    const guard = new RowGuard(guardKeys);
    const report = await sweep({
      backend: this.backend,
      guard,
      tables: protectedTables,
      rest: () => Promise.resolve(),
    });
    assert.deepEqual(report.problems, []);
  }

  async tamper(sql: string): Promise<void> {
    await this.backend.transaction("write", async (connection) => void (await connection.execute(sql, [])));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

function unexpected(): never {
  throw new assert.AssertionError({ message: "this must not happen" });
}

function event({ now, epoch }: ControlTransaction): string {
  const eventId = randomUUID().toUpperCase();
  return encodeSystemEvent({ name: "ResetClock", region: REGION, eventId, time: now, epoch, data: {} });
}

/** One control transaction of whatever is to be done. */
function control<T>(store: ControlStore, body: (transaction: ControlTransaction) => Promise<T>): Promise<T> {
  return store.run(async (transaction) => ({ result: await body(transaction), event: event(transaction) }));
}

async function isKnown(node: Store, accessKeyId: string): Promise<boolean> {
  await node.cache.refresh();
  const presented = { accessKeyId, securityToken: undefined };
  return (await createAuthenticator(node.keys).find(node.cache, presented)) !== undefined;
}

/** Before account keys wrapped the secrets. */
const earlierAccessKeyTable = new ProtectedTable("access_key", {
  columns: { id: "text", account_id: "text", wrapped_secret: "bytes", status: "text", created_at: "integer" },
  identity: ["id"],
});

const forget = () => Promise.resolve();

forEachDatabase((database) => {
  test("a process that runs is told of every later root key, and needs none itself", async () => {
    await using world = await World.create(database);
    const [one, two] = [await world.openNode(), await world.openNode()];
    const before = world.rootKey;
    await world.rotate();
    await world.rotate();
    const { store, keys } = await world.openCommand();
    const made = await new Administration({ store, keys }).createAccount(forget);
    for (const node of [one, two]) {
      assert.equal(await isKnown(node, made.accessKeyId), true);
      assert.equal(await isKnown(node, world.first.accessKeyId), true);
      assert.equal(node.keys.accountKeyWrap.rootKey, world.rootKey.checkValue);
    }
    assert.notEqual(before.checkValue, world.rootKey.checkValue);
    // A process that runs may rotate an account's key as well.
    await one.control.run(async (transaction) => {
      const result = await rotateAccountKey(transaction, { keys: one.keys, accountId: made.accountId });
      assert.deepEqual(result, { from: 1, to: 2 });
      return { result, event: event(transaction) };
    });
    await world.assertSound();
  });

  test("the old root key opens nothing any more, and the new one everything", async () => {
    await using world = await World.create(database);
    const before = world.rootKey;
    await world.rotate();
    // Nobody has tampered with anything.
    await assert.rejects(openDeploymentKeys(world.backend, before), RootKeyRotatedError);
    await assert.rejects(
      Store.open({ backend: world.backend, rootKey: before, node: "0".repeat(32), observer: never }),
    );
    const node = await world.openNode();
    assert.equal(await isKnown(node, world.first.accessKeyId), true);
    await assert.rejects(
      putUnderRootKey({ backend: world.backend, from: before, to: RootKey.generate(), seal: "file" }),
      RootKeyRotatedError,
    );
    await world.assertSound();
  });

  test("who has begun before a rotation, and was not told of it, writes nothing under the old root key", async () => {
    await using world = await World.create(database);
    const { store, keys } = await world.openCommand();
    const from = world.rootKey;
    await world.rotate();
    const administration = new Administration({ store, keys });
    await assert.rejects(administration.createAccount(forget), RootKeyRotatedError);
    await assert.rejects(administration.createAccessKey(world.first.accountId, forget), RootKeyRotatedError);
    const { accountId } = world.first;
    await assert.rejects(rotateOrResume(store, { keys, uses, accountId }), RootKeyRotatedError);
    const to = RootKey.generate();
    await assert.rejects(
      control(store, (transaction) => rotateRootKey(transaction, { keys, uses, from, to })),
      RootKeyRotatedError,
    );
    await world.assertSound();
  });

  test("a store from before deployments had keys of their own is put under a new root key with all it has", async () => {
    await using world = await World.create(database, { legacy: true });
    const { store, keys } = await world.openCommand();
    const { accountId } = world.first;
    // An AccessKey as it was written then: under the root key itself.
    const accessKeyId = issueAccessKeyId(keys.accessKeyTag);
    const secret = newAccessKeySecret();
    const wrapped = sealAccessKeySecret({ wrappingKey: keys.accessKeySecretWrap, accountId, accessKeyId, secret });
    await control(store, async (transaction) => {
      await transaction.write(
        earlierAccessKeyTable.insert(transaction.guard, transaction.db, {
          id: accessKeyId,
          account_id: accountId,
          wrapped_secret: wrapped,
          status: "Active",
          created_at: transaction.now,
        }),
      );
    });
    const node = await world.openNode();
    assert.equal(await isKnown(node, accessKeyId), true);
    const reader = { db: store.reader, guard: store.guard };
    assert.deepEqual(await listAccountsToRewrap(reader, uses), [accountId]);
    const from = world.rootKey;
    await assert.rejects(
      control(store, (transaction) => rotateRootKey(transaction, { keys, uses, from, to: RootKey.generate() })),
      (error) => error instanceof AccountKeyError && error.code === "inUse",
    );
    await world.rotate();
    assert.deepEqual(await listAccountsToRewrap(reader, uses), []);
    for (const each of [node, await world.openNode()]) {
      assert.equal(await isKnown(each, accessKeyId), true);
      assert.equal(await isKnown(each, world.first.accessKeyId), true);
    }
    await world.assertSound();
  });

  test("a row that names no account stops neither a rotation nor the job that ends one", async (t) => {
    await using world = await World.create(database);
    const { store, keys } = await world.openCommand();
    const { accountId } = world.first;
    await control(store, (transaction) => rotateAccountKey(transaction, { keys, accountId }));
    await world.tamper("UPDATE access_key SET account_id = 'nobody', account_key_version = NULL");
    const reader = { db: store.reader, guard: store.guard };
    const told: string[] = [];
    assert.deepEqual(await listAccountsToRewrap(reader, uses, ({ message }) => void told.push(message)), [accountId]);
    assert.equal(told.length, 1);
    await world.rotate();
    await world.tamper("UPDATE access_key SET account_id = '1000000000000000'");
    const node = await world.openNode();
    using metrics = new Metrics({ now: Date.now });
    const lines: string[] = [];
    const log = createLogger({ level: "info", destination: { write: (line) => void lines.push(line) }, now: Date.now });
    const job = new RewrapAccountKeys({ store: node, uses, log, metrics });
    assert.equal(await job.run(t.signal), false);
    assert.match(lines.join(""), /"alarm":"tampered-row".*1000000000000000/);
    assert.equal(await needsRewrapping(reader, { uses, accountId }), false);
  });

  test("a command takes the store's root key for what it is once nobody else can move it", async (t) => {
    await using world = await World.create(database);
    const folder = await temporaryDirectory(t);
    const seal = new FileSeal(join(folder, "root.key"));
    let isRotated = false;
    const reader = Object.assign(Object.create(world.backend.reader) as Backend["reader"], {
      execute: async (...args: Parameters<Backend["reader"]["execute"]>) => {
        if (!isRotated && existsSync(join(folder, ".seal-lock.db"))) {
          isRotated = true;
          await world.rotate();
        }
        return world.backend.reader.execute(...args);
      },
    });
    const late: Backend = Object.assign(Object.create(world.backend) as Backend, { reader });
    using locked = await lockSeals(late, [seal]);
    assert.ok(isRotated);
    assert.equal(locked.rootKey, world.rootKey.checkValue);
    await assert.rejects(lockSeals(world.backend, [seal]), /Another command moves root keys/);
  });

  test("a version of an account's key is destroyed when nothing is wrapped under it, and not before", async () => {
    await using world = await World.create(database);
    const { store, keys } = await world.openCommand();
    const { accountId } = world.first;
    const destroy = (version: number) =>
      control(store, (transaction) => destroyAccountKeyVersion(transaction, { keys, uses, accountId, version }));
    const refused = (code: AccountKeyError["code"]) => (error: unknown) =>
      error instanceof AccountKeyError && error.code === code;
    await assert.rejects(destroy(1), refused("current"));
    await control(store, (transaction) => rotateAccountKey(transaction, { keys, accountId }));
    await assert.rejects(destroy(1), refused("inUse"));
    await assert.rejects(destroy(3), refused("notFound"));
    const reader = { db: store.reader, guard: store.guard };
    assert.equal(await needsRewrapping(reader, { uses, accountId }), true);
    const told: number[] = [];
    const options = { keys, uses, accountId, rows: 1, onRewrapped: (count: number) => void told.push(count) };
    const rotation = await rotateOrResume(store, options);
    assert.deepEqual(rotation, { accountId, version: 2, rewrapped: 1, isNew: false });
    assert.deepEqual(told, [1, 1]);
    assert.equal(await needsRewrapping(reader, { uses, accountId }), false);
    const versions = await listAccountKeyVersions(reader, accountId);
    assert.deepEqual(
      versions.map(({ version, rewrappedAt }) => [version, rewrappedAt !== undefined]),
      [
        [1, true],
        [2, false],
      ],
    );
    const node = await world.openNode();
    const destroyed = await destroy(1);
    assert.deepEqual(destroyed, versions[0]);
    await assert.rejects(destroy(1), refused("notFound"));
    assert.equal(await isKnown(node, world.first.accessKeyId), true);
    assert.deepEqual([...((await accountKeysKind(keys).load(reader, accountId))?.byVersion.keys() ?? [])], [2]);
    await assert.rejects(rotateOrResume(store, { keys, uses, accountId: newAccountId() }), refused("notFound"));
    await world.assertSound();
  });

  test("who may write to the database has no key handed over to him", async () => {
    await using world = await World.create(database);
    const node = await world.openNode();
    await using foreign = await World.create(database);
    await foreign.openNode();
    const [row] = (await foreign.backend.reader.execute("SELECT * FROM node_key", [])).rows;
    assert.ok(row?.["public_key"] instanceof Uint8Array);
    const key = Buffer.from(row["public_key"]).toString("hex");
    const literal = database.name === "sqlite" ? `x'${key}'` : `'\\x${key}'`;
    const [mine] = (await world.backend.reader.execute("SELECT * FROM node_key", [])).rows;
    assert.ok(mine?.["public_key"] instanceof Uint8Array);
    await world.tamper(`UPDATE node_key SET public_key = ${literal}`);
    await assert.rejects(world.rotate(), TamperedRowError);
    const back = Buffer.from(mine["public_key"]).toString("hex");
    await world.tamper(
      `UPDATE node_key SET public_key = ${database.name === "sqlite" ? `x'${back}'` : `'\\x${back}'`}`,
    );
    await world.rotate();
    const { store, keys } = await world.openCommand();
    const { accessKeyId } = await new Administration({ store, keys }).createAccount(forget);
    await world.tamper("UPDATE node_key SET handover = NULL");
    await assert.rejects(isKnown(node, accessKeyId), TamperedRowError);
  });

  test("a process that has opened its keys before a rotation, and its log after it, does not start", async () => {
    await using world = await World.create(database);
    const { backend } = world;
    const before = world.rootKey;
    let isRotated = false;
    const late: Backend = Object.assign(Object.create(backend) as Backend, {
      transaction: async (...args: Parameters<Backend["transaction"]>) => {
        if (!isRotated) {
          isRotated = true;
          await world.rotate();
        }
        return backend.transaction(...args);
      },
    });
    await assert.rejects(
      Store.open({ backend: late, rootKey: before, node: "0".repeat(32), observer: never }),
      RootKeyRotatedError,
    );
    await world.assertSound();
  });
});

const never = {
  committed: unexpected,
  missed: unexpected,
  unavailable: unexpected,
  tampered: unexpected,
  fenced: unexpected,
  clockBehind: unexpected,
  checkpointed: unexpected,
};

test("a new deployment's keys are random, and not those of its root key", async () => {
  const rootKey = RootKey.generate();
  const [one, other] = [DeploymentKeys.create(rootKey), DeploymentKeys.create(rootKey)];
  assert.ok(!one.guardKeys.rowMac.equals(other.guardKeys.rowMac));
  assert.ok(!one.accessKeyTag.equals(rootKey.derive("accessKeyTag")));
  const wrapped = one.wrap(rootKey, { origin: ORIGIN });
  const opened = DeploymentKeys.open(rootKey, { origin: ORIGIN, wrapped });
  for (const name of ["rowMac", "setElement", "sumMask", "sumMac"] as const) {
    assert.ok(opened.guardKeys[name].equals(one.guardKeys[name]), name);
    assert.ok(!wrapped.includes(one.guardKeys[name].export()));
  }
  assert.ok(opened.accessKeyTag.equals(one.accessKeyTag));
  const altered = Buffer.from(wrapped);
  altered.writeUInt8(altered.readUInt8(40) ^ 1, 40);
  for (const wrong of [
    () => DeploymentKeys.open(RootKey.generate(), { origin: ORIGIN, wrapped }),
    () => DeploymentKeys.open(rootKey, { origin: "another", wrapped }),
    () => DeploymentKeys.open(rootKey, { origin: ORIGIN, wrapped: altered }),
    () => DeploymentKeys.open(rootKey, { origin: ORIGIN, wrapped: wrapped.subarray(1) }),
  ]) {
    assert.throws(wrong, TamperedRowError);
  }
  const derived = DeploymentKeys.open(rootKey, { origin: ORIGIN, wrapped: null });
  assert.ok(derived.guardKeys.rowMac.equals(rootKey.derive("rowMac")));
});
