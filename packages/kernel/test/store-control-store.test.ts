import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { ClockBehindError, ControlStore } from "../src/store/control-store.ts";
import { TamperedRowError } from "../src/store/row-guard.ts";
import { connect, controlEvent, TestDeployment } from "./support/deployment.ts";
import { controlEventNames } from "./support/read-log.ts";
import { thingKind, thingTable } from "./support/thing.ts";

forEachDatabase((database) => {
  test("what an operator's command changes, processes that are open see before their next answer", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, other] = [await deployment.open(), await deployment.open()];
    await one.addThings({ id: "a" });
    for (const { store } of [one, other]) {
      await store.cache.refresh();
      assert.equal((await store.cache.find(thingKind, "a"))?.row.count, 0);
    }

    const backend = await connect(deployment.url);
    const { guard } = deployment;
    const control = await ControlStore.open({ backend, guard });
    await control.run(async (transaction) => {
      const thing = await transaction.find(thingKind, "a");
      assert.ok(thing);
      assert.ok(transaction.now >= control.now() - 1000);
      await transaction.write(thingTable.update(guard, transaction.db, thing, { ...thing.row, count: 7 }));
      transaction.touch(thingKind, "a");
      return { result: undefined, event: controlEvent("administer") };
    });
    await backend.close();

    for (const { store, shard } of [one, other]) {
      const { rows } = await deployment.backend.reader.execute(
        `SELECT s.tag AS own, e.tag AS current FROM shard s, epoch e WHERE s.id = ${shard}`,
        [],
      );
      assert.deepEqual(rows[0]?.["own"], rows[0]?.["current"], "no batch of an older epoch commits");
      await store.cache.refresh();
      assert.equal((await store.cache.find(thingKind, "a"))?.row.count, 7);
    }
    await other.changeThing("a", { count: 8 });
    assert.equal((await controlEventNames(deployment.backend)).filter((name) => name === "administer").length, 1);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("beside a clock that is behind, nothing is administered", async () => {
    await using deployment = await TestDeployment.create(database);
    const ahead = await deployment.open({ clockShift: 120_000 });
    await ahead.close();
    const { backend, guard } = deployment;
    await assert.rejects(ControlStore.open({ backend, guard }), ClockBehindError);
  });

  test("an epoch that was written over without the keys is not believed", async () => {
    await using deployment = await TestDeployment.create(database);
    const { backend, guard } = deployment;
    await backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE epoch SET clock_offset = 3600000", []);
    });
    await assert.rejects(ControlStore.open({ backend, guard }), TamperedRowError);
  });
});
