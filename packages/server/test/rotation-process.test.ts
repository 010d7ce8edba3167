import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { CinnabarClient } from "@cinnabar/client";
import { FileSeal, openDeploymentKeys, RowGuard, sweep } from "@cinnabar/kernel";
import { forEachDatabase, ServerProcess, spawnScript, type TestDatabase } from "@cinnabar/testkit";

import { openDatabase } from "../src/database.ts";
import { protectedTables } from "../src/tables.ts";
import type { RotationStep } from "../src/seal/index.ts";
import { cinnabar } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const killedRotation = fileURLToPath(new URL("support/killed-rotation.ts", import.meta.url));
const STEPS: readonly RotationStep[] = ["opened", "staged", "verified", "prepared", "committed", "kept", "promoted"];
const KEYS = 5;
const POLL_MILLIS = 50;

async function createKeys(client: CinnabarClient, count = KEYS): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push(((await client.call("CreateKey"))["KeyMetadata"] as { KeyId: string }).KeyId);
  }
  return ids;
}

async function encrypt(client: CinnabarClient, keyId: string, plaintext: string): Promise<string> {
  return String((await client.call("Encrypt", { KeyId: keyId, Plaintext: plaintext }))["CiphertextBlob"]);
}

async function decrypt(client: CinnabarClient, blob: string): Promise<string> {
  return String((await client.call("Decrypt", { CiphertextBlob: blob }))["Plaintext"]);
}

/** Encrypts on one node and decrypts on another one without a pause, until it is told to end. */
class Traffic {
  readonly blobs: { readonly blob: string; readonly plaintext: string }[] = [];
  readonly failures: unknown[] = [];
  readonly #clients: readonly CinnabarClient[];
  readonly #callers: readonly Promise<void>[];
  #isOver = false;

  constructor(nodes: readonly ServerProcess[], keyIds: readonly string[]) {
    this.#clients = nodes.map((node) => node.client());
    this.#callers = this.#clients.map(async (client, i) => {
      const other = this.#clients[(i + 1) % this.#clients.length] ?? client;
      for (let n = 0; !this.#isOver; n++) {
        const plaintext = `node ${i} text ${n}`;
        try {
          const blob = await encrypt(client, keyIds[n % keyIds.length] ?? "", plaintext);
          assert.equal(await decrypt(other, blob), plaintext);
          this.blobs.push({ blob, plaintext });
        } catch (error) {
          this.failures.push(error);
          return;
        }
      }
    });
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
    for (const client of this.#clients) client.close();
  }
}

class Rig implements AsyncDisposable {
  readonly database: string;
  readonly data: string;
  readonly rootKeyFile: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: { database: string; data: string; resources: AsyncDisposableStack }) {
    this.database = parts.database;
    this.data = parts.data;
    this.rootKeyFile = join(parts.data, "root.key");
    this.#resources = parts.resources;
  }

  static async create(database: TestDatabase, folder: string): Promise<Rig> {
    await using resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    return new Rig({ database: url, data: join(folder, "first"), resources: resources.move() });
  }

  get settings(): string[] {
    return [`--data=${this.data}`, `--database=${this.database}`];
  }

  start(flags: readonly string[] = []): Promise<ServerProcess> {
    return ServerProcess.start({ data: this.data, database: this.database, flags });
  }

  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cinnabar([...args, ...this.settings]);
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  }

  /** Runs a rotation that is killed. */
  async kill(...args: string[]): Promise<void> {
    const child = spawnScript(killedRotation, this.database, this.rootKeyFile, ...args);
    const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    assert.equal(signal, "SIGKILL", args.join(" "));
  }

  async rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const backend = await openDatabase(this.database);
    try {
      return (await backend.reader.execute(sql, [])).rows;
    } finally {
      await backend.close();
    }
  }

  /** The rows are those that were written, the log is whole, and no server has found anything else. */
  async assertSound(server: ServerProcess): Promise<void> {
    const rootKey = await new FileSeal(this.rootKeyFile).open();
    assert.ok(rootKey);
    const backend = await openDatabase(this.database);
    try {
      const guard = new RowGuard((await openDeploymentKeys(backend, rootKey)).guardKeys);
      const { problems } = await sweep({ backend, guard, tables: protectedTables, rest: () => Promise.resolve() });
      assert.deepEqual(problems, []);
    } finally {
      await backend.close();
    }
    assert.deepEqual(server.alarms("tampered-row"), []);
    assert.equal(await server.metric("cinnabar_tampered_rows_total"), 0);
    assert.match(await this.ok("audit", "verify"), /The audit log is intact/);
  }

  async events(): Promise<string> {
    const folder = join(this.data, `exported-${Date.now()}`);
    await this.ok("audit", "export", folder, "--with-events");
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), "latin1"));
    return (await Promise.all(texts)).join("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

forEachDatabase((database) => {
  test("account keys and the root key are rotated while nodes serve: no call fails and no answer is wrong", async (t) => {
    const folder = await temporaryDirectory(t);
    await using rig = await Rig.create(database, folder);
    await using first = await rig.start();
    const { credentials } = first;
    const isShared = database.name === "postgresql";
    await using second = isShared
      ? await ServerProcess.start({
          data: join(folder, "second"),
          database: rig.database,
          rootKeyFile: rig.rootKeyFile,
          credentials,
        })
      : undefined;
    const nodes = second === undefined ? [first] : [first, second];
    const client = first.client();
    t.after(() => client.close());
    const keyIds = await createKeys(client);
    const old = await Promise.all(keyIds.map((keyId) => encrypt(client, keyId, keyId)));
    const rootKeys = [await readFile(rig.rootKeyFile, "latin1")];
    await copyFile(join(rig.data, "root-access-key.json"), join(folder, "root-access-key.json"));

    const traffic = new Traffic(nodes, keyIds);
    for (let round = 1; round <= 2; round++) {
      assert.match(await rig.ok("account-key", "rotate", "--all"), new RegExp(`of version ${round + 1} now`));
      assert.match(await rig.ok("root-key", "rotate"), /The store is under the root key \S+ now/);
      rootKeys.push(await readFile(rig.rootKeyFile, "latin1"));
      // Wrapped under the new root key alone: every node has to have followed.
      const file = join(folder, `tenant-${round}.json`);
      await rig.ok("account", "create", "-o", file);
      const tenant = JSON.parse(await readFile(file, "utf8")) as Record<"AccessKeyId" | "AccessKeySecret", string>;
      for (const { endpoint } of nodes) {
        const caller = new CinnabarClient({
          endpoint,
          credentials: { accessKeyId: tenant.AccessKeyId, accessKeySecret: tenant.AccessKeySecret },
        });
        const [keyId = ""] = await createKeys(caller, 1);
        assert.equal(await decrypt(caller, await encrypt(caller, keyId, "tenant")), "tenant");
        caller.close();
      }
    }
    await traffic.end();
    assert.deepEqual(traffic.failures, []);
    assert.ok(traffic.blobs.length > 0);
    assert.equal(new Set(rootKeys).size, 3);
    for (const node of nodes) await rig.assertSound(node);
    for (const node of nodes) await node.stop();

    await using again = await rig.start();
    const later = again.client();
    t.after(() => later.close());
    for (const [i, blob] of old.entries()) assert.equal(await decrypt(later, blob), keyIds[i]);
    for (const { blob, plaintext } of traffic.blobs.slice(-20)) assert.equal(await decrypt(later, blob), plaintext);
    const events = await rig.events();
    for (const name of ["RotateAccountKey", "RewrapAccountKey", "RotateRootKey"])
      assert.ok(events.includes(`"${name}"`));
    for (const text of rootKeys) assert.ok(!events.includes(text.split("\n")[1] ?? "?"));
    await again.stop();
  });

  test("a rotation of the root key that is killed at any step is ended by the next start, or by the command", async (t) => {
    const folder = await temporaryDirectory(t);
    await using rig = await Rig.create(database, folder);
    let server = await rig.start();
    const blobs: string[] = [];
    const client = server.client();
    const [keyId = ""] = await createKeys(client, 1);
    blobs.push(await encrypt(client, keyId, "text 0"));
    client.close();
    for (const step of STEPS) {
      const before = (await rig.rows("SELECT root_key_check FROM deployment"))[0]?.["root_key_check"];
      // Beside the server, which goes on.
      await rig.kill("root", step);
      const going = server.client();
      blobs.push(await encrypt(going, keyId, `text ${blobs.length}`));
      going.close();
      const now = (await rig.rows("SELECT root_key_check FROM deployment"))[0]?.["root_key_check"];
      assert.equal(now !== before, STEPS.indexOf(step) >= STEPS.indexOf("committed"), step);
      await server.kill("SIGKILL");
      server = await rig.start();
      const next = server.client();
      for (const [i, blob] of blobs.entries()) assert.equal(await decrypt(next, blob), `text ${i}`, step);
      next.close();
      assert.match(await readFile(rig.rootKeyFile, "latin1"), new RegExp(`\n${String(now)}\n$`), step);
      const wasEnded = /A rotation of the root key had been interrupted/.test(server.output);
      assert.equal(wasEnded, step === "committed" || step === "kept", step);
      const left = await readdir(rig.data);
      assert.deepEqual(
        left.filter((name) => name.startsWith(".root.key")),
        [],
        "nothing that is in plaintext is left without a name",
      );
      if (step === "staged" || step === "verified") assert.match(server.output, /held a root key .* and is removed/);
      if (step === "prepared") assert.match(server.output, /a next root key, \S+, that the store is not under/);
    }
    assert.match(await rig.ok("root-key", "rotate"), /The store is under the root key/);
    await rig.assertSound(server);
    await server.stop();
  });

  test("a rotation of an account's key that is killed is ended by a server, or by the command", async (t) => {
    const folder = await temporaryDirectory(t);
    await using rig = await Rig.create(database, folder);
    const accountId = await (async () => {
      await using server = await rig.start();
      const client = server.client();
      await createKeys(client);
      client.close();
      await server.stop();
      const file = JSON.parse(await readFile(join(rig.data, "root-access-key.json"), "utf8")) as { AccountId: string };
      return file.AccountId;
    })();
    const versions = async () =>
      (await rig.rows("SELECT account_key_version AS version FROM key_version")).map(({ version }) => Number(version));
    const left = async (current: number) => (await versions()).filter((version) => version !== current).length;

    await rig.kill("account", accountId, "0");
    assert.equal(await left(2), KEYS, "a new version, and nothing under it yet");
    await rig.kill("account", accountId, "2");
    assert.ok((await left(2)) > 0 && (await left(2)) < KEYS + 1);
    assert.match(await rig.ok("account-key", "rotate", accountId), /Ended the rotation .* to version 2/);
    assert.equal(await left(2), 0);

    await rig.kill("account", accountId, "2");
    assert.ok((await left(3)) > 0);
    await using server = await rig.start();
    while ((await left(3)) > 0) await sleep(POLL_MILLIS);
    const client = server.client();
    const [keyId = ""] = await createKeys(client, 1);
    assert.equal(await decrypt(client, await encrypt(client, keyId, "text")), "text");
    client.close();
    const [row] = await rig.rows("SELECT count(*) AS count FROM account_key WHERE rewrapped_at IS NOT NULL");
    assert.equal(Number(row?.["count"]), 2);
    const { accounts } = JSON.parse(await rig.ok("account-key", "rotate", "--all", "--json")) as {
      accounts: readonly { version: number; isNew: boolean }[];
    };
    assert.deepEqual(
      accounts.map(({ version, isNew }) => ({ version, isNew })),
      [{ version: 4, isNew: true }],
    );
    await rig.assertSound(server);
    await server.stop();
  });
});
