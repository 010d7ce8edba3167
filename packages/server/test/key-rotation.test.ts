import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type ControlTransaction,
  encodeSystemEvent,
  newKeyVersionId,
  newRequestId,
  openCustody,
  parseId,
  ProtectedTable,
  SoftwareKeystore,
} from "@cinnabar/kernel";
import { rotateKey } from "@cinnabar/kms";
import { forEachDatabase, spawnScript } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { sql } from "kysely";
import { travelTo } from "../src/emulator/time-travel.ts";
import type { CinnabarNode } from "../src/node.ts";
import { Caller, DAY_MILLIS, DestructionRig, REGION } from "./support/destruction-rig.ts";

// oxlint-disable-next-line no-restricted-properties -- each step is a process, and there are many
const STRIDE = process.env["CINNABAR_TEST_SLOW"] === "1" ? 1 : 3;
const WEEKLY = { EnableAutomaticRotation: "true", RotationInterval: "7d" };
const SECOND_MILLIS = 1000;

interface Described {
  readonly AutomaticRotation: string;
  readonly CreationDate: string;
  readonly LastRotationDate: string;
  readonly NextRotationDate?: string;
  readonly PrimaryKeyVersion: string;
}

forEachDatabase((database) => {
  test("keys are rotated and deleted in the order of time, and what was encrypted stays readable", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async (node, owner) => {
      const rotated = await owner.createKey(WEEKLY);
      const still = await owner.createKey();
      const doomed = await owner.createKey(WEEKLY);
      const blob = await owner.encrypt(rotated);
      const start = secondsOf((await describe(owner, rotated)).CreationDate);
      await travelTo(node, start + 3 * DAY_MILLIS);
      await owner.scheduleDeletion(doomed, 7);
      assert.equal((await describe(owner, doomed)).AutomaticRotation, "Suspended");
      await travelTo(node, start + 30 * DAY_MILLIS);

      const { LastRotationDate, NextRotationDate } = await describe(owner, rotated);
      // Each rotation is late by the moment in which it is done, and the next one follows it.
      assertClose(secondsOf(LastRotationDate), start + 28 * DAY_MILLIS);
      assert.equal(secondsOf(NextRotationDate), secondsOf(LastRotationDate) + 7 * DAY_MILLIS);
      assert.equal((await versionsOf(owner, rotated)).length, 5);
      assert.equal((await versionsOf(owner, still)).length, 1);
      for (const CiphertextBlob of [blob, await owner.encrypt(rotated)]) {
        assert.equal((await owner.call<{ Plaintext: string }>("Decrypt", { CiphertextBlob })).Plaintext, "text");
      }

      const events = await rig.systemEvents("RotateKey");
      const expected = (await versionsOf(owner, rotated)).toReversed();
      assert.deepEqual(
        events.map((event) => [event.resourceName, event.recipientAccountId, event.additionalEventData]),
        expected.slice(1).map((version, i) => [
          rotated,
          rig.owner.accountId,
          {
            keyId: rotated,
            keyVersionId: version.KeyVersionId,
            previousKeyVersionId: expected[i]?.KeyVersionId,
            reason: "schedule",
            epoch: events[i]?.additionalEventData["epoch"],
          },
        ]),
      );
      const [destroyed] = await rig.systemEvents("DestroyKey");
      const before = events.filter(({ eventTime }) => eventTime < (destroyed?.eventTime ?? ""));
      assert.equal(before.length, 1, "destroyed between the first two rotations");
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });

  test("whatever happens to keys meanwhile, each is rotated when its policy says, and not otherwise", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async (node, owner) => {
      const action = fc.oneof(
        fc.record({ do: fc.constant("travel" as const), days: fc.integer({ min: 1, max: 40 }) }),
        fc.record({ do: fc.constantFrom("EnableKey" as const, "DisableKey" as const, "CreateKeyVersion" as const) }),
        fc.record({ do: fc.constant("off" as const) }),
        fc.record({ do: fc.constant("policy" as const), days: fc.integer({ min: 7, max: 60 }) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 6, maxLength: 10 }), async (actions) => {
          const KeyId = await owner.createKey();
          const model = new Schedule(node.store.clock.now());
          for (const next of actions) {
            const now = node.store.clock.now();
            if (next.do === "travel") {
              await travelTo(node, now + next.days * DAY_MILLIS);
              model.travel(now, now + next.days * DAY_MILLIS);
            } else if (next.do === "EnableKey" || next.do === "DisableKey") {
              await owner.call(next.do, { KeyId });
              model.isEnabled = next.do === "EnableKey";
            } else if (model.isEnabled) {
              if (next.do === "CreateKeyVersion") {
                await owner.call(next.do, { KeyId });
                model.rotate(now);
              } else {
                const isOn = next.do === "policy";
                const policy = isOn ? { RotationInterval: `${next.days}d` } : {};
                await owner.call("UpdateRotationPolicy", {
                  KeyId,
                  EnableAutomaticRotation: isOn ? "true" : "false",
                  ...policy,
                });
                model.days = isOn ? next.days : undefined;
                model.rotateIfDue(now);
              }
            }
          }
          const dates = (await versionsOf(owner, KeyId))
            .map(({ CreationDate }) => secondsOf(CreationDate))
            .toReversed();
          assert.equal(dates.length, model.dates.length, JSON.stringify([dates, model.dates]));
          for (const [i, date] of dates.entries()) assertClose(date, model.dates[i] ?? 0);
        }),
        { numRuns: 6, seed: 20_261_122 },
      );
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });

  test("two nodes rotate each due key once, and a resumed policy that is past due rotates by the next round", async () => {
    await using rig = await DestructionRig.create(database);
    const keys = await rig.serve(async (_node, owner) => {
      const ids: string[] = [];
      for (let i = 0; i < 4; i++) ids.push(await owner.createKey(WEEKLY));
      const [first = ""] = ids;
      await owner.call("DisableKey", { KeyId: first });
      return ids;
    });
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve((one) =>
      rig.serve(async (other, owner) => {
        const [suspended = "", ...due] = keys;
        const rotate = ({ store }: CinnabarNode) => {
          const custody = openCustody({ keys: store.keys, keystore: new SoftwareKeystore() });
          return Promise.all(due.map((id) => rotateKey(store, { keyId: parseId("Key", id), custody })));
        };
        await Promise.all([rotate(one), rotate(other), one.jobs.runDue(), other.jobs.runDue()]);
        for (const keyId of due) assert.equal((await versionsOf(owner, keyId)).length, 2);
        assert.equal((await versionsOf(owner, suspended)).length, 1);
        await owner.call("EnableKey", { KeyId: suspended });
        await Promise.all([one.jobs.runDue(), other.jobs.runDue()]);
        assert.equal((await versionsOf(owner, suspended)).length, 2);
        // The node that did not rotate encrypts with the new version too.
        for (const node of [one, other]) {
          const caller = new Caller(node, rig.owner);
          const encrypted = { KeyId: suspended, Plaintext: "text" };
          const { KeyVersionId } = await caller.call<{ KeyVersionId: string }>("Encrypt", encrypted);
          assert.equal(KeyVersionId, (await describe(owner, suspended)).PrimaryKeyVersion);
        }
        assert.deepEqual(await other.sweeper.sweepOnce(), []);
      }),
    );
    const events = await rig.systemEvents("RotateKey");
    assert.deepEqual(new Set(events.map(({ resourceName }) => resourceName)), new Set(keys));
    assert.equal(events.length, keys.length);
  });

  test("killed at any step, a rotation has happened whole or not at all, and is finished by the next one", async () => {
    await using rig = await DestructionRig.create(database);
    const keyId = await rig.serve((_node, owner) => owner.createKey(WEEKLY));
    const script = fileURLToPath(new URL("support/killed-job.ts", import.meta.url));
    let kills = 0;
    let rotations = 0;
    await rig.advance(8 * DAY_MILLIS);
    for (let step = 1; ; step += STRIDE) {
      const child = spawnScript(script, "rotate", rig.url, rig.rootKeyFile, String(step));
      await once(child, "exit");
      const [key] = await rig.rows("kms_key");
      const versions = await rig.rows("key_version");
      const events = await rig.systemEvents("RotateKey");
      rotations = events.length;
      assert.equal(versions.length, rotations + 1, `killed at step ${step}`);
      const newest = rotations === 0 ? versions[0]?.["id"] : events.at(-1)?.additionalEventData["keyVersionId"];
      assert.equal(key?.["primary_version"], newest);
      if (child.signalCode === null) {
        assert.equal(child.exitCode, 0);
        break;
      }
      kills++;
    }
    assert.equal(rotations, 1);
    assert.ok(kills >= 4, `killed ${kills} times`);
    await rig.serve(async (node, owner) => {
      assert.equal((await versionsOf(owner, keyId)).length, 2);
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });

  test("a rotation by policy goes on where CreateKeyVersion stops, up to as many versions as a certificate names", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async (node, owner) => {
      const KeyId = await owner.createKey(WEEKLY);
      const blob = await owner.encrypt(KeyId);
      const count = async () =>
        (await owner.call<{ TotalCount: number }>("ListKeyVersions", { KeyId, PageSize: "0" })).TotalCount;
      const isAlarmed = async () => (await node.metrics.expose()).includes('cinnabar_alarm{alarm="unfinished-work"} 1');
      await fillVersions(node, KeyId, 50);
      await owner.call("UpdateKeyDescription", { KeyId, Description: "with fifty versions" });
      assert.equal(await owner.refusal("CreateKeyVersion", { KeyId }), "Rejected.LimitExceeded");
      await travelTo(node, node.store.clock.now() + 8 * DAY_MILLIS);
      assert.equal(await count(), 51);
      assert.equal(await owner.refusal("CreateKeyVersion", { KeyId }), "Rejected.LimitExceeded");

      await fillVersions(node, KeyId, 200);
      await owner.call("UpdateKeyDescription", { KeyId, Description: "with two hundred versions" });
      assert.equal(await isAlarmed(), false);
      await travelTo(node, node.store.clock.now() + 8 * DAY_MILLIS);
      assert.equal(await count(), 200);
      assert.equal(await isAlarmed(), true);
      // Without a policy nothing is due any more.
      assert.equal(await owner.refusal("UpdateRotationPolicy", { KeyId, ...WEEKLY }), "Rejected.LimitExceeded");
      await owner.call("UpdateRotationPolicy", { KeyId, EnableAutomaticRotation: "false" });
      for (const CiphertextBlob of [blob, await owner.encrypt(KeyId)]) {
        assert.equal((await owner.call<{ Plaintext: string }>("Decrypt", { CiphertextBlob })).Plaintext, "text");
      }
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });

  test("a version that has encrypted half of what it may is replaced, whatever the quota, and reservations are on record", async () => {
    await using rig = await DestructionRig.create(database);
    const serve = (body: (node: CinnabarNode, owner: Caller) => Promise<void>) =>
      rig.serve(body, { accountQuotas: { versions: 1 } });
    await serve(async (node, owner) => {
      const KeyId = await owner.createKey({ KeySpec: "Aliyun_AES_128", ...WEEKLY });
      // Many at once need one reservation.
      const blobs = await Promise.all(Array.from({ length: 20 }, () => owner.encrypt(KeyId)));
      const before = await describe(owner, KeyId);
      assert.deepEqual(await reservations(rig), [[before.PrimaryKeyVersion, 2 ** 10, 0]]);
      await node.jobs.runDue();
      assert.equal((await versionsOf(owner, KeyId)).length, 1);
      // Its policy alone does not get it a version more than its account may have.
      await travelTo(node, node.store.clock.now() + 8 * DAY_MILLIS);
      assert.equal((await versionsOf(owner, KeyId)).length, 1);

      await setReserved(node, before.PrimaryKeyVersion, 2 ** 31);
      await node.jobs.runDue();
      const { PrimaryKeyVersion } = await describe(owner, KeyId);
      assert.notEqual(PrimaryKeyVersion, before.PrimaryKeyVersion);
      const [event, ...others] = await rig.systemEvents("RotateKey");
      assert.deepEqual([event?.additionalEventData["reason"], others], ["use", []]);
      blobs.push(await owner.encrypt(KeyId));
      assert.deepEqual((await reservations(rig)).slice(1), [[PrimaryKeyVersion, 2 ** 10, 0]]);
      for (const CiphertextBlob of blobs) await owner.call("Decrypt", { CiphertextBlob });
      const isAlarmed = async () => (await node.metrics.expose()).includes('cinnabar_alarm{alarm="unfinished-work"} 1');
      await node.jobs.runDue();
      assert.equal((await versionsOf(owner, KeyId)).length, 2);
      assert.equal(await isAlarmed(), false);

      // As the plain operations of the instance protocol go on with it.
      await setReserved(node, before.PrimaryKeyVersion, 2 ** 31 + 2 ** 18);
      await node.jobs.runDue();
      assert.equal(await isAlarmed(), true);
      for (let round = 0; round < 2; round++) await node.jobs.runDue();
      assert.equal(await isAlarmed(), false);
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });
});

/** When one key is rotated, the slow way: day by day, or rather by looking at each moment at which something could be due. */
class Schedule {
  readonly dates: number[];
  isEnabled = true;
  days: number | undefined;

  constructor(createdAt: number) {
    this.dates = [createdAt];
  }

  rotate(at: number): void {
    this.dates.push(at);
  }

  rotateIfDue(now: number): void {
    const due = this.#dueAt();
    if (due !== undefined && due <= now) this.rotate(now);
  }

  travel(from: number, to: number): void {
    for (;;) {
      const due = this.#dueAt();
      if (due === undefined || due > to) return;
      this.rotate(Math.max(due, from));
    }
  }

  #dueAt(): number | undefined {
    if (this.days === undefined || !this.isEnabled) return undefined;
    const last = this.dates.at(-1) ?? 0;
    return Math.floor(last / SECOND_MILLIS) * SECOND_MILLIS + this.days * DAY_MILLIS;
  }
}

async function describe(owner: Caller, KeyId: string): Promise<Described> {
  return (await owner.call<{ KeyMetadata: Described }>("DescribeKey", { KeyId })).KeyMetadata;
}

/** The newest first. */
async function versionsOf(
  owner: Caller,
  KeyId: string,
): Promise<readonly { readonly KeyVersionId: string; readonly CreationDate: string }[]> {
  const { KeyVersions } = await owner.call<{
    KeyVersions: { KeyVersion: { KeyVersionId: string; CreationDate: string }[] };
  }>("ListKeyVersions", { KeyId, PageSize: "101" });
  return KeyVersions.KeyVersion;
}

function secondsOf(date: string | undefined): number {
  return Date.parse(date ?? "");
}

/** Time goes on while work is done, on a busy machine for some minutes. */
function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < DAY_MILLIS / 2, `${new Date(actual).toISOString()} is not close`);
}

/** Versions, messages and earlier messages of all reservations on record. */
async function reservations(rig: DestructionRig): Promise<unknown[][]> {
  const events = await rig.controlEvents("ReserveMessages");
  return events.map(({ additionalEventData: { keyVersionId, messages, reservedBefore, causedBy } }) => {
    assert.ok(typeof causedBy === "string");
    return [keyVersionId, messages, reservedBefore];
  });
}

/** The columns that a row of these tests has values in. */
const keyVersionTable = new ProtectedTable("key_version", {
  columns: {
    id: "text",
    key_id: "text",
    account_id: "text",
    spec: "text",
    origin: "text",
    material: "bytes",
    account_key_version: "integer",
    created_at: "integer",
    number: "integer?",
    messages_reserved: "integer?",
  },
  identity: ["id"],
});

/** As if so many messages had been reserved. */
async function setReserved(node: CinnabarNode, id: string, reserved: number): Promise<void> {
  await writeRows(node, async (transaction) => {
    const { db, guard } = transaction;
    const { rows } = await sql<object>`select * from key_version where id = ${id}`.execute(db);
    const stored = keyVersionTable.verify(guard, rows[0] ?? {});
    await transaction.write(keyVersionTable.update(guard, db, stored, { ...stored.row, messages_reserved: reserved }));
  });
}

async function writeRows(
  { store }: CinnabarNode,
  write: (transaction: ControlTransaction) => Promise<void>,
): Promise<void> {
  await store.control.run(async (transaction) => {
    const { now, epoch } = transaction;
    await write(transaction);
    const event = {
      name: "AdvanceClock",
      region: REGION,
      eventId: newRequestId(),
      time: now,
      epoch,
      data: {},
    } as const;
    return { result: undefined, event: encodeSystemEvent(event) };
  });
}

/** As if the key had been rotated until it has so many versions. */
async function fillVersions(node: CinnabarNode, keyId: string, versions: number): Promise<void> {
  await writeRows(node, async (transaction) => {
    const { db, guard } = transaction;
    const { rows } = await sql<object>`select * from key_version where key_id = ${keyId} order by number`.execute(db);
    const [first] = rows.map((raw) => keyVersionTable.verify(guard, raw).row);
    assert.ok(first !== undefined);
    for (let number = rows.length + 1; number <= versions; number++) {
      await transaction.write(keyVersionTable.insert(guard, db, { ...first, id: newKeyVersionId(), number }));
    }
  });
}
