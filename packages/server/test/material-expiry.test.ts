import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type AccountId,
  encodeSystemEvent,
  newRequestId,
  parseId,
  rotateAccountKey,
  type Store,
} from "@cinnabar/kernel";
import { forEachDatabase, spawnScript } from "@cinnabar/testkit";
import { travelTo } from "../src/emulator/time-travel.ts";
import { Caller, DAY_MILLIS, DestructionRig } from "./support/destruction-rig.ts";
import { wrapMaterial } from "./support/import-material.ts";

/** The wrapping of nothing: version, nonce and tag. */
// oxlint-disable-next-line no-restricted-properties -- each step is a process, and there are many
const STRIDE = process.env["CINNABAR_TEST_SLOW"] === "1" ? 1 : 5;
const EMPTY_BYTES = 1 + 12 + 16;

forEachDatabase((database) => {
  test("erased material is out of use on every node at once, expired material from its moment on, and one node erases it", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve((one) =>
      rig.serve(async (other, owner) => {
        const nodes = [new Caller(one, rig.owner), new Caller(other, rig.owner)];
        const codes = (CiphertextBlob: string) =>
          Promise.all(nodes.map((node) => node.refusal("Decrypt", { CiphertextBlob })));
        const [deleted, expiring] = [await newKey(owner), await newKey(owner)];
        await owner.call("ImportKeyMaterial", await wrapped(owner, deleted));
        const end = Math.floor(one.store.clock.now() / 1000) + 2 * 24 * 60 * 60;
        const material = { keyId: expiring, wrapping: "SM2PKE", material: randomBytes(32) } as const;
        const expiringWire = await wrapMaterial(owner, material);
        await owner.call("ImportKeyMaterial", { ...expiringWire, KeyMaterialExpireUnix: String(end) });
        const blobs = [await owner.encrypt(deleted), await owner.encrypt(expiring)] as const;
        for (const blob of blobs) assert.deepEqual(await codes(blob), ["none", "none"]);

        await owner.call("DeleteKeyMaterial", { KeyId: deleted });
        assert.deepEqual(await codes(blobs[0]), ["Rejected.PendingImport", "Rejected.PendingImport"]);
        assert.deepEqual(await codes(blobs[1]), ["none", "none"]);

        await owner.call("DisableKey", { KeyId: expiring });
        await travelTo(one, end * 1000 + DAY_MILLIS);
        assert.deepEqual(await codes(blobs[1]), ["Rejected.PendingImport", "Rejected.PendingImport"]);
        await Promise.all([one.jobs.runDue(), other.jobs.runDue()]);
        const rows = await rig.rows("key_version");
        for (const { material } of rows) assert.equal((material as Uint8Array).length, EMPTY_BYTES);
        const events = await rig.systemEvents("ExpireKeyMaterial");
        assert.deepEqual(
          events.map(({ resourceName, recipientAccountId }) => [resourceName, recipientAccountId]),
          [[expiring, rig.owner.accountId]],
        );
        // On its way through time it was erased when it expired, not when the journey ended.
        const late = Date.parse(events[0]?.eventTime ?? "") - end * 1000;
        assert.ok(late >= 0 && late < DAY_MILLIS / 2, `${late} ms late`);

        // A token is of use for a day.
        assert.equal(await owner.refusal("ImportKeyMaterial", expiringWire), "ExpiredImportToken");
        await owner.call("ImportKeyMaterial", await wrapMaterial(owner, material));
        assert.deepEqual(await codes(blobs[1]), ["Rejected.Disabled", "Rejected.Disabled"]);
        await owner.call("EnableKey", { KeyId: expiring });
        assert.deepEqual(await codes(blobs[1]), ["none", "none"]);
        assert.deepEqual(await one.sweeper.sweepOnce(), []);
        assert.deepEqual(await other.sweeper.sweepOnce(), []);
      }),
    );
  });

  test("killed at any step, an expiry has happened whole or not at all, and is finished by the next one", async () => {
    await using rig = await DestructionRig.create(database);
    const { key, wire, blob } = await rig.serve(async (node, owner) => {
      const key = await newKey(owner);
      const wire = await wrapped(owner, key);
      const end = Math.floor(node.store.clock.now() / 1000) + 60 * 60;
      await owner.call("ImportKeyMaterial", { ...wire, KeyMaterialExpireUnix: String(end) });
      return { key, wire, blob: await owner.encrypt(key) };
    });
    await rig.advance(DAY_MILLIS / 2);
    const script = fileURLToPath(new URL("support/killed-job.ts", import.meta.url));
    let kills = 0;
    for (let step = 1; ; step += STRIDE) {
      const child = spawnScript(script, "expire", rig.url, rig.rootKeyFile, String(step));
      await once(child, "exit");
      const [row] = await rig.rows("kms_key");
      const [version] = await rig.rows("key_version");
      const { length: events } = await rig.systemEvents("ExpireKeyMaterial");
      const bytes = Buffer.from(version?.["material"] as Uint8Array).length;
      const expected = events === 0 ? ["Enabled", true, true] : ["PendingImport", false, false];
      assert.deepEqual([row?.["state"], bytes > EMPTY_BYTES, version?.["imported_at"] !== null], expected);
      assert.ok(events <= 1);
      if (child.signalCode === null) {
        assert.equal(child.exitCode, 0);
        assert.equal(events, 1);
        break;
      }
      kills++;
    }
    assert.ok(kills >= 2, `killed ${kills} times`);
    await rig.serve(async (node, owner) => {
      assert.equal(await owner.refusal("Decrypt", { CiphertextBlob: blob }), "Rejected.PendingImport");
      await owner.call("ImportKeyMaterial", wire);
      assert.equal(await owner.refusal("Decrypt", { CiphertextBlob: blob }), "none");
      assert.equal(await owner.refusal("Encrypt", { KeyId: key, Plaintext: "text" }), "none");
      assert.deepEqual(await node.sweeper.sweepOnce(), []);
    });
  });

  test("imported material, and the absence of it, is wrapped anew with an account's key", async () => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async (node, owner) => {
      const [with_, without] = [await newKey(owner), await newKey(owner)];
      await owner.call("ImportKeyMaterial", await wrapped(owner, with_));
      const blob = await owner.encrypt(with_);
      const stale = await wrapped(owner, without);
      await node.jobs.runDue();
      await rotate(node.store, parseId("Account", rig.owner.accountId));
      await node.jobs.runDue();
      const rows = await rig.rows("key_version");
      assert.deepEqual(
        rows.map(({ account_key_version: version }) => Number(version)),
        [2, 2],
      );
      assert.equal(await owner.refusal("Decrypt", { CiphertextBlob: blob }), "none");
      // The token is wrapped under the older version, which is still there.
      await owner.call("ImportKeyMaterial", stale);
      await owner.encrypt(without);
    });
  });
});

function rotate({ control, keys, region }: Store, accountId: AccountId): Promise<void> {
  return control.run(async (transaction) => {
    const data = await rotateAccountKey(transaction, { keys, accountId });
    const { now: time, epoch } = transaction;
    const event = { name: "RotateAccountKey", region, eventId: newRequestId(), time, epoch, data, accountId } as const;
    return { result: undefined, event: encodeSystemEvent(event) };
  });
}

function newKey(owner: Caller): Promise<string> {
  return owner.createKey({ Origin: "EXTERNAL" });
}

function wrapped(owner: Caller, keyId: string) {
  return wrapMaterial(owner, { keyId, wrapping: "SM2PKE", material: randomBytes(32) });
}
