import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { UnknownOutcomeError } from "../src/store/backend.ts";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { controlEvent, TestDeployment } from "./support/deployment.ts";
import { controlEventNames, readLog } from "./support/read-log.ts";
import { thingKind, thingTable } from "./support/thing.ts";

forEachDatabase((database) => {
  test("one control follows the other, also across processes", async () => {
    await using deployment = await TestDeployment.create(database);
    const processes = [await deployment.open(), await deployment.open()];
    const [one] = processes;
    assert.ok(one);
    await one.addThings({ id: "a" });
    await one.store.cache.refresh();
    const first = one.store.cache.epoch.value;
    await Promise.all(
      processes.flatMap((process) =>
        Array.from({ length: 10 }, () =>
          process.store.control.run(async (transaction) => {
            const thing = await transaction.find(thingKind, "a");
            assert.ok(thing);
            const count = thing.row.count + 1;
            await new Promise((resolve) => setImmediate(resolve));
            await transaction.write(
              thingTable.update(transaction.guard, transaction.db, thing, { ...thing.row, count }),
            );
            transaction.touch(thingKind, "a");
            return { result: count, event: controlEvent("count") };
          }),
        ),
      ),
    );
    const { rows } = await deployment.backend.reader.execute("SELECT count, revision FROM thing", []);
    assert.deepEqual({ ...rows[0] }, { count: 20, revision: 21 });
    const { rows: epochs } = await deployment.backend.reader.execute("SELECT value FROM epoch", []);
    assert.equal(epochs[0]?.["value"], first + 20);
    await readLog(deployment.backend, CONTROL_SHARD);
  });

  test("gives the epoch a number and a tag, names what changed, and tells every open shard", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two, closed] = [await deployment.open(), await deployment.open(), await deployment.open()];
    await closed.close();
    await one.addThings({ id: "a" }, { id: "b" });
    await one.store.cache.refresh();
    const { epoch: before } = one.store.cache;
    const event = controlEvent("both");
    const seen = await one.store.control.run((transaction) => {
      transaction.touch(thingKind, "a");
      transaction.touch(thingKind, "b");
      transaction.touch(thingKind, "a");
      return Promise.resolve({ result: { epoch: transaction.epoch, now: transaction.now }, event });
    });
    const { epoch } = one.store.cache;
    assert.equal(epoch.value, before.value + 1);
    assert.equal(seen.epoch, epoch.value);
    assert.notDeepEqual(epoch.tag, before.tag);

    const { reader } = deployment.backend;
    const [row] = (await reader.execute("SELECT value, tag, time, changes FROM epoch", [])).rows;
    assert.deepEqual(
      { ...row, tag: Buffer.from(row?.["tag"] as Uint8Array), changes: Buffer.from(row?.["changes"] as Uint8Array) },
      { value: epoch.value, tag: Buffer.from(epoch.tag), time: seen.now, changes: epoch.changes },
    );
    const changes = await reader.execute(`SELECT entity FROM change WHERE epoch = ${epoch.value} ORDER BY entity`, []);
    assert.deepEqual(
      changes.rows.map(({ entity }) => entity),
      ["thing:a", "thing:b"],
    );
    const shards = await reader.execute("SELECT id, tag, closed FROM shard ORDER BY id", []);
    assert.deepEqual(
      shards.rows.map(({ id, tag, closed }) => [id, Buffer.compare(tag as Uint8Array, epoch.tag) === 0, closed]),
      [
        [one.shard, true, 0],
        [two.shard, true, 0],
        [closed.shard, false, 1],
      ],
    );
    const last = (await readLog(deployment.backend, CONTROL_SHARD)).at(-1);
    assert.equal(last?.row.seq, epoch.value);
    assert.deepEqual(Buffer.from(last.row.incarnation), Buffer.from(epoch.tag));
    assert.deepEqual(last.events, [JSON.parse(event)]);
  });

  test("a body that throws leaves nothing behind, and the next one runs", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { epoch } = process.store.cache;
    const names = await controlEventNames(deployment.backend);
    await assert.rejects(
      process.store.control.run(async (transaction) => {
        const thing = await transaction.find(thingKind, "a");
        assert.ok(thing);
        await transaction.write(thingTable.delete(transaction.guard, transaction.db, thing));
        transaction.touch(thingKind, "a");
        throw new Error("changed its mind");
      }),
      /changed its mind/,
    );
    assert.equal(process.store.cache.epoch, epoch);
    assert.deepEqual(await controlEventNames(deployment.backend), names);
    assert.ok(await process.store.cache.find(thingKind, "a"));
    assert.deepEqual((await deployment.sweep()).problems, []);
    await process.changeThing("a", { count: 1 });
  });

  test("a statement that fails fails the transaction, though its body did not mind", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const insert = thingTable.insert(deployment.guard, process.store.reader, {
      ...((await process.store.cache.find(thingKind, "a"))?.row ?? assert.fail()),
    });
    const outcome = process.store.control.run(async (transaction) => {
      await transaction.write(insert).catch(() => undefined);
      return { result: undefined, event: controlEvent("careless") };
    });
    // SQLite takes back the one statement, PostgreSQL the whole transaction; both keep the sums true.
    if (deployment.backend.kind === "postgresql") await assert.rejects(outcome);
    else await outcome;
    assert.deepEqual((await deployment.sweep()).problems, []);
    await process.changeThing("a", { count: 1 });
  });

  test("its time never goes back, nor behind what its process has decided by", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const now = (): Promise<number> =>
      process.store.control.run(({ now }) => Promise.resolve({ result: now, event: controlEvent("time") }));
    const first = await now();
    assert.ok(Math.abs(first - Date.now()) < 60_000);
    process.store.clock.observe(first + 20_000);
    const second = await now();
    assert.ok(second >= first + 20_000);
    await using other = await deployment.open();
    const third = await other.store.control.run(({ now }) =>
      Promise.resolve({ result: now, event: controlEvent("time") }),
    );
    assert.ok(third >= second, "the epoch's time holds for everybody");
  });

  test("forgets changes that lie too far back, and a cache that is further behind forgets everything", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    await process.changeThing("a", { count: 1 });
    const { value } = process.store.cache.epoch;
    await deployment.backend.transaction("write", async (connection) => {
      await connection.execute(`INSERT INTO change (epoch, entity) VALUES (${value + 1 - 100_000}, 'thing:old')`, []);
      await connection.execute(
        `INSERT INTO change (epoch, entity) VALUES (${value + 2 - 100_000}, 'thing:less-old')`,
        [],
      );
    });
    await process.changeThing("a", { count: 2 });
    const { rows } = await deployment.backend.reader.execute("SELECT entity FROM change ORDER BY epoch", []);
    assert.deepEqual(
      rows.map(({ entity }) => entity),
      ["thing:less-old", "thing:a", "thing:a"],
    );
  });

  if (database.name === "sqlite") {
    test("a commit that the disk did not confirm ends the process and is not run again", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      await process.addThings({ id: "a" });
      let runs = 0;
      process.interception.afterCommit = () => {
        runs++;
        return Promise.reject(new UnknownOutcomeError("no answer"));
      };
      await assert.rejects(process.changeThing("a", { count: 1 }), UnknownOutcomeError);
      assert.equal(runs, 1);
      assert.deepEqual(process.observer.fences, ["the disk did not confirm a commit"]);
    });
  } else {
    test("a commit whose answer was lost takes effect once, whether it had or not", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      await process.addThings({ id: "a" });
      let runs = 0;
      const increment = (): Promise<number> =>
        process.store.control.run(async (transaction) => {
          runs++;
          const thing = await transaction.find(thingKind, "a");
          assert.ok(thing);
          const count = thing.row.count + 1;
          await transaction.write(thingTable.update(transaction.guard, transaction.db, thing, { ...thing.row, count }));
          transaction.touch(thingKind, "a");
          return { result: count, event: controlEvent("increment") };
        });
      const lose = (): Promise<void> => {
        process.interception.afterCommit = undefined;
        process.interception.beforeCommit = undefined;
        return Promise.reject(new UnknownOutcomeError("no answer"));
      };

      process.interception.afterCommit = lose;
      assert.equal(await increment(), 1);
      assert.equal(runs, 1, "it had taken effect");
      process.interception.beforeCommit = lose;
      assert.equal(await increment(), 2);
      assert.equal(runs, 3, "it had not");
      assert.equal((await process.store.cache.find(thingKind, "a"))?.row.count, 2);
      const names = await controlEventNames(deployment.backend);
      assert.equal(names.filter((name) => name === "increment").length, 2);
      assert.deepEqual((await deployment.sweep()).problems, []);
      assert.deepEqual(process.observer.fences, []);
    });

    test("a commit whose session was terminated takes effect once", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      await process.addThings({ id: "a" });
      const terminate = async (condition: string): Promise<void> => {
        const database = "datname = current_database() AND pid <> pg_backend_pid()";
        await deployment.backend.reader.execute(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${database} AND ${condition}`,
          [],
        );
      };
      // A trigger that makes COMMIT itself take a while.
      await deployment.backend.transaction("write", async (connection) => {
        await connection.execute(
          "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'",
          [],
        );
        await connection.execute(
          "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON thing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()",
          [],
        );
      });
      const change = process.changeThing("a", { count: 1 });
      for (;;) {
        const { rows } = await deployment.backend.reader.execute(
          "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'",
          [],
        );
        if (rows.length > 0) break;
      }
      await terminate("query = 'COMMIT' AND state = 'active'");
      await change;
      assert.equal((await process.store.cache.find(thingKind, "a"))?.row.count, 1);
      assert.equal((await process.store.cache.find(thingKind, "a"))?.revision, 2);
      assert.equal((await controlEventNames(deployment.backend)).filter((name) => name === "change a").length, 1);

      await terminate("state = 'idle'");
      await process.changeThing("a", { count: 2 });
      assert.deepEqual((await deployment.sweep()).problems, []);
    });

    test("a session that is terminated while a control waits for its turn writes nothing", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      await process.addThings({ id: "a" });
      const held = Promise.withResolvers<void>();
      const locked = Promise.withResolvers<void>();
      const holder = deployment.backend.transaction("write", async (connection) => {
        await connection.execute("SELECT 1 AS one FROM epoch FOR UPDATE", []);
        locked.resolve();
        await held.promise;
      });
      await locked.promise;
      const change = assert.rejects(process.changeThing("a", { count: 1 }));
      for (let ended = 0; ended === 0;) {
        const { rows } = await deployment.backend.reader.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
          [],
        );
        ended = rows.length;
      }
      await change;
      held.resolve();
      await holder;
      assert.equal((await process.store.cache.find(thingKind, "a"))?.row.count, 0);
      await process.changeThing("a", { count: 2 });
    });
  }
});
