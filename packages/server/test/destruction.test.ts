import assert from "node:assert/strict";
import { hash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  CertificateError,
  ControlStore,
  isId,
  type KeyCertificate,
  openCustody,
  openDestructionCertificate,
  parseId,
  SoftwareKeystore,
} from "@cinnabar/kernel";
import { Instances, retireAccountKey } from "@cinnabar/kms";
import { NoteVerifier, openCheckpoint } from "@cinnabar/merkle-log";
import { forEachDatabase, ServerProcess, spawnScript } from "@cinnabar/testkit";
import { exportAudit, verifyAudit, withDatabaseLogs } from "../src/audit/index.ts";
import { DestroyKeys, destructionJobs } from "../src/destruction/index.ts";
import { travelTo } from "../src/emulator/time-travel.ts";
import { accountKeyUses } from "../src/tables.ts";
import { cinnabar } from "./support/cinnabar.ts";
import { Caller, DAY_MILLIS, DestructionRig, ORIGIN, REGION } from "./support/destruction-rig.ts";

// oxlint-disable-next-line no-restricted-properties -- each step is a process, and there are many
const IS_SLOW = process.env["CINNABAR_TEST_SLOW"] === "1";
const STRIDE = IS_SLOW ? 1 : 3;
const RETIREMENT_STRIDE = IS_SLOW ? 1 : 6;

const KEY_TABLES = ["kms_key", "key_version", "key_tag", "alias"];
const TAGS = '[{"TagKey":"stage","TagValue":"test"},{"TagKey":"team","TagValue":"one"}]';

forEachDatabase((database) => {
  test("a key is there until the very end of its window, and as if it had never been afterwards", async () => {
    await using rig = await DestructionRig.create(database);
    const { accountId } = rig.owner;
    const other = await rig.addAccount();
    const made = await rig.serve(async (_node, owner) => {
      const short = await makeKey(owner, 7);
      const long = await makeKey(owner, 366);
      const living = await owner.createKey();
      return { short, long, living };
    });
    const before = await rig.rows("key_version");

    await rig.advance(7 * DAY_MILLIS - 60_000);
    await rig.serve(async (node, owner) => {
      await node.jobs.runDue();
      const { KeyMetadata } = await owner.call<{ KeyMetadata: Record<string, string> }>("DescribeKey", {
        KeyId: made.short.keyId,
      });
      assert.equal(KeyMetadata["KeyState"], "PendingDeletion");
      // A deletion can be cancelled until the end, and asked for again.
      await owner.call("CancelKeyDeletion", { KeyId: made.short.keyId });
      await owner.call("Decrypt", { CiphertextBlob: made.short.blob });
      await owner.scheduleDeletion(made.short.keyId, 7);
    });
    await rig.advance(7 * DAY_MILLIS);
    await rig.serve(async (node) => {
      await node.jobs.runDue();
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
    assert.deepEqual(await rig.counts(...KEY_TABLES), [2, 2, 2, 1], "the short one is gone, the others stay");

    await rig.advance(353 * DAY_MILLIS);
    await rig.serve(async (node, owner) => {
      await node.jobs.runDue();
      for (const key of [made.short, made.long]) {
        await assertUnknown(owner, key);
        await assertUnknown(new Caller(node, other), {
          ...key,
          keyId: `acs:kms:${REGION}:${accountId}:key/${key.keyId}`,
        });
      }
      const { Keys } = await owner.call<{ Keys: { Key: { KeyId: string }[] } }>("ListKeys");
      assert.deepEqual(
        Keys.Key.map(({ KeyId }) => KeyId),
        [made.living],
      );
      const { Aliases } = await owner.call<{ Aliases: { Alias: unknown[] } }>("ListAliases");
      assert.deepEqual(Aliases.Alias, []);
      // The names are free.
      await owner.call("CreateAlias", { KeyId: made.living, AliasName: made.short.alias });
      await owner.call("Encrypt", { KeyId: made.short.alias, Plaintext: "text" });
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
    assert.deepEqual(await rig.counts(...KEY_TABLES), [1, 1, 0, 1]);
    await assertIntact(rig);
    await assertCertified(rig, [made.short.keyId, made.long.keyId]);

    const events = await rig.systemEvents("DestroyKey");
    assert.deepEqual(
      events.map((event) => [event.resourceName, event.recipientAccountId]),
      [made.short, made.long].map(({ keyId }) => [keyId, accountId]),
    );
    for (const [index, key] of [made.short, made.long].entries()) {
      const { additionalEventData: data } = events[index] ?? assert.fail();
      assert.deepEqual(data["aliases"], [key.alias]);
      const note = String(data["certificate"]);
      const certificate = openCertificate(note, rig.verifierKey);
      assert.equal((await rig.rows("destruction"))[index]?.["certificate"], note, "as the store keeps it");
      const version = before.find((row) => row["key_id"] === key.keyId) ?? assert.fail();
      const { createdAt, versions, dueAt, destroyedAt, scheduledAt, ...rest } = certificate;
      assert.deepEqual(rest, {
        kind: "key",
        accountId,
        keyId: key.keyId,
        arn: `acs:kms:${REGION}:${accountId}:key/${key.keyId}`,
        usage: "ENCRYPT/DECRYPT",
        protectionLevel: "SOFTWARE",
        epoch: data["epoch"],
      });
      assert.deepEqual(versions, [
        {
          versionId: version["id"],
          spec: "Aliyun_AES_256",
          origin: "Aliyun_KMS",
          createdAt,
          accountKeyVersion: 1,
          fingerprint: hash("sha256", version["material"] as Uint8Array, "base64"),
        },
      ]);
      assert.ok(scheduledAt !== undefined);
      assert.ok(createdAt < scheduledAt && scheduledAt < dueAt && dueAt <= destroyedAt);
    }
  });

  // PostgreSQL overwrites what is deleted when it likes.
  if (database.name === "sqlite") {
    test("nothing of the wrapped material is left in an embedded store's files", async () => {
      await using rig = await DestructionRig.create(database);
      const { doomed, kept } = await rig.serve(async (_node, owner) => {
        const keys: string[] = [];
        await inTurns(Array.from({ length: 120 }), async () => keys.push(await owner.createKey()));
        // In no order, so that what is destroyed lies between what stays.
        const doomed = keys.filter((_key, i) => i % 3 !== 0).toSorted(() => (Math.random() < 0.5 ? -1 : 1));
        for (const keyId of doomed) await owner.scheduleDeletion(keyId, 7);
        return { doomed: new Set(doomed), kept: new Set(keys.filter((key) => !doomed.includes(key))) };
      });
      const rows = await rig.rows("key_version");
      const material = (ids: ReadonlySet<string>) =>
        rows.filter((row) => ids.has(String(row["key_id"]))).map((row) => row["material"] as Uint8Array);
      await rig.advance(8 * DAY_MILLIS);
      await rig.serve(async (node) => {
        await node.jobs.runDue();
        // The log of writes has been emptied while the server runs.
        assert.equal(await countIn(rig, material(doomed)), 0);
      });
      assert.deepEqual(await rig.counts("key_version"), [kept.size]);
      assert.equal(await countIn(rig, material(kept)), kept.size);
      assert.equal(await countIn(rig, material(doomed)), 0);
    });
  }

  test("a server destroys by itself what fell due while none ran, and answers meanwhile", async () => {
    await using rig = await DestructionRig.create(database, { startsDaysAgo: 8 });
    const { gone, living, blob } = await rig.serve(async (_node, owner) => {
      const [gone, living] = [await owner.createKey({ Tags: TAGS }), await owner.createKey()];
      const blob = await owner.encrypt(gone);
      await owner.scheduleDeletion(gone, 7);
      return { gone, living, blob };
    });
    const material = (await rig.rows("key_version")).find((row) => row["key_id"] === gone)?.["material"];
    // Now is the time that other clocks show, too.
    await rig.advance(8 * DAY_MILLIS);
    const server = await ServerProcess.start({
      data: join(rig.folder, "node"),
      database: rig.url,
      rootKeyFile: rig.rootKeyFile,
      credentials: rig.owner,
      flags: ["--destruction-delay=0s"],
    });
    const client = server.client();
    try {
      while (!server.output.includes("a key was destroyed")) {
        await client.call("Encrypt", { KeyId: living, Plaintext: "text" });
        await assert.rejects(client.call("Decrypt", { CiphertextBlob: blob }), { code: "Forbidden.KeyNotFound" });
      }
      assert.equal(server.alarms("tampered-row").length, 0);
      await server.stop();
    } finally {
      client.close();
      await server[Symbol.asyncDispose]();
    }
    assert.deepEqual(await rig.counts("destruction", "kms_key", "key_version"), [1, 1, 1]);
    assert.ok(!server.output.includes(Buffer.from(material as Uint8Array).toString("base64")));
    await assertIntact(rig);
  });

  test("a key with many aliases loses them step by step, each on record", async () => {
    await using rig = await DestructionRig.create(database);
    const names = Array.from({ length: 230 }, (_, i) => `alias/${String(i).padStart(200, "x")}`);
    await rig.serve(async (_node, owner) => {
      const keyId = await owner.createKey();
      await inTurns(names, (name) => owner.call("CreateAlias", { KeyId: keyId, AliasName: name }));
      await owner.scheduleDeletion(keyId, 7);
    });
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue());
    const events = [...(await rig.systemEvents("DetachAliases")), ...(await rig.systemEvents("DestroyKey"))];
    const lists = events.map(({ additionalEventData }) => additionalEventData["aliases"] as string[]);
    assert.deepEqual(
      lists.map(({ length }) => length),
      [100, 100, 30],
    );
    assert.ok(lists.flat().toSorted().join() === names.toSorted().join(), "each alias is on record once");
    assert.deepEqual(await rig.counts(...KEY_TABLES), [0, 0, 0, 0]);
    await assertIntact(rig);
  });

  test("the aliases that an instance's owner gave a guest's key are the owner's affair to the end", async () => {
    await using rig = await DestructionRig.create(database);
    const accountId = parseId("Account", rig.owner.accountId);
    const credentials = await rig.addAccount();
    const keyId = await rig.serve(async (node, owner) => {
      const guest = new Caller(node, credentials);
      const instances = new Instances(await ControlStore.open({ backend: rig.backend, guard: node.store.guard }));
      const DKMSInstanceId = await instances.create({ accountId, type: "software", quotas: {} }, async () => {});
      await owner.call(
        "CreateResourceShare",
        {
          ResourceShareName: "guests",
          "Targets.1": credentials.accountId,
          "Resources.1.ResourceId": DKMSInstanceId,
          "Resources.1.ResourceType": "KMSInstance",
        },
        "2020-01-10",
      );
      const KeyId = await guest.createKey({ DKMSInstanceId });
      for (const AliasName of ["alias/private-1", "alias/private-2"])
        await owner.call("CreateAlias", { KeyId, AliasName });
      await guest.call("CreateAlias", { KeyId, AliasName: "alias/shown" });
      await guest.scheduleDeletion(KeyId, 7);
      return KeyId;
    });
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve(async (node, owner) => {
      await node.jobs.runDue();
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
      const now = node.store.clock.now();
      const [StartTime = "", EndTime = ""] = [now - 9 * DAY_MILLIS, now].map((at) =>
        new Date(at).toISOString().replace(/\.\d+Z$/, "Z"),
      );
      const range = { StartTime, EndTime, MaxResults: "50" };
      const lookUp = async (caller: Caller) => {
        const { Events } = await caller.call<{ Events: readonly object[] }>(
          "LookupEvents",
          { "LookupAttribute.1.Key": "ResourceName", "LookupAttribute.1.Value": keyId, ...range },
          "2020-07-06",
        );
        return Events.map((event) => JSON.stringify(event));
      };
      const [owners, guests] = [await lookUp(owner), await lookUp(new Caller(node, credentials))];
      const detached = owners.filter((text) => text.includes("DetachAliases"));
      assert.equal(detached.length, 1);
      assert.match(detached[0] ?? "", /private-1.*private-2/);
      assert.ok(owners.every((text) => !text.includes("DestroyKey") && !text.includes("shown")));
      for (const name of ["CreateAlias", "DetachAliases", "DestroyKey"]) {
        assert.ok(
          guests.some((text) => text.includes(name)),
          name,
        );
      }
      assert.ok(guests.every((text) => !text.includes("private")));
    });
    const [destroyed] = await rig.systemEvents("DestroyKey");
    assert.deepEqual(destroyed?.additionalEventData["aliases"], ["alias/shown"]);
    await assertIntact(rig);
  });

  test("two nodes that destroy at once destroy each key once", async () => {
    await using rig = await DestructionRig.create(database);
    const keys = await rig.serve(async (_node, owner) => {
      const ids = await Promise.all(Array.from({ length: 12 }, () => owner.createKey({ Tags: TAGS })));
      await Promise.all(ids.map((keyId) => owner.scheduleDeletion(keyId, 7)));
      return ids;
    });
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve(async (node) =>
      rig.serve(async (second) => {
        // Without the claim that keeps nodes from working at the same thing.
        const jobs = [node, second].map(
          ({ store, log, metrics }) => new DestroyKeys({ store, log, metrics, delayMillis: 0 }),
        );
        await Promise.all(jobs.map((job) => job.run(new AbortController().signal)));
        assert.deepEqual(await second.sweeper.sweepOnce(), []);
      }),
    );
    const events = await rig.systemEvents("DestroyKey");
    assert.deepEqual(new Set(events.map((event) => event.resourceName)), new Set(keys));
    assert.equal(events.length, keys.length);
    assert.deepEqual(await rig.counts("destruction", ...KEY_TABLES), [12, 0, 0, 0, 0]);
    await assertIntact(rig);
  });

  test("killed at any step, a destruction has happened whole or not at all, and is finished by the next one", async () => {
    await using rig = await DestructionRig.create(database);
    const keys = await rig.serve(async (_node, owner) => {
      const ids = [await owner.createKey({ Tags: TAGS }), await owner.createKey({ Tags: TAGS })];
      for (const [i, keyId] of ids.entries()) {
        await owner.call("CreateAlias", { KeyId: keyId, AliasName: `alias/killed-${i}` });
        await owner.scheduleDeletion(keyId, 7);
      }
      return ids;
    });
    await rig.advance(8 * DAY_MILLIS);
    const script = fileURLToPath(new URL("support/killed-job.ts", import.meta.url));
    let kills = 0;
    for (let step = 1; ; step += STRIDE) {
      const child = spawnScript(script, "destroy", rig.url, rig.rootKeyFile, String(step));
      await once(child, "exit");
      const [destroyed = 0, ...living] = await rig.counts("destruction", ...KEY_TABLES);
      const left = keys.length - destroyed;
      assert.deepEqual(living, [left, left, 2 * left, left], `killed at step ${step}`);
      if (child.signalCode === null) {
        assert.equal(child.exitCode, 0);
        assert.equal(left, 0);
        break;
      }
      kills++;
    }
    assert.ok(kills >= 7, `killed ${kills} times`);
    const events = await rig.systemEvents("DestroyKey");
    assert.deepEqual(new Set(events.map((event) => event.resourceName)), new Set(keys));
    assert.equal(events.length, keys.length);
    await rig.serve(async (node) => assert.deepEqual(await node.sweeper.sweepOnce(), []));
    await assertIntact(rig);
  });

  test("the account's key is replaced after a destruction, and the old one destroyed when no backup is left", async () => {
    await using rig = await DestructionRig.create(database);
    const destruction = { delayMillis: 0, backupRetentionMillis: 35 * DAY_MILLIS };
    const { accountId } = rig.owner;
    const { living, blob, later } = await rig.serve(
      async (node, owner) => {
        const [gone, living, later] = [await owner.createKey(), await owner.createKey(), await owner.createKey()];
        await owner.scheduleDeletion(gone, 7);
        await owner.scheduleDeletion(later, 8);
        await node.jobs.runDue();
        return { living, later, blob: await owner.encrypt(living) };
      },
      { destruction },
    );
    const versions = async () =>
      (await rig.rows("account_key")).map((row) => Number(row["version"])).toSorted((a, b) => a - b);
    const wrappedUnder = async () =>
      new Set((await rig.rows("key_version")).map((row) => Number(row["account_key_version"])));
    const [first] = await rig.rows("account_key");
    assert.deepEqual(await versions(), [1]);

    // Both of two nodes may take the steps.
    await rig.advance(7.5 * DAY_MILLIS);
    await rig.serve(
      (node) =>
        rig.serve(
          async (second, owner) => {
            await Promise.all([node.jobs.runDue(), second.jobs.runDue()]);
            assert.equal(
              (await owner.call<{ Plaintext: string }>("Decrypt", { CiphertextBlob: blob })).Plaintext,
              "text",
            );
            assert.deepEqual(await second.sweeper.sweepOnce(), []);
          },
          { destruction },
        ),
      { destruction },
    );
    assert.deepEqual([await versions(), await wrappedUnder()], [[1, 2], new Set([2])]);

    // A key that is destroyed soon afterwards waits for the next day.
    await rig.advance(0.6 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), { destruction });
    assert.deepEqual(
      new Set((await rig.rows("destruction")).map((row) => [row["kind"], row["account_key_version"]].join(" "))),
      new Set(["key 1", "key 2"]),
    );
    assert.deepEqual(await versions(), [1, 2], later);
    await rig.advance(DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), { destruction });
    assert.deepEqual([await versions(), await wrappedUnder()], [[1, 2, 3], new Set([3])]);

    await rig.advance(33 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), { destruction });
    assert.deepEqual(await versions(), [1, 2, 3]);
    await rig.advance(0.6 * DAY_MILLIS);
    await rig.serve(
      async (node, owner) => {
        await node.jobs.runDue();
        await owner.call("Decrypt", { CiphertextBlob: blob });
        await owner.encrypt(living);
        assert.deepEqual(await node.sweeper.sweepOnce(), []);
      },
      { destruction },
    );
    assert.deepEqual(await versions(), [2, 3]);
    const [event, ...others] = await rig.systemEvents("DestroyAccountKey");
    assert.deepEqual(others, []);
    assert.equal(event?.recipientAccountId, accountId);
    const { certificate: note, version } = event.additionalEventData;
    const certificate = openDestructionCertificate(String(note), NoteVerifier.parse(rig.verifierKey));
    assert.ok(certificate.kind === "account-key");
    const { rewrappedAt, destroyedAt, epoch, ...rest } = certificate;
    assert.deepEqual(rest, {
      kind: "account-key",
      accountId,
      version,
      successor: 3,
      backupRetentionSeconds: 35 * 86_400,
      fingerprint: hash("sha256", first?.["wrapped"] as Uint8Array, "base64"),
    });
    assert.equal(event.additionalEventData["epoch"], epoch);
    assert.ok(destroyedAt - rewrappedAt >= 35 * DAY_MILLIS);
    assert.ok((await rig.rows("destruction")).some((row) => row["subject"] === `${accountId}/1`));
    await assertIntact(rig);
  });

  const retirement =
    "killed at any step, an account key's destruction has happened whole or not at all, and is finished by the next one";
  // On the other database it takes the same steps.
  if (database.name === "sqlite" || IS_SLOW)
    test(retirement, async () => {
      await using rig = await DestructionRig.create(database);
      const script = fileURLToPath(new URL("support/killed-job.ts", import.meta.url));
      const destruction = { delayMillis: 0, backupRetentionMillis: 35 * DAY_MILLIS };
      const blob = await rig.serve(
        async (_node, owner) => {
          await owner.scheduleDeletion(await owner.createKey(), 7);
          return owner.encrypt(await owner.createKey());
        },
        { destruction },
      );
      await rig.advance(8 * DAY_MILLIS);
      // The account gets another key, under which everything is wrapped anew.
      await rig.serve((node) => node.jobs.runDue(), { destruction });
      const standing = async () => (await rig.rows("account_key")).map((row) => Number(row["version"]));
      assert.deepEqual(new Set(await standing()), new Set([1, 2]));
      await rig.advance(36 * DAY_MILLIS);
      let kills = 0;
      for (let step = 1; ; step += RETIREMENT_STRIDE) {
        const child = spawnScript(script, "retire", rig.url, rig.rootKeyFile, String(step));
        await once(child, "exit");
        const versions = await standing();
        const { length: events } = await rig.systemEvents("DestroyAccountKey");
        assert.deepEqual(new Set(versions), new Set(events === 0 ? [1, 2] : [2]), `killed at step ${step}`);
        for (const row of await rig.rows("key_version")) assert.equal(Number(row["account_key_version"]), 2);
        if (child.signalCode === null) {
          assert.equal(child.exitCode, 0);
          assert.equal(events, 1);
          break;
        }
        kills++;
      }
      assert.ok(kills >= 2, `killed ${kills} times`);
      await rig.serve(async (node, owner) => {
        assert.equal(await owner.refusal("Decrypt", { CiphertextBlob: blob }), "none");
        assert.deepEqual(await node.sweeper.sweepOnce(), []);
      });
      await assertIntact(rig);
    });

  test("a clock that is set forward destroys no account key before its time", async () => {
    await using rig = await DestructionRig.create(database);
    const withDelay = (delayMillis: number) => ({
      destruction: { delayMillis, backupRetentionMillis: 35 * DAY_MILLIS },
    });
    await rig.serve(async (_node, owner) => owner.scheduleDeletion(await owner.createKey(), 7));
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), withDelay(0));
    assert.deepEqual(await rig.counts("account_key", "destruction"), [2, 1]);
    await rig.advance(100 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), withDelay(DAY_MILLIS));
    assert.deepEqual(await rig.counts("account_key", "destruction"), [2, 1]);
    // Nor does a clock that jumps after it was looked at.
    await rig.serve(async ({ store }) => {
      const { accountId } = rig.owner;
      assert.ok(isId("Account", accountId));
      const now = store.clock.now();
      const options = { accountId, version: 1, uses: accountKeyUses, backupRetentionMillis: 35 * DAY_MILLIS };
      const step = (seen: number) => retireAccountKey(store, { ...options, now: seen });
      assert.equal(await step(now - 100 * DAY_MILLIS), undefined);
      assert.equal(await step(now), "destroyed");
    });
  });

  test("what a killed process has destroyed is erased by the next one", async (context) => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async ({ store, log, metrics }) => {
      const custody = openCustody({ keys: store.keys, keystore: new SoftwareKeystore() });
      const erased: string[] = [];
      context.mock.method(store.backend, "eraseRemnants", async (tables: readonly string[]) => {
        erased.push(...tables);
        return true;
      });
      const destruction = { delayMillis: 0, backupRetentionMillis: DAY_MILLIS };
      for (const job of destructionJobs({ store, custody, log, metrics, destruction })) {
        await job.run(new AbortController().signal);
      }
      for (const table of ["key_version", "account_key"]) assert.ok(erased.includes(table), table);
    });
  });

  test("an emulator on its way through time replaces and destroys account keys when that is due", async () => {
    await using rig = await DestructionRig.create(database);
    const destruction = { delayMillis: 0, backupRetentionMillis: 35 * DAY_MILLIS };
    const startedAt = await rig.serve(
      async (node, owner) => {
        await owner.scheduleDeletion(await owner.createKey(), 7);
        await owner.scheduleDeletion(await owner.createKey(), 8);
        const startedAt = node.store.clock.now();
        await travelTo(node, startedAt + 60 * DAY_MILLIS);
        return startedAt;
      },
      { destruction },
    );
    const days = async (name: string) =>
      (await rig.systemEvents(name)).map(({ eventTime }) =>
        Math.round((Date.parse(eventTime) - startedAt) / DAY_MILLIS),
      );
    assert.deepEqual(await days("RotateAccountKey"), [7, 8]);
    assert.deepEqual(await days("DestroyAccountKey"), [42, 43]);
    assert.deepEqual(await rig.counts("account_key", "destruction"), [1, 4]);
  });

  test("a key that was tampered with is left alone with an alarm, and the others are destroyed", async () => {
    await using rig = await DestructionRig.create(database);
    const [first, second, third] = await rig.serve(async (_node, owner) => {
      const ids = [await owner.createKey(), await owner.createKey(), await owner.createKey()] as const;
      for (const keyId of ids) await owner.scheduleDeletion(keyId, 7);
      return ids;
    });
    // Somebody wants the second key gone before its time, and the first one to look another way.
    await rig.backend.transaction("write", async (connection) => {
      await connection.execute(`UPDATE kms_key SET delete_at = 1 WHERE id = '${second}'`, []);
      await connection.execute(`UPDATE key_version SET created_at = 1 WHERE key_id = '${first}'`, []);
    });
    await rig.serve(async (node) => {
      await node.jobs.runDue();
      assert.ok(node.metrics.tamperedRows.value > 0);
    });
    assert.deepEqual(await rig.counts("destruction", ...KEY_TABLES), [0, 3, 3, 0, 0]);
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve(async (node) => {
      await node.jobs.runDue();
      assert.ok(node.metrics.tamperedRows.value > 0);
    });
    assert.deepEqual(
      (await rig.rows("destruction")).map((row) => row["subject"]),
      [third],
    );
  });

  test("nothing is destroyed before the store's time has run evenly for long enough", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async (_node, owner) => owner.scheduleDeletion(await owner.createKey(), 7));
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue(), {
      destruction: { delayMillis: DAY_MILLIS, backupRetentionMillis: undefined },
    });
    assert.deepEqual(await rig.counts("destruction", "kms_key"), [0, 1]);
  });

  test("many keys that are due at once go in pieces, while calls are answered", async (context) => {
    await using rig = await DestructionRig.create(database);
    const many = 150;
    const living = await rig.serve(async (_node, owner) => {
      const ids: string[] = [];
      await inTurns(Array.from({ length: many }), async () => ids.push(await owner.createKey()));
      await inTurns(ids, (keyId) => owner.scheduleDeletion(keyId, 7));
      return owner.createKey();
    });
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve(async (node, owner) => {
      const over = new AbortController();
      let answered = 0;
      const startedAt = performance.now();
      const calling = (async () => {
        while (!over.signal.aborted) {
          await owner.encrypt(living);
          answered++;
        }
      })();
      await node.jobs.runDue();
      over.abort();
      await calling;
      const seconds = (performance.now() - startedAt) / 1000;
      context.diagnostic(`${many} keys in ${seconds.toFixed(1)} s, ${answered} calls answered meanwhile`);
      assert.ok(answered > 0);
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
    assert.deepEqual(await rig.counts("destruction", "kms_key"), [many, 1]);
    await assertIntact(rig);
  });
});

/** A few at a time: what waits too long for its turn is refused. */
async function inTurns<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += 10) await Promise.all(items.slice(i, i + 10).map(call));
}

interface MadeKey {
  readonly keyId: string;
  readonly alias: string;
  readonly blob: string;
}

async function makeKey(owner: Caller, days: number): Promise<MadeKey> {
  const keyId = await owner.createKey({ Tags: TAGS });
  const alias = `alias/of-${days}-days`;
  await owner.call("CreateAlias", { KeyId: keyId, AliasName: alias });
  const blob = await owner.encrypt(keyId);
  await owner.scheduleDeletion(keyId, days);
  return { keyId, alias, blob };
}

/** Every way to ask for the key is answered as for one that never was, to the byte. */
async function assertUnknown(caller: Caller, { keyId, alias, blob }: MadeKey): Promise<void> {
  const never = keyId.replace(/[0-9a-f-]{36}$/, randomUUID());
  const unknownBlob = Buffer.from(blob, "base64");
  unknownBlob.write(randomUUID(), 0, "ascii");
  for (const action of ["DescribeKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "EnableKey", "Encrypt"]) {
    const rest = { Plaintext: "text", PendingWindowInDays: "7" };
    const answer = await caller.answer(action, { KeyId: keyId, ...rest });
    assert.equal(answer, await caller.answer(action, { KeyId: never, ...rest }));
    assert.match(answer, /^404 .*Forbidden\.KeyNotFound/);
  }
  assert.equal(
    await caller.answer("Decrypt", { CiphertextBlob: blob }),
    await caller.answer("Decrypt", { CiphertextBlob: unknownBlob.toString("base64") }),
  );
  assert.equal(
    await caller.answer("DescribeKey", { KeyId: alias }),
    await caller.answer("DescribeKey", { KeyId: `alias/${randomUUID()}` }),
  );
}

function openCertificate(note: string, verifierKey: string): KeyCertificate {
  const verifier = NoteVerifier.parse(verifierKey);
  const certificate = openDestructionCertificate(note, verifier);
  assert.equal(certificate.kind, "key");
  // Neither is ever taken for the other.
  assert.throws(() => openCheckpoint(note, verifier), { code: "malformed-checkpoint" });
  assert.ok(note.startsWith(`${ORIGIN}/destruction\n`));
  return certificate.kind === "key" ? certificate : assert.fail();
}

async function assertIntact(rig: DestructionRig): Promise<void> {
  const { url, verifierKey } = rig;
  const report = await withDatabaseLogs(url, (source) => verifyAudit({ source, verifierKey, savedCheckpoints: [] }));
  assert.deepEqual(
    report.logs.flatMap(({ findings }) => findings),
    [],
  );
  assert.equal(report.ok, true);
  const verifier = NoteVerifier.parse(verifierKey);
  const { rows } = await rig.backend.reader.execute("SELECT note FROM checkpoint", []);
  for (const row of rows) {
    assert.throws(() => openDestructionCertificate(String(row["note"]), verifier), CertificateError);
  }
}

/** The command line gives the certificates, from the database and from exported logs, and verifies them. */
async function assertCertified(rig: DestructionRig, keyIds: readonly string[]): Promise<void> {
  const { folder, url, verifierKey } = rig;
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cinnabar(["key", ...args, `--verifier-key=${verifierKey}`]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const exported = join(folder, "exported");
  await withDatabaseLogs(url, (source) => exportAudit({ source, directory: exported, withEvents: false }));
  const listed = await run("destroyed", `--database=${url}`);
  for (const keyId of keyIds) assert.match(listed, new RegExp(`^${keyId}  key  `, "m"));
  assert.equal(await run("destroyed", `--from=${exported}`), listed);
  const keyId = keyIds[0] ?? assert.fail();
  const note = await run("certificate", keyId, `--from=${exported}`);
  assert.equal(await run("certificate", keyId, `--database=${url}`), note);
  const file = join(folder, "certificate.note");
  await writeFile(file, note);
  assert.match(await run("certificate", "--verify", file), new RegExp(`^The certificate holds: the key ${keyId} of `));
  await writeFile(file, note.replace("destroyed 2", "destroyed 1"));
  const forged = await cinnabar(["key", "certificate", "--verify", file, `--verifier-key=${verifierKey}`]);
  assert.equal(forged.code, 1);
  assert.match(forged.stderr, /The certificate does not hold: the note's signature by .* is wrong\./);
  const unknown = await cinnabar([
    "key",
    "certificate",
    randomUUID(),
    `--database=${url}`,
    `--verifier-key=${verifierKey}`,
  ]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /There is no certificate about /);
}

/** How many of these byte strings stand anywhere in the files of a SQLite store. */
async function countIn(rig: DestructionRig, materials: readonly Uint8Array[]): Promise<number> {
  assert.ok(materials.length > 0);
  const folder = dirname(rig.url.slice("sqlite:".length));
  const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
  return materials.filter((material) => files.some((file) => file.includes(Buffer.from(material)))).length;
}
