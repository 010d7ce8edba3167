import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import type { Backend, SqlRow, SqlValue } from "../src/store/backend.ts";
import { sweep } from "../src/store/sweep.ts";
import { protectedTables, TestDeployment, type TestProcess } from "./support/deployment.ts";
import { TestRequest } from "./support/test-request.ts";
import { thingRow, thingTable } from "./support/thing.ts";

/** The attacker: somebody who may write anything to the database and has no key. */
class Intruder {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async rows(sql: string): Promise<readonly SqlRow[]> {
    return (await this.#backend.reader.execute(sql, [])).rows;
  }

  run(sql: string, parameters: readonly SqlValue[] = []): Promise<void> {
    return this.#backend.transaction("write", async (connection) => {
      await connection.execute(sql, parameters);
    });
  }

  /** Writes a whole row as it is given, in the place of the one that stands there. */
  async put(table: string, row: SqlRow, where: string): Promise<void> {
    await this.run(`DELETE FROM ${table} WHERE ${where}`);
    const names = Object.keys(row);
    const places = names.map((_, i) => (this.#backend.kind === "sqlite" ? "?" : `$${i + 1}`));
    const values = names.map((name) => row[name] ?? null);
    await this.run(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places.join(", ")})`, values);
  }
}

async function insertByBatch(process: TestProcess, id: string): Promise<void> {
  const { guard, reader } = process.store;
  const request = new TestRequest({ inserts: [thingTable.insert(guard, reader, thingRow(id))] });
  process.store.committer.submit(request);
  await request.answered;
}

forEachDatabase((database) => {
  test("the sums of controls, of batches and of several shards together are those of the rows", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    await one.addThings({ id: "a" }, { id: "b" });
    await insertByBatch(one, "c");
    await insertByBatch(two, "d");
    await insertByBatch(one, "e");
    await two.changeThing("c", { count: 5 });
    await one.close();
    assert.deepEqual(await deployment.sweep(), { rows: 6, problems: [] });
  });

  test("a row that is changed is found, whatever column it is", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a", count: 1, note: "x" }, { id: "b" });
    const intruder = new Intruder(deployment.backend);
    const [before] = await intruder.rows("SELECT * FROM thing WHERE id = 'a'");
    assert.ok(before);
    for (const change of [
      "owner = 'else'",
      "count = 2",
      "count = 9223372036854775807",
      "note = NULL",
      "ceiling = 0",
      "revision = 2",
      "revision = 9223372036854775807",
    ]) {
      await intruder.run(`UPDATE thing SET ${change} WHERE id = 'a'`);
      const { problems } = await deployment.sweep();
      assert.equal(problems.length, 1, change);
      assert.match(problems[0] ?? "", /^thing: /);
      await intruder.put("thing", before, "id = 'a'");
    }
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("a row that is put back, deleted, copied from before its deletion or from elsewhere is found", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const elsewhere = await TestDeployment.create(database);
    await using _ = elsewhere;
    await process.addThings({ id: "a" }, { id: "b" }, { id: "gone" });
    const intruder = new Intruder(deployment.backend);
    const [old] = await intruder.rows("SELECT * FROM thing WHERE id = 'a'");
    const [gone] = await intruder.rows("SELECT * FROM thing WHERE id = 'gone'");
    assert.ok(old && gone);
    await process.changeThing("a", { count: 1 });
    const [current] = await intruder.rows("SELECT * FROM thing WHERE id = 'a'");
    assert.ok(current);
    await process.store.control.run(async (transaction) => {
      const { row, revision } = thingTable.verify(deployment.guard, gone);
      await transaction.write(thingTable.delete(transaction.guard, transaction.db, { row, revision }));
      return { result: undefined, event: "{}" };
    });
    assert.deepEqual((await deployment.sweep()).problems, []);

    const isFound = async (what: string): Promise<void> => {
      const { problems } = await deployment.sweep();
      assert.deepEqual(
        problems,
        ["the rows are not the ones that were written: a row was put back, deleted or inserted"],
        what,
      );
    };
    await intruder.put("thing", old, "id = 'a'");
    await isFound("put back");
    await intruder.run("DELETE FROM thing WHERE id = 'a'");
    await isFound("deleted");
    await intruder.put("thing", current, "id = 'a'");
    await intruder.put("thing", gone, "id = 'gone'");
    await isFound("inserted again");
    await intruder.run("DELETE FROM thing WHERE id = 'gone'");
    assert.deepEqual((await deployment.sweep()).problems, []);

    const foreign = await elsewhere.open();
    await foreign.addThings({ id: "foreign" });
    const [row] = (await elsewhere.backend.reader.execute("SELECT * FROM thing", [])).rows;
    assert.ok(row);
    await intruder.put("thing", row, "id = 'foreign'");
    assert.deepEqual((await deployment.sweep()).problems, ["thing: a row does not carry its MAC"]);
  });

  test("a sum that is altered, moved or put back is found, and no control is run on it", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    await insertByBatch(process, "b");
    await insertByBatch(process, "c");
    const intruder = new Intruder(deployment.backend);
    const [epoch] = await intruder.rows("SELECT * FROM epoch");
    const batches = await intruder.rows(`SELECT * FROM audit_batch WHERE shard = ${process.shard} ORDER BY seq`);
    const [first, last] = batches;
    assert.ok(epoch && first && last && batches.length === 2);
    const at = `shard = ${process.shard} AND seq = 2`;

    await intruder.put("audit_batch", { ...last, sum: first["sum"] ?? null }, at);
    assert.match(
      (await deployment.sweep()).problems.join(),
      /set hash: the sum of shard \d+ seq 2 was changed or moved/,
    );
    await intruder.put("audit_batch", { ...last, sum: epoch["sum"] ?? null }, at);
    assert.equal((await deployment.sweep()).problems.length, 1);
    await intruder.put("audit_batch", last, at);
    assert.deepEqual((await deployment.sweep()).problems, []);

    await intruder.put("epoch", { ...epoch, sum: last["sum"] ?? null }, "id = 1");
    assert.match((await deployment.sweep()).problems.join(), /set hash: the sum of epoch/);
    await assert.rejects(process.changeThing("a", { count: 1 }), /set hash/);
    await intruder.put("epoch", epoch, "id = 1");
    await process.changeThing("a", { count: 1 });
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("old rows together with the epoch they belonged to are found", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const intruder = new Intruder(deployment.backend);
    const [row] = await intruder.rows("SELECT * FROM thing");
    const [epoch] = await intruder.rows("SELECT * FROM epoch");
    await process.changeThing("a", { count: 1 });
    const [now] = await intruder.rows("SELECT * FROM epoch");
    const [current] = await intruder.rows("SELECT * FROM thing");
    assert.ok(row && epoch && now && current);
    await intruder.put("thing", row, "id = 'a'");
    await intruder.put("epoch", epoch, "id = 1");
    assert.match((await deployment.sweep()).problems.join(), /epoch .* old one was put back/);
    await intruder.put("thing", current, "id = 'a'");
    await intruder.put("epoch", now, "id = 1");
  });

  test("an older state of the control log beside later batches is found, by the sweep and by whoever opens the store", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    await process.addThings({ id: "a" });
    const intruder = new Intruder(deployment.backend);
    const [thing] = await intruder.rows("SELECT * FROM thing");
    const [epoch] = await intruder.rows("SELECT * FROM epoch");
    assert.ok(thing && epoch);
    await process.changeThing("a", { count: 1 });
    await insertByBatch(process, "b");
    await process.crash();
    await intruder.put("thing", thing, "id = 'a'");
    await intruder.put("epoch", epoch, "id = 1");
    await intruder.run(`DELETE FROM audit_batch WHERE shard = 0 AND seq > ${Number(epoch["value"])}`);
    const ahead = new RegExp(
      `shard ${process.shard} is of epoch ${Number(epoch["value"]) + 1} and the store of epoch ${Number(epoch["value"])}`,
    );
    assert.match((await deployment.sweep()).problems.join(), ahead);
    await assert.rejects(deployment.open(), { name: "TamperedRowError", message: ahead });
    await assert.rejects(deployment.open({ node: process.node }), { name: "TamperedRowError", message: ahead });
  });

  test("rows on every page count, and the caller is asked to rest after each", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings(...Array.from({ length: 600 }, (_, i) => ({ id: `${i}` })));
    let rests = 0;
    const report = await sweep({
      backend: deployment.backend,
      guard: deployment.guard,
      tables: protectedTables,
      rest: (millis) => {
        assert.ok(millis >= 0);
        rests++;
        return Promise.resolve();
      },
    });
    assert.deepEqual(report, { rows: 602, problems: [] });
    assert.equal(rests, 1 + 1 + 3);
    await new Intruder(deployment.backend).run("DELETE FROM thing WHERE id = '599'");
    assert.equal((await deployment.sweep()).problems.length, 1);
  });

  test("writes that go on meanwhile cause no false alarm", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    await one.addThings(...Array.from({ length: 300 }, (_, i) => ({ id: `old ${i}` })));
    const done = new AbortController();
    const write = async (process: TestProcess, name: string): Promise<number> => {
      let n = 0;
      for (; !done.signal.aborted; n++) {
        await insertByBatch(process, `${name} ${n}`);
        await process.changeThing(`old ${n % 300}`, { count: n });
      }
      return n;
    };
    const writers = Promise.all([write(one, "one"), write(two, "two")]);
    for (let i = 0; i < 6; i++) {
      const report = await sweep({
        backend: deployment.backend,
        guard: deployment.guard,
        tables: protectedTables,
        // Between pages the others get ahead.
        rest: () => insertByBatch(one, `rest ${i} ${Math.random()}`),
      });
      assert.deepEqual(report.problems, []);
    }
    done.abort();
    const written = await writers;
    assert.ok(written.every((n) => n > 0));
    await Promise.all([one.close(), two.close()]);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });
});
