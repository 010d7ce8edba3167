import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type CallParameters, type CinnabarClient, ServiceError } from "@cinnabar/client";
import {
  type Backend,
  FileSeal,
  kernelTables,
  openDeploymentKeys,
  openPostgresql,
  RowGuard,
  SqliteBackend,
  type SqlRow,
  sweep,
} from "@cinnabar/kernel";
import { kmsTables } from "@cinnabar/kms";
import { ramTables } from "@cinnabar/ram";
import { sharingTables } from "@cinnabar/sharing";
import {
  forEachDatabase,
  ServerProcess,
  type ServerProcessOptions,
  type TestDatabaseInstance,
} from "@cinnabar/testkit";
import { accessDatabase } from "../src/crash/database-access.ts";
import { Intruder, type RowPlace } from "../src/crash/intruder.ts";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";

// `npm run test:crash` also waits for a server's own sweep while it runs.

const tables = [...kernelTables, ...ramTables, ...kmsTables, ...sharingTables];
const ALARM_MILLIS = 30_000;
const POLL_MILLIS = 20;

forEachDatabase((database) => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.start(await database.create());
  });
  after(() => rig[Symbol.asyncDispose]());

  test("a key's state edited in the database is found when the key is used", async () => {
    const key = await rig.createKey();
    await rig.client.call("DisableKey", { KeyId: key.id });
    await rig.intruder.overwrite(key, { state: "Enabled" });
    await rig.assertFoundOnUse("Encrypt", { KeyId: key.id, Plaintext: "text" });
    await rig.assertFoundBySweep();
    await rig.intruder.overwrite(key, { state: "Disabled" });
    await rig.assertSound();
    await rig.assertRefused("Rejected.Disabled", "Encrypt", { KeyId: key.id, Plaintext: "text" });
  });

  test("key material swapped between two keys is found when either is used", async () => {
    const keys = [await rig.createKey(), await rig.createKey()] as const;
    const [one, other] = [await rig.versionOf(keys[0]), await rig.versionOf(keys[1])];
    await rig.intruder.overwrite(one.place, { material: other.row["material"] ?? null });
    await rig.intruder.overwrite(other.place, { material: one.row["material"] ?? null });
    for (const { id } of keys) await rig.assertFoundOnUse("Encrypt", { KeyId: id, Plaintext: "text" });
    await rig.assertFoundBySweep();
    await rig.intruder.overwrite(one.place, one.row);
    await rig.intruder.overwrite(other.place, other.row);
    await rig.assertSound();
    await rig.client.call("Encrypt", { KeyId: keys[0].id, Plaintext: "text" });
  });

  test("whole versions swapped between two keys are found when either is used", async () => {
    const keys = [await rig.createKey(), await rig.createKey()] as const;
    const [one, other] = [await rig.versionOf(keys[0]), await rig.versionOf(keys[1])];
    const { CiphertextBlob } = await rig.client.call("Encrypt", { KeyId: keys[0].id, Plaintext: "text" });
    // What changes is read again.
    await rig.client.call("DisableKey", { KeyId: keys[0].id });
    await rig.client.call("EnableKey", { KeyId: keys[0].id });
    await rig.intruder.overwrite(one.place, { key_id: other.row["key_id"] ?? null });
    await rig.intruder.overwrite(other.place, { key_id: one.row["key_id"] ?? null });
    for (const { id } of keys) await rig.assertFoundOnUse("Encrypt", { KeyId: id, Plaintext: "text" });
    await rig.assertFoundOnUse("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
    await rig.assertFoundBySweep();
    await rig.intruder.overwrite(one.place, one.row);
    await rig.intruder.overwrite(other.place, other.row);
    await rig.assertSound();
  });

  test("a copy of a key under another id is found when it is used", async () => {
    const key = await rig.createKey();
    const copy = { table: "kms_key", id: "00000000-0000-4000-8000-000000000000" } as const;
    await rig.intruder.insert("kms_key", { ...(await rig.intruder.copy(key)), id: copy.id });
    await rig.assertFoundOnUse("DescribeKey", { KeyId: copy.id });
    await rig.assertFoundBySweep();
    await rig.intruder.delete(copy);
    await rig.assertSound();
  });

  test("an old row put back with its revision and MAC is found by the sweep", async () => {
    const key = await rig.createKey();
    const old = await rig.intruder.copy(key);
    await rig.client.call("DisableKey", { KeyId: key.id });
    const current = await rig.intruder.copy(key);
    await rig.assertSound();
    await rig.intruder.overwrite(key, old);
    await rig.assertFoundBySweep();
    await rig.intruder.overwrite(key, current);
    await rig.assertSound();
  });

  test("a deleted row is found by the sweep", async () => {
    const key = await rig.createKey();
    const alias = await rig.createAlias(key.id);
    const version = await rig.versionOf(key);
    for (const { place, row } of [{ place: alias, row: await rig.intruder.copy(alias) }, version]) {
      await rig.intruder.delete(place);
      await rig.assertFoundBySweep();
      await rig.intruder.insert(place.table, row);
      await rig.assertSound();
    }
  });

  test("a row that was deleted and is inserted again is found by the sweep", async () => {
    const alias = await rig.createAlias((await rig.createKey()).id);
    const row = await rig.intruder.copy(alias);
    await rig.client.call("DeleteAlias", { AliasName: alias.id });
    await rig.assertSound();
    await rig.intruder.insert("alias", row);
    await rig.assertFoundBySweep();
    await rig.intruder.delete(alias);
    await rig.assertSound();
  });

  test("a tag that was deleted, or has its old value back, is found by the sweep", async () => {
    const tag = { table: "key_tag", id: "swept" } as const;
    const toJson = (...names: string[]) =>
      JSON.stringify(names.map((name) => ({ TagKey: name, TagValue: String(names.length) })));
    const { KeyMetadata } = await rig.client.call("CreateKey", { Tags: toJson(tag.id, "dropped") });
    const { KeyId } = KeyMetadata as { KeyId: string };
    const old = await rig.intruder.copy(tag);
    await rig.client.call("TagResource", { KeyId, Tags: toJson(tag.id, "added", "more") });
    await rig.client.call("UntagResource", { KeyId, TagKeys: '["dropped","more"]' });
    const current = await rig.intruder.copy(tag);
    await rig.assertSound();
    await rig.intruder.overwrite(tag, old);
    await rig.assertFoundBySweep();
    await rig.intruder.delete(tag);
    await rig.assertFoundBySweep();
    await rig.intruder.insert("key_tag", current);
    await rig.assertSound();
  });

  test("a server raises the alarm by itself when its sweep finds an old row", async () => {
    const key = await rig.createKey();
    const old = await rig.intruder.copy(key);
    await rig.client.call("DisableKey", { KeyId: key.id });
    await rig.intruder.overwrite(key, old);
    // The first sweep begins with the start.
    await rig.restart();
    await rig.untilAlarm();
  });
});

/** A server, a client of it, an intruder in its database, and the root key to look at the rows as a sweep does. */
class Rig implements AsyncDisposable {
  readonly intruder: Intruder;
  readonly #stack: AsyncDisposableStack;
  readonly #options: ServerProcessOptions;
  readonly #backend: Backend;
  readonly #guard: RowGuard;
  #server: ServerProcess;
  #client: CinnabarClient;
  #lastAlias = 0;

  private constructor(parts: {
    intruder: Intruder;
    stack: AsyncDisposableStack;
    options: ServerProcessOptions;
    backend: Backend;
    guard: RowGuard;
    server: ServerProcess;
  }) {
    this.intruder = parts.intruder;
    this.#stack = parts.stack;
    this.#options = parts.options;
    this.#backend = parts.backend;
    this.#guard = parts.guard;
    this.#server = parts.server;
    this.#client = parts.server.client();
  }

  static async start(database: TestDatabaseInstance): Promise<Rig> {
    await using stack = new AsyncDisposableStack();
    stack.use(database);
    const { path } = stack.use(await temporaryDirectory());
    const options = { data: join(path, "node"), database: database.url };
    const server = stack.use(await ServerProcess.start(options));
    const backend = database.url.startsWith("sqlite:")
      ? await SqliteBackend.open(database.url.slice("sqlite:".length))
      : await openPostgresql(database.url);
    stack.defer(() => backend.close());
    const rootKey = await new FileSeal(join(options.data, "root.key")).open();
    assert.ok(rootKey !== undefined);
    const guard = new RowGuard((await openDeploymentKeys(backend, rootKey)).guardKeys);
    const intruder = new Intruder(stack.use(await accessDatabase(database.url)));
    return new Rig({ intruder, stack: stack.move(), options, backend, guard, server });
  }

  get client(): CinnabarClient {
    return this.#client;
  }

  async createKey(): Promise<RowPlace> {
    const { KeyId: id } = (await this.#client.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
    return { table: "kms_key", id };
  }

  async createAlias(keyId: string): Promise<RowPlace> {
    const id = `alias/tampering-${++this.#lastAlias}`;
    await this.#client.call("CreateAlias", { AliasName: id, KeyId: keyId });
    return { table: "alias", id };
  }

  async versionOf(key: RowPlace): Promise<{ place: RowPlace; row: SqlRow }> {
    const row = await this.intruder.copyVersion(key.id);
    return { place: { table: "key_version", id: row.id }, row };
  }

  /** The call fails, and says nothing of why; log and metrics say that a row was tampered with. */
  async assertFoundOnUse(action: string, parameters: CallParameters): Promise<void> {
    const counted = await this.#tamperedRows();
    const alarms = this.#server.alarms("tampered-row").length;
    await this.assertRefused("InternalFailure", action, parameters);
    assert.ok((await this.#tamperedRows()) > counted, "the metric counts it");
    assert.ok(this.#server.alarms("tampered-row").length > alarms, "the log has an alarm");
  }

  async assertRefused(code: string, action: string, parameters: CallParameters): Promise<void> {
    await assert.rejects(this.#client.call(action, parameters), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.equal(error.code, code);
      return true;
    });
  }

  async assertFoundBySweep(): Promise<void> {
    assert.notDeepEqual(await this.#sweep(), []);
  }

  async assertSound(): Promise<void> {
    assert.deepEqual(await this.#sweep(), []);
  }

  async restart(): Promise<void> {
    this.#client.close();
    await this.#server.stop();
    this.#server = this.#stack.use(await ServerProcess.start(this.#options));
    this.#client = this.#server.client();
  }

  async untilAlarm(): Promise<void> {
    const endAt = performance.now() + ALARM_MILLIS;
    while (this.#server.alarms("tampered-row").length === 0) {
      assert.ok(performance.now() < endAt, "no alarm");
      await sleep(POLL_MILLIS);
    }
    assert.ok((await this.#tamperedRows()) > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#stack.disposeAsync();
  }

  #tamperedRows(): Promise<number> {
    return this.#server.metric("cinnabar_tampered_rows_total");
  }

  async #sweep(): Promise<readonly string[]> {
    const rest = () => Promise.resolve();
    return (await sweep({ backend: this.#backend, guard: this.#guard, tables, rest })).problems;
  }
}
