import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { RootKey } from "../src/custody/root-key.ts";
import { rowGuardKeys } from "../src/custody/row-guard-keys.ts";
import { LostRowError } from "../src/store/control.ts";
import { kyselyOn } from "../src/store/kysely-dialect.ts";
import { ProtectedTable } from "../src/store/protected-table.ts";
import { RowGuard, TamperedRowError } from "../src/store/row-guard.ts";
import { controlEvent, TestDeployment } from "./support/deployment.ts";
import { thingKind, type ThingRow, thingTable } from "./support/thing.ts";

const guard = new RowGuard(rowGuardKeys(new RootKey(randomBytes(32))));
const db = kyselyOn("sqlite", { execute: () => Promise.reject(new Error("nothing is executed here")) });

const texts = fc.string({ unit: "grapheme", maxLength: 12 });
const integers = fc.maxSafeInteger();
const byteStrings = fc.uint8Array({ maxLength: 12 });
const things: fc.Arbitrary<ThingRow> = fc.record(
  {
    id: texts,
    owner: texts,
    count: integers,
    ceiling: fc.option(integers),
    note: fc.option(texts),
    seal: byteStrings,
    data: fc.option(byteStrings),
  },
  { noNullPrototype: true },
);

type RawRow = Record<string, string | number | Uint8Array | null>;

/** What the database holds after an insert. */
function stored(row: ThingRow): RawRow {
  const { parameters } = thingTable.insert(guard, db, row).statement;
  const names = [...Object.keys(row), "revision", "mac"];
  return Object.fromEntries(names.map((name, i) => [name, parameters[i] ?? null]));
}

function differs(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) !== 0;
  return a !== b;
}

test("a stored row verifies and gives back what was written", () => {
  fc.assert(
    fc.property(things, (row) => {
      assert.deepEqual(thingTable.verify(guard, stored(row)), { row, revision: 1 });
    }),
  );
});

test("any other value in any column is found", () => {
  const value = fc.oneof(texts, integers, byteStrings, fc.constant(null), fc.constant(undefined), fc.double());
  const column = fc.constantFrom("id", "owner", "count", "ceiling", "note", "seal", "data", "revision", "mac");
  fc.assert(
    fc.property(things, column, value, (row, name, other) => {
      const raw: Record<string, unknown> = stored(row);
      fc.pre(differs(raw[name], other));
      assert.throws(() => thingTable.verify(guard, { ...raw, [name]: other }), TamperedRowError);
    }),
    { numRuns: 500 },
  );
});

test("a row that is authentic is still found if it is not the one that was asked for", () => {
  fc.assert(
    fc.property(things, texts, (row, owner) => {
      const raw = stored(row);
      assert.deepEqual(thingTable.verify(guard, raw, { id: row.id, note: row.note }).row, row);
      fc.pre(owner !== row.owner);
      assert.throws(() => thingTable.verify(guard, raw, { id: row.id, owner }), TamperedRowError);
      assert.throws(() => thingTable.verify(guard, raw, { note: row.note === null ? "" : null }), TamperedRowError);
    }),
  );
});

test("values that look alike as text are told apart by their type", () => {
  const table = new ProtectedTable("loose", { columns: { id: "text", a: "text?", b: "bytes?" }, identity: ["id"] });
  const { parameters } = table.insert(guard, db, { id: "x", a: "", b: null }).statement;
  const mac = parameters.at(-1);
  table.verify(guard, { id: "x", a: "", b: null, revision: 1, mac });
  for (const [a, b] of [
    [null, null],
    [null, new Uint8Array()],
    ["", new Uint8Array()],
    ["null", null],
  ]) {
    assert.throws(() => table.verify(guard, { id: "x", a, b, revision: 1, mac }), TamperedRowError);
  }
});

test("values cannot move between columns, rows or tables", () => {
  fc.assert(
    fc.property(things, things, (one, other) => {
      const [a, b] = [stored(one), stored(other)];
      if (one.id !== other.owner) {
        fc.pre(one.id !== one.owner);
        assert.throws(() => thingTable.verify(guard, { ...a, id: a["owner"], owner: a["id"] }), TamperedRowError);
      }
      fc.pre(Object.keys(one).some((name) => differs(a[name], b[name])));
      assert.throws(() => thingTable.verify(guard, { ...a, mac: b["mac"] }), TamperedRowError);
      assert.throws(() => thingTable.verify(guard, { ...a, revision: 2 }), TamperedRowError);
    }),
  );
  const columns = { id: "text", owner: "text" } as const;
  const [here, there] = ["here", "there"].map((name) => new ProtectedTable(name, { columns, identity: ["id"] }));
  const mac = here?.insert(guard, db, { id: "a", owner: "b" }).statement.parameters.at(-1);
  here?.verify(guard, { id: "a", owner: "b", revision: 1, mac });
  assert.throws(() => there?.verify(guard, { id: "a", owner: "b", revision: 1, mac }), TamperedRowError);
});

test("what a change adds to the set hash is the difference of its rows", () => {
  fc.assert(
    fc.property(things, things, (one, content) => {
      const row = { ...content, id: one.id };
      const insert = thingTable.insert(guard, db, one);
      const old = { row: one, revision: 1 };
      const update = thingTable.update(guard, db, old, row);
      const remove = thingTable.delete(guard, db, { row, revision: 2 });
      assert.equal(thingTable.delete(guard, db, old).sumDelta, -insert.sumDelta);
      assert.equal(insert.sumDelta + update.sumDelta + remove.sumDelta, 0n);
      assert.notEqual(update.sumDelta, 0n, "an update to the same content is still another revision");
    }),
  );
});

forEachDatabase((database) => {
  test("rows come back from the database as they went in", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    // PostgreSQL's text holds no NUL.
    const storable = things.map((row) => {
      const clean = (text: string) => text.replaceAll("\0", "0");
      return { ...row, id: clean(row.id), owner: clean(row.owner), note: row.note === null ? null : clean(row.note) };
    });
    const rows = fc.sample(storable, 40).map((row, i) => ({ ...row, id: `${row.id} ${i}` }));
    await process.addThings(...rows);
    for (const row of rows) {
      const found = await process.store.cache.find(thingKind, row.id);
      assert.equal(found?.revision, 1);
      for (const [name, value] of Object.entries(found.row)) {
        assert.ok(!differs(value instanceof Uint8Array ? new Uint8Array(value) : value, row[name as keyof ThingRow]));
      }
    }
    assert.deepEqual(await deployment.sweep(), { rows: 41, problems: [] });
  });

  test("inserts, updates and deletes in any order leave the sums equal to the rows", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const steps = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c", "d"), row: things }), { minLength: 30 });
    for (const { id, row } of fc.sample(steps, 1).flat()) {
      await process.store.control.run(async (transaction) => {
        const old = await transaction.find(thingKind, id);
        const content = { ...row, id, owner: "x", note: null };
        const change =
          old === undefined
            ? thingTable.insert(transaction.guard, transaction.db, content)
            : row.count % 3 === 0
              ? thingTable.delete(transaction.guard, transaction.db, old)
              : thingTable.update(transaction.guard, transaction.db, old, content);
        await transaction.write(change);
        transaction.touch(thingKind, id);
        return { result: undefined, event: controlEvent("step") };
      });
      const { problems } = await deployment.sweep();
      assert.deepEqual(problems, []);
    }
  });

  test("a row that was changed meanwhile is not written over", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const old = await process.store.cache.find(thingKind, "a");
    assert.ok(old);
    await process.changeThing("a", { count: 1 });
    const { value } = process.store.cache.epoch;
    for (const change of [
      thingTable.update(deployment.guard, process.store.reader, old, { ...old.row, count: 2 }),
      thingTable.delete(deployment.guard, process.store.reader, old),
    ]) {
      await assert.rejects(
        process.control(() => [change]),
        LostRowError,
      );
    }
    assert.equal(process.store.cache.epoch.value, value);
    assert.equal((await process.store.cache.find(thingKind, "a"))?.row.count, 1);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });
});
