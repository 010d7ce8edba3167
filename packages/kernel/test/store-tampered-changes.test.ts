import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { forEachDatabase } from "@cinnabar/testkit";
import type { Backend, SqlValue } from "../src/store/backend.ts";
import { digestChanges } from "../src/store/change-digest.ts";
import { EntityCache } from "../src/store/entity-cache.ts";
import type { TamperedRowError } from "../src/store/row-guard.ts";
import { TestDeployment, type TestProcess } from "./support/deployment.ts";
import { TestRequest } from "./support/test-request.ts";
import { thingKind } from "./support/thing.ts";

// What processes tell each other by: the epoch, the change list and the shards' tags. The attacker may write anything to
// the database and has no key.

const POLL_MILLIS = 5;

function write(backend: Backend, sql: string, parameters: readonly SqlValue[] = []): Promise<void> {
  return backend.transaction("write", async (connection) => {
    await connection.execute(sql, parameters);
  });
}

/** Has the database leave out every write of a kind without saying so. */
async function leaveOut(backend: Backend, event: "INSERT" | "UPDATE", table: string): Promise<AsyncDisposable> {
  if (backend.kind === "sqlite") {
    await write(backend, `CREATE TRIGGER leaves_out BEFORE ${event} ON ${table} BEGIN SELECT RAISE(IGNORE); END`);
    return { [Symbol.asyncDispose]: () => write(backend, "DROP TRIGGER leaves_out") };
  }
  await write(
    backend,
    "CREATE OR REPLACE FUNCTION leaves_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
  );
  await write(
    backend,
    `CREATE TRIGGER leaves_out BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION leaves_out()`,
  );
  return { [Symbol.asyncDispose]: () => write(backend, `DROP TRIGGER leaves_out ON ${table}`) };
}

async function readTag(backend: Backend, shard: number): Promise<SqlValue> {
  const { rows } = await backend.reader.execute(`SELECT tag FROM shard WHERE id = ${shard}`, []);
  return rows[0]?.["tag"] ?? null;
}

function putTag(backend: Backend, shard: number, tag: SqlValue): Promise<void> {
  return write(backend, `UPDATE shard SET tag = ${backend.kind === "sqlite" ? "?" : "$1"} WHERE id = ${shard}`, [tag]);
}

/** Submits what depends on a thing as the process has it cached. @returns the count that it was answered with. */
function askFor(process: TestProcess, id: string): Promise<number | undefined> {
  const { cache } = process.store;
  let used = cache.peek(thingKind, id);
  const request = new TestRequest({
    isCurrent: () => used !== undefined && cache.peek(thingKind, id) === used,
    rerun: async () => {
      used = await cache.find(thingKind, id);
    },
  });
  process.store.committer.submit(request);
  return request.answered.then(() => used?.row.count);
}

test("the digest of changes tells lists apart, and not the order in which a transaction named what it changed", () => {
  const before = randomBytes(32);
  const digest = (epoch: number, ...entities: readonly string[]): string =>
    Buffer.from(digestChanges(before, { epoch, entities }) ?? []).toString("hex");
  assert.equal(digest(2, "a", "b"), digest(2, "b", "a"));
  const others = [digest(2), digest(2, "a"), digest(2, "ab"), digest(2, "a", "b"), digest(3, "a")];
  assert.equal(new Set(others).size, others.length);
  assert.equal(digestChanges(null, { epoch: 1, entities: [] }), null);
  assert.notDeepEqual(
    digestChanges(null, { epoch: 2, entities: ["a"] }),
    digestChanges(before, { epoch: 2, entities: ["a"] }),
  );
});

forEachDatabase((database) => {
  test("a change list that is not the one that was written is reported, and everything is read anew", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" }, { id: "b" });
    await process.changeThing("b", { count: 1 });
    const { backend, guard, cache } = process.store;
    let count = 0;
    for (const tampering of [
      "DELETE FROM change WHERE epoch = $epoch",
      "UPDATE change SET entity = 'thing:b' WHERE epoch = $epoch",
      "UPDATE change SET epoch = epoch - 2 WHERE epoch = $epoch",
      "INSERT INTO change (epoch, entity) VALUES ($epoch, 'thing:c')",
    ]) {
      const reported: TamperedRowError[] = [];
      const other = new EntityCache({ backend, guard, epoch: cache.epoch, tampered: (error) => reported.push(error) });
      const b = await other.find(thingKind, "b");
      await other.find(thingKind, "a");
      await process.changeThing("a", { count: ++count });
      await write(deployment.backend, tampering.replace("$epoch", String(cache.epoch.value)));
      await process.changeThing("b", { count });
      await other.refresh();
      assert.deepEqual(
        reported.map(({ table }) => table),
        ["change"],
        tampering,
      );
      assert.equal((await other.find(thingKind, "a"))?.row.count, count, tampering);
      assert.notEqual(await other.find(thingKind, "b"), b, "anything may have changed");

      const kept = await other.find(thingKind, "b");
      await process.changeThing("a", { count: ++count });
      await other.refresh();
      assert.equal(reported.length, 1, "what comes after is followed as ever");
      assert.equal(other.peek(thingKind, "b"), kept);
    }
  });

  test("an epoch that no control transaction wrote is not adopted", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { backend, guard, cache } = process.store;
    const { epoch } = cache;
    const other = new EntityCache({ backend, guard, epoch });
    await process.changeThing("a", { count: 1 });
    const { rows } = await deployment.backend.reader.execute("SELECT * FROM epoch", []);
    const [row] = rows;
    assert.ok(row);
    for (const column of ["tag", "changes"]) {
      const set = `UPDATE epoch SET ${column} = ${backend.kind === "sqlite" ? "?" : "$1"}`;
      for (const value of [randomBytes(32), null].slice(0, column === "tag" ? 1 : 2)) {
        await write(deployment.backend, set, [value]);
        await assert.rejects(other.refresh(), { name: "TamperedRowError" });
        assert.equal(other.epoch, epoch);
      }
      await write(deployment.backend, set, [row[column] ?? null]);
    }
    await other.refresh();
    assert.equal(other.epoch.value, epoch.value + 1);
  });

  test("a control transaction fails whose news to other processes the database leaves out", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    await one.addThings({ id: "a" });
    await two.store.cache.find(thingKind, "a");
    const { epoch } = one.store.cache;
    for (const [event, table] of [
      ["INSERT", "change"],
      ["INSERT", "audit_batch"],
      ["UPDATE", "epoch"],
      ["UPDATE", "shard"],
    ] as const) {
      await using _ = await leaveOut(deployment.backend, event, table);
      await assert.rejects(one.changeThing("a", { count: 1 }), { name: "TamperedRowError", table });
    }
    assert.deepEqual(one.store.cache.epoch, epoch, "nothing was changed");
    await one.changeThing("a", { count: 2 });
    assert.equal(await askFor(two, "a"), 2);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("a shard that is given back an old tag is reported and put right, and answers nothing by what was before", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    await one.addThings({ id: "a" });
    assert.equal(await askFor(two, "a"), 0);
    const old = await readTag(deployment.backend, two.shard);
    await one.changeThing("a", { count: 1 });
    const right = await readTag(deployment.backend, two.shard);
    await putTag(deployment.backend, two.shard, old);
    const foreign = `shard: the tag of shard ${two.shard} is not the epoch's`;
    assert.match((await deployment.sweep()).problems.join(), new RegExp(`^${foreign}`));

    assert.equal(await askFor(two, "a"), 1);
    assert.equal(two.observer.tamperings.length, 1);
    assert.match(two.observer.tamperings.join(), new RegExp(`^${foreign}`));
    assert.deepEqual(await readTag(deployment.backend, two.shard), right);
    assert.equal(await askFor(two, "a"), 1);
    assert.equal(two.observer.tamperings.length, 1);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("a process whose batches are refused under the epoch's lock says so, is not healthy, and goes on when they are not", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { committer } = process.store;
    const right = await readTag(deployment.backend, process.shard);
    await putTag(deployment.backend, process.shard, randomBytes(16));
    let answer: Promise<number | undefined>;
    {
      await using _ = await leaveOut(deployment.backend, "UPDATE", "shard");
      answer = askFor(process, "a");
      while (committer.isHealthy) await sleep(POLL_MILLIS);
      while (process.observer.troubles.length === 0) await sleep(POLL_MILLIS);
    }
    assert.match(String(process.observer.troubles[0]), /batch 1 of shard \d+ is refused though the epoch is locked/);
    assert.match(process.observer.tamperings[0] ?? "", /^shard: the tag of shard/);
    assert.equal(await answer, 0);
    assert.ok(committer.isHealthy);
    assert.deepEqual(await readTag(deployment.backend, process.shard), right);
  });

  if (database.name === "postgresql") {
    test("a process whose batches give way to other transactions offers them again, and takes nobody for an attacker", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      const { backend } = deployment;
      const { observer } = process;
      for (const code of ["40001", "40P01"]) {
        await write(
          backend,
          `CREATE OR REPLACE FUNCTION gives_way() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION USING ERRCODE = '${code}'; END$$`,
        );
        await write(
          backend,
          "CREATE TRIGGER gives_way BEFORE INSERT ON audit_batch FOR EACH ROW EXECUTE FUNCTION gives_way()",
        );
        const request = new TestRequest();
        const before = observer.misses;
        process.store.committer.submit(request);
        // Two misses, and six more under the epoch's lock.
        while (observer.misses < before + 8) await sleep(POLL_MILLIS);
        const { isHealthy } = process.store.committer;
        await write(backend, "DROP TRIGGER gives_way ON audit_batch");
        await request.answered;
        assert.ok(isHealthy);
      }
      assert.deepEqual(observer.troubles, []);
      assert.deepEqual(observer.tamperings, []);
    });
  }
});
