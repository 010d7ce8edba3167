import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  type AccessKeyId,
  type AccountId,
  type Backend,
  CONTROL_SHARD,
  ControlStore,
  createSigningKey,
  DeploymentKeys,
  initStore,
  kernelMigrations,
  kernelTables,
  kyselyOn,
  migrate,
  openCustody,
  openEvents,
  openPostgresql,
  parseId,
  readBatchRow,
  RootKey,
  RowGuard,
  SoftwareKeystore,
  SqliteBackend,
  Store,
  sweep,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import {
  accountKind,
  Administration,
  AdministrationError,
  type AdministrationErrorCode,
  createAuthenticator,
  MAX_ROOT_ACCESS_KEYS,
  newAccount,
  ramMigrations,
  ramTables,
} from "@cinnabar/ram";
import { forEachDatabase, type TestDatabase } from "@cinnabar/testkit";

const ORIGIN = "ram.test/cinnabar";
const NOBODY = parseId("Account", "1000000000000000");

/** A deployment with one account, administered from a connection of its own beside nodes. */
class World implements AsyncDisposable {
  readonly rootKey: RootKey;
  readonly guard: RowGuard;
  readonly backend: Backend;
  readonly administration: Administration;
  /** Of the first account. */
  readonly first: { readonly accountId: AccountId; readonly accessKeyId: AccessKeyId };
  readonly #url: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    rootKey: RootKey;
    guard: RowGuard;
    backend: Backend;
    store: ControlStore;
    first: { readonly accountId: AccountId; readonly accessKeyId: AccessKeyId };
    url: string;
    resources: AsyncDisposableStack;
  }) {
    this.rootKey = parts.rootKey;
    this.guard = parts.guard;
    this.backend = parts.backend;
    this.administration = new Administration({ store: parts.store, keys: DeploymentKeys.derive(parts.rootKey) });
    this.first = parts.first;
    this.#url = parts.url;
    this.#resources = parts.resources;
  }

  static async create(database: TestDatabase): Promise<World> {
    await using resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    const backend = resources.adopt(await connect(url), (opened) => opened.close());
    await migrate(backend, [...kernelMigrations, ...ramMigrations]);
    const rootKey = new RootKey(randomBytes(32));
    const keys = DeploymentKeys.derive(rootKey);
    const guard = new RowGuard(keys.guardKeys);
    const db = kyselyOn<unknown>(backend.kind, backend.reader);
    const { rows, ...first } = newAccount({ keys, guard, db, now: Date.now() });
    const signing = createSigningKey(rootKey, ORIGIN);
    await initStore({
      backend,
      guard,
      deployment: {
        region: "cn-hangzhou",
        origin: ORIGIN,
        root_key_check: rootKey.checkValue,
        verifier_key: new NoteSigner({ name: ORIGIN, key: signing.key }).verifierKey,
        wrapped_signing_key: signing.wrapped,
      },
      rows,
      clockOffset: 0,
    });
    const store = await ControlStore.open({ backend, guard });
    return new World({ rootKey, guard, backend, store, first, url, resources: resources.move() });
  }

  /** A node's store on connections of its own, as another process has it. */
  async openNode(): Promise<Store> {
    const store = await Store.open({
      backend: await connect(this.#url),
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

  /** The names of the control log's events with what they say, from the given one on. */
  async events(from = 0): Promise<Record<string, unknown>[]> {
    const { rows } = await this.backend.reader.execute(
      `SELECT * FROM audit_batch WHERE shard = ${CONTROL_SHARD} AND seq > ${from} ORDER BY seq`,
      [],
    );
    return rows.flatMap((raw) =>
      (openEvents(readBatchRow(raw)) ?? []).map((text) => {
        const event = JSON.parse(text) as Record<string, unknown>;
        const { epoch: _epoch, ...data } = event["additionalEventData"] as Record<string, unknown>;
        return { name: event["eventName"], trail: event["recipientAccountId"], type: event["eventType"], ...data };
      }),
    );
  }

  async epoch(): Promise<number> {
    const { rows } = await this.backend.reader.execute("SELECT value FROM epoch", []);
    return Number(rows[0]?.["value"]);
  }

  async assertSound(): Promise<void> {
    const tables = [...kernelTables, ...ramTables];
    const { backend, guard } = this;
    const report = await sweep({ backend, guard, tables, rest: () => Promise.resolve() });
    assert.deepEqual(report.problems, []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

function connect(url: string): Promise<Backend> {
  return url.startsWith("sqlite:") ? SqliteBackend.open(url.slice("sqlite:".length)) : openPostgresql(url);
}

const forget = () => Promise.resolve();

function unexpected(): never {
  throw new assert.AssertionError({ message: "this must not happen" });
}

async function refused(code: AdministrationErrorCode, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => error instanceof AdministrationError && error.code === code);
}

forEachDatabase((database) => {
  test("a new account has a key of its own and an AccessKey that every node knows at once", async () => {
    await using world = await World.create(database);
    const node = await world.openNode();
    let kept = { accountId: "", accessKeyId: "", secret: "" };
    let secretBytes: Buffer | undefined;
    const made = await world.administration.createAccount(async ({ accountId, accessKeyId, secret }) => {
      const { rows } = await world.backend.reader.execute("SELECT id FROM account", []);
      assert.equal(rows.length, 1, "the store learns of it only afterwards");
      kept = { accountId, accessKeyId, secret: secret.toString("latin1") };
      secretBytes = secret;
    });
    assert.deepEqual(made, { accountId: kept.accountId, accessKeyId: kept.accessKeyId });
    assert.match(kept.secret, /^[A-Za-z0-9]{30}$/);
    assert.deepEqual(secretBytes, Buffer.alloc(30));

    const authenticator = createAuthenticator(DeploymentKeys.derive(world.rootKey));
    const presented = { accessKeyId: made.accessKeyId, securityToken: undefined };
    assert.equal(authenticator.isIssued(presented), true);
    const found = await authenticator.find(node.cache, presented);
    assert.ok(found?.secret !== undefined);
    assert.equal(found.principal.accountId, made.accountId);
    assert.equal(found.refusedAs, undefined);
    const custody = openCustody({ keys: DeploymentKeys.derive(world.rootKey), keystore: new SoftwareKeystore() });
    assert.notEqual(await node.cache.find(custody.accountKeys, made.accountId), undefined);

    assert.deepEqual(
      (await world.administration.listAccounts()).map(({ id, isEnabled, accessKeys, activeAccessKeys }) => ({
        id,
        isEnabled,
        accessKeys,
        activeAccessKeys,
      })),
      [world.first.accountId, made.accountId].map((id) => ({
        id,
        isEnabled: true,
        accessKeys: 1,
        activeAccessKeys: 1,
      })),
    );
    assert.deepEqual((await world.events()).at(-1), {
      name: "CreateAccount",
      trail: made.accountId,
      type: "AliyunServiceEvent",
      ...made,
    });
    await world.assertSound();
  });

  test("whose credentials cannot be kept is not made", async () => {
    await using world = await World.create(database);
    const before = await world.epoch();
    const full = new Error("the disk is full");
    let secretBytes: Buffer | undefined;
    await assert.rejects(
      world.administration.createAccount(({ secret }) => {
        secretBytes = secret;
        return Promise.reject(full);
      }),
      full,
    );
    assert.deepEqual(secretBytes, Buffer.alloc(30));
    assert.equal(await world.epoch(), before);
    assert.equal((await world.administration.listAccounts()).length, 1);
  });

  test("an account and an AccessKey are refused while disabled, by nodes that had them in memory too", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const node = await world.openNode();
    const authenticator = createAuthenticator(DeploymentKeys.derive(world.rootKey));
    const refusedAs = async (): Promise<string | undefined> => {
      await node.cache.refresh();
      const { accessKeyId } = first;
      const found = await authenticator.find(node.cache, { accessKeyId, securityToken: undefined });
      return found?.secret === undefined ? "unknown" : found.refusedAs;
    };
    assert.equal(await refusedAs(), undefined);

    assert.equal(await administration.setAccountEnabled(first.accountId, false), true);
    assert.equal(await refusedAs(), "InvalidAccessKeyId.Inactive");
    assert.equal(await administration.setAccountEnabled(first.accountId, true), true);
    assert.equal(await refusedAs(), undefined);

    assert.equal(await administration.disableAccessKey(first.accessKeyId, { force: true }), true);
    assert.equal(await refusedAs(), "InvalidAccessKeyId.Inactive");
    assert.equal(await administration.enableAccessKey(first.accessKeyId), true);
    assert.equal(await refusedAs(), undefined);

    await administration.deleteAccessKey(first.accessKeyId, { force: true });
    assert.equal(await refusedAs(), "unknown");
    await refused("accessKeyNotFound", administration.enableAccessKey(first.accessKeyId));

    const { accountId, accessKeyId } = first;
    const names = ["DisableAccount", "EnableAccount", "DisableAccessKey", "EnableAccessKey", "DeleteAccessKey"];
    assert.deepEqual(
      (await world.events()).slice(-names.length),
      names.map((name) => ({
        name,
        trail: accountId,
        type: "AliyunServiceEvent",
        accountId,
        ...(name.endsWith("AccessKey") && { accessKeyId }),
      })),
    );
    await world.assertSound();
  });

  test("a setting of an account is off until it is switched on, and known to every node at once", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const { accountId } = first;
    const other = await administration.createAccount(forget);
    const node = await world.openNode();
    const isRequired = async (id: string): Promise<boolean | undefined> => {
      await node.cache.refresh();
      return (await node.cache.find(accountKind, id))?.settings.requireUsageReview;
    };
    assert.equal(await isRequired(accountId), false);

    assert.equal(await administration.changeAccountSettings(accountId, { requireUsageReview: true }), true);
    assert.equal(await isRequired(accountId), true);
    assert.equal(await isRequired(other.accountId), false);
    const before = await world.epoch();
    assert.equal(await administration.changeAccountSettings(accountId, { requireUsageReview: true }), false);
    assert.equal(await administration.changeAccountSettings(accountId, {}), false);
    assert.equal(await world.epoch(), before);
    await administration.setAccountEnabled(accountId, false);
    assert.equal(await isRequired(accountId), true, "other changes leave it as it is");
    assert.equal(await administration.changeAccountSettings(accountId, { requireUsageReview: false }), true);
    assert.equal(await isRequired(accountId), false);
    await refused("accountNotFound", administration.changeAccountSettings(NOBODY, { requireUsageReview: true }));

    const event = { name: "ChangeAccountSettings", trail: accountId, type: "AliyunServiceEvent", accountId };
    const [on, , off] = (await world.events()).slice(-3);
    assert.deepEqual(
      [on, off],
      [
        { ...event, requireUsageReview: true },
        { ...event, requireUsageReview: false },
      ],
    );
    await world.assertSound();
  });

  test("what is so already stays so, without an event", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const before = await world.epoch();
    assert.equal(await administration.setAccountEnabled(first.accountId, true), false);
    assert.equal(await administration.enableAccessKey(first.accessKeyId), false);
    await administration.setAccountEnabled(first.accountId, false);
    assert.equal(await administration.setAccountEnabled(first.accountId, false), false);
    assert.equal(await world.epoch(), before + 1);
  });

  test("nothing is done to what does not exist, and nothing is kept for it", async () => {
    await using world = await World.create(database);
    const { administration } = world;
    const before = await world.epoch();
    const nothing = parseId("AccessKey", "LTAI5tAAAAAAAAAAAAAAAAAA");
    await refused("accountNotFound", administration.setAccountEnabled(NOBODY, false));
    await refused("accountNotFound", administration.createAccessKey(NOBODY, unexpected));
    await refused("accountNotFound", administration.listAccessKeys({ accountId: NOBODY }));
    await refused("accessKeyNotFound", administration.enableAccessKey(nothing));
    await refused("accessKeyNotFound", administration.disableAccessKey(nothing, { force: true }));
    await refused("accessKeyNotFound", administration.deleteAccessKey(nothing, { force: true }));
    assert.equal(await world.epoch(), before);
  });

  test("the last active AccessKey of an account is neither disabled nor deleted by the way", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const other = await administration.createAccount(forget);
    await refused("lastActiveAccessKey", administration.disableAccessKey(first.accessKeyId, { force: false }));
    await refused("lastActiveAccessKey", administration.deleteAccessKey(first.accessKeyId, { force: false }));

    const second = await administration.createAccessKey(first.accountId, forget);
    await refused("accessKeyInUse", administration.deleteAccessKey(first.accessKeyId, { force: false }));
    assert.equal(await administration.disableAccessKey(first.accessKeyId, { force: false }), true);
    await refused("lastActiveAccessKey", administration.disableAccessKey(second.accessKeyId, { force: false }));
    await administration.deleteAccessKey(first.accessKeyId, { force: false });
    assert.deepEqual(
      (await administration.listAccessKeys({ accountId: first.accountId })).map(({ id }) => id),
      [second.accessKeyId],
    );
    assert.deepEqual(
      (await administration.listAccessKeys()).map(({ id }) => id).toSorted(),
      [other.accessKeyId, second.accessKeyId].toSorted(),
    );
    await world.assertSound();
  });

  test("of two that disable an account's last two AccessKeys at the same time, one is refused", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const second = await administration.createAccessKey(first.accountId, forget);
    const outcomes = await Promise.allSettled(
      [first, second].map(({ accessKeyId }) => administration.disableAccessKey(accessKeyId, { force: false })),
    );
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  });

  test("an account's root has so many AccessKeys and no more, however many ask at the same time", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    const attempts = Array.from({ length: MAX_ROOT_ACCESS_KEYS + 2 }, () =>
      administration.createAccessKey(first.accountId, forget),
    );
    const outcomes = await Promise.allSettled(attempts);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, MAX_ROOT_ACCESS_KEYS - 1);
    const keys = await administration.listAccessKeys({ accountId: first.accountId });
    assert.equal(keys.length, MAX_ROOT_ACCESS_KEYS);
    await refused("tooManyAccessKeys", administration.createAccessKey(first.accountId, unexpected));
    await world.assertSound();
  });

  test("a row that was changed behind the store's back is not acted upon", async () => {
    await using world = await World.create(database);
    const { administration, first } = world;
    await administration.setAccountEnabled(first.accountId, false);
    await world.backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE account SET status = 'Enabled'", []);
    });
    const before = await world.epoch();
    await assert.rejects(administration.setAccountEnabled(first.accountId, true), { name: "TamperedRowError" });
    await assert.rejects(administration.listAccounts(), { name: "TamperedRowError" });
    assert.equal(await world.epoch(), before);
  });
});
