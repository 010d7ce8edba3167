import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { parseId } from "@cinnabar/kernel";
import { forEachDatabase, openAdministration } from "@cinnabar/testkit";
import { travelTo } from "../src/emulator/time-travel.ts";
import { Caller, DAY_MILLIS, DestructionRig } from "./support/destruction-rig.ts";

const WEEKLY = { EnableAutomaticRotation: "true", RotationInterval: "7d" };
const FULL = "Rejected.LimitExceeded";
const PLACES = 3;
const CALLS = 8;

interface Line {
  readonly alarm?: string;
  readonly err?: { readonly type: string };
  readonly accountId?: string;
  readonly keyId?: string;
  readonly keys?: number;
}

forEachDatabase((database) => {
  test("of the calls that meet on two nodes, as many succeed as there are places", async () => {
    await using rig = await DestructionRig.create(database);
    const options = { accountQuotas: { keys: PLACES, aliases: PLACES, versions: 2 * PLACES } };
    await rig.serve(
      (one, here) =>
        rig.serve(async (_other, there) => {
          const race = async (action: string, parameters: (i: number) => Readonly<Record<string, string>>) => {
            const calls = Array.from({ length: CALLS }, (_, i) =>
              (i % 2 === 0 ? here : there).refusal(action, parameters(i)),
            );
            const refused = Array.from({ length: CALLS - PLACES }, () => FULL);
            const succeeded = Array.from({ length: PLACES }, () => "none");
            assert.deepEqual((await Promise.all(calls)).toSorted(), [...refused, ...succeeded], action);
          };
          await race("CreateKey", () => ({}));
          const { Keys } = await here.call<{ Keys: { Key: { KeyId: string }[] } }>("ListKeys");
          const [{ KeyId } = { KeyId: "" }] = Keys.Key;
          await race("CreateAlias", (i) => ({ AliasName: `alias/${i}`, KeyId }));
          await race("CreateKeyVersion", () => ({ KeyId }));
          assert.deepEqual(await one.sweeper.sweepOnce(), []);
        }, options),
      options,
    );
    assert.deepEqual(await rig.counts("kms_key", "alias", "key_version"), [PLACES, PLACES, 2 * PLACES]);
  });

  test("a rotation that would be one version too many waits for room, and keeps no other one waiting", async () => {
    await using rig = await DestructionRig.create(database);
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    await rig.serve(
      async (node, owner) => {
        const [one, two, spare] = [
          await owner.createKey(WEEKLY),
          await owner.createKey(WEEKLY),
          await owner.createKey(),
        ];
        await using operator = await openAdministration({ database: rig.url, rootKeyFile: rig.rootKeyFile });
        const accountId = parseId("Account", rig.owner.accountId);
        const DKMSInstanceId = await operator.instances.create({ accountId, type: "software" }, async () => {});
        const elsewhere = await owner.createKey({ ...WEEKLY, DKMSInstanceId });
        const before = await owner.encrypt(one);
        const versions = (...keys: string[]) => Promise.all(keys.map((KeyId) => countVersions(owner, KeyId)));
        await owner.scheduleDeletion(spare, 10);
        await travelTo(node, node.store.clock.now() + 8 * DAY_MILLIS);
        assert.deepEqual(await versions(one, two, elsewhere), [1, 1, 2]);
        lines.length = 0;
        await node.jobs.runDue();
        const told = lines.map((line) => JSON.parse(line) as Line).filter(({ alarm }) => alarm === "unfinished-work");
        assert.deepEqual(
          told.map(({ err, accountId, keys }) => [err?.type, accountId, keys]),
          [["VersionQuotaError", rig.owner.accountId, 2]],
        );
        assert.ok([one, two].includes(told[0]?.keyId ?? ""));
        assert.match(await node.metrics.expose(), /cinnabar_alarm\{alarm="unfinished-work"\} 1/);
        assert.equal(await owner.refusal("CreateKeyVersion", { KeyId: one }), FULL);
        for (const CiphertextBlob of [before, await owner.encrypt(one)])
          await owner.call("Decrypt", { CiphertextBlob });

        // The place of the one that is gone is for one of them, and the other one waits on.
        await travelTo(node, node.store.clock.now() + 3 * DAY_MILLIS);
        await node.jobs.runDue();
        assert.deepEqual(new Set(await versions(one, two)), new Set([1, 2]));
        assert.deepEqual(await node.sweeper.sweepOnce(), []);
      },
      { accountQuotas: { versions: 3 }, log: { level: "error", destination } },
    );
    const events = await rig.systemEvents("RotateKey");
    assert.equal(events.length, 2);
  });
});

async function countVersions(owner: Caller, KeyId: string): Promise<number> {
  return (await owner.call<{ TotalCount: number }>("ListKeyVersions", { KeyId })).TotalCount;
}
