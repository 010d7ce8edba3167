import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { forEachDatabase, keptBytes } from "@cinnabar/testkit";
import { EntityCache, type EntityKind, type EntityReader, MAX_KIND_BYTES, sameTag } from "../src/store/entity-cache.ts";
import { TestDeployment, type TestProcess } from "./support/deployment.ts";
import { type Thing, thingKind } from "./support/thing.ts";

/** A kind whose loads a test can hold, after they have read and before they give what they read. */
function heldKind(): {
  kind: EntityKind<Thing>;
  loads: () => number;
  hold: () => { reached: Promise<void>; release: () => void };
} {
  let loads = 0;
  let gate: { reach: () => void; released: Promise<void> } | undefined;
  const kind: EntityKind<Thing> = {
    ...thingKind,
    async load(reader: EntityReader, id: string) {
      loads++;
      const entity = await thingKind.load(reader, id);
      const held = gate;
      gate = undefined;
      held?.reach();
      await held?.released;
      return entity;
    },
  };
  return {
    kind,
    loads: () => loads,
    hold() {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      gate = { reach: reached.resolve, released: released.promise };
      return { reached: reached.promise, release: released.resolve };
    },
  };
}

function cacheOf(process: TestProcess): EntityCache {
  const { backend, guard, cache } = process.store;
  return new EntityCache({ backend, guard, epoch: cache.epoch });
}

function assertSameEpoch(one: EntityCache, other: EntityCache): void {
  assert.equal(one.epoch.value, other.epoch.value);
  assert.ok(sameTag(one.epoch.tag, other.epoch.tag));
}

test("keeps entities, and not the requests that named them", async () => {
  const bytes = await keptBytes(import.meta.resolve("./support/keep-entities.ts"));
  assert.ok(bytes < 10_000, `${bytes} bytes for each`);
});

forEachDatabase((database) => {
  test("a refresh drops exactly what was changed, and tells that something was", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" }, { id: "b" }, { id: "c:with:colons" });
    const cache = cacheOf(process);
    const heard: string[] = [];
    cache.listen({
      changed: (kindName, id) => heard.push(`${kindName} ${id}`),
      everythingChanged: () => heard.push("everything"),
    });
    const ids = ["a", "b", "c:with:colons"];
    const before = await Promise.all(ids.map(async (id) => cache.find(thingKind, id)));
    const { generation } = cache;
    await cache.refresh();
    assert.equal(cache.generation, generation, "nothing has changed");

    await process.changeThing("c:with:colons", { count: 1 });
    await process.changeThing("a", { count: 2 });
    assert.equal(cache.peek(thingKind, "a"), before[0], "nobody has told it yet");
    await cache.refresh();
    assert.notEqual(cache.generation, generation);
    assertSameEpoch(cache, process.store.cache);
    assert.equal(cache.peek(thingKind, "a"), undefined);
    assert.equal(cache.peek(thingKind, "b"), before[1]);
    assert.equal(cache.peek(thingKind, "c:with:colons"), undefined);
    assert.equal((await cache.find(thingKind, "a"))?.row.count, 2);
    assert.deepEqual(heard.toSorted(), ["thing a", "thing c:with:colons"]);
  });

  test("a load that a change overtakes is made again, however the two meet", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { kind, loads, hold } = heldKind();
    const cache = cacheOf(process);

    const early = hold();
    const found = cache.find(kind, "a");
    await early.reached;
    await process.changeThing("a", { count: 1 });
    await cache.refresh();
    early.release();
    assert.equal((await found)?.row.count, 1, "read before the change, given after the refresh");
    assert.equal(loads(), 2);
    assert.equal(cache.peek(kind, "a")?.row.count, 1);

    await process.changeThing("a", { count: 2 });
    await cache.refresh();
    const late = hold();
    const stale = cache.find(kind, "a");
    await late.reached;
    await process.changeThing("a", { count: 3 });
    late.release();
    assert.equal((await stale)?.row.count, 2, "given before the refresh: as of the epoch it is labelled with");
    await cache.refresh();
    assert.equal(cache.peek(kind, "a"), undefined);
  });

  test("a control of the same process overtakes a load as well", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { kind, hold } = heldKind();
    const { cache } = process.store;
    const held = hold();
    const found = cache.find(kind, "a");
    await held.reached;
    await process.changeThing("a", { count: 1 });
    held.release();
    assert.equal((await found)?.row.count, 1);
    assert.equal(cache.peek(kind, "a")?.row.count, 1);
  });

  test("a thousand requests for a cold entity make one read", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const { kind, loads } = heldKind();
    const cache = cacheOf(process);
    const found = await Promise.all(Array.from({ length: 1000 }, async () => cache.find(kind, "a")));
    assert.equal(loads(), 1);
    assert.ok(found.every((entity) => entity === found[0]));
    assert.equal(cache.find(kind, "a"), found[0], "warm entities come without waiting");
  });

  test("that something does not exist is never kept, nor learnt from a read begun before the request", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const { kind, loads, hold } = heldKind();
    const cache = cacheOf(process);
    assert.equal(await cache.find(kind, "a"), undefined);
    assert.equal(await cache.find(kind, "a"), undefined);
    assert.equal(loads(), 2);

    const held = hold();
    const early = cache.find(kind, "a");
    await held.reached;
    // Nothing is touched: making something new is no news to a cache.
    await process.addThings({ id: "a" });
    const late = cache.find(kind, "a");
    held.release();
    assert.equal(await early, undefined);
    assert.equal((await late)?.row.id, "a");
  });

  test("an epoch with a known number and an unknown tag makes it forget everything", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" }, { id: "b" });
    const { backend, guard, cache } = process.store;
    for (const epoch of [
      // As after a failover that lost controls and let others take their numbers.
      { value: cache.epoch.value - 1, tag: randomBytes(16), changes: null },
      { value: cache.epoch.value, tag: randomBytes(16), changes: null },
      { value: cache.epoch.value + 5, tag: randomBytes(16), changes: null },
    ]) {
      const other = new EntityCache({ backend, guard, epoch });
      await other.find(thingKind, "a");
      await other.find(thingKind, "b");
      let heard = 0;
      other.listen({ changed: () => assert.fail(), everythingChanged: () => heard++ });
      await other.refresh();
      assert.equal(heard, 1);
      assertSameEpoch(other, cache);
      assert.equal(other.peek(thingKind, "a"), undefined);
      assert.equal(other.peek(thingKind, "b"), undefined);
    }
  });

  test("refreshes that overlap never go back", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    const cache = cacheOf(process);
    const seen: number[] = [cache.epoch.value];
    const done = new AbortController();
    const watch = async (): Promise<void> => {
      while (!done.signal.aborted) {
        await cache.refresh();
        assert.ok(cache.epoch.value >= Math.max(...seen));
        seen.push(cache.epoch.value);
      }
    };
    const watchers = Promise.all([watch(), watch(), watch()]);
    for (let i = 1; i <= 15; i++) await process.changeThing("a", { count: i });
    done.abort();
    await watchers;
    await cache.refresh();
    assertSameEpoch(cache, process.store.cache);
    assert.equal((await cache.find(thingKind, "a"))?.row.count, 15);
  });

  test("keeps no more entities than the kind allows", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const ids = ["a", "b", "c", "d", "e"];
    await process.addThings(...ids.map((id) => ({ id })));
    const kind = { ...thingKind, capacity: 3 };
    const cache = cacheOf(process);
    for (const id of ids) assert.ok(await cache.find(kind, id));
    assert.deepEqual(
      ids.filter((id) => cache.peek(kind, id) !== undefined),
      ["c", "d", "e"],
    );
  });

  test("keeps no more of a kind than it may weigh, and takes what was forgotten off the scales", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const ids = ["a", "b", "c", "d"];
    await process.addThings(...ids.map((id) => ({ id })));
    const kind: EntityKind<Thing> = {
      ...thingKind,
      weigh: ({ row }) => (row.id === "c" ? MAX_KIND_BYTES : MAX_KIND_BYTES / 3),
    };
    const cache = cacheOf(process);
    const keptAfter = async (id: string) => {
      assert.ok(await cache.find(kind, id));
      return ids.filter((id) => cache.peek(kind, id) !== undefined);
    };
    assert.deepEqual(await keptAfter("a"), ["a"]);
    assert.deepEqual(await keptAfter("b"), ["a", "b"]);
    assert.deepEqual(await keptAfter("c"), ["c"]);
    await process.changeThing("c", { count: 1 });
    await cache.refresh();
    assert.equal(cache.peek(kind, "c"), undefined);
    assert.deepEqual(await keptAfter("a"), ["a"]);
    assert.deepEqual(await keptAfter("b"), ["a", "b"]);
    assert.deepEqual(await keptAfter("d"), ["a", "b", "d"]);
  });

  test("a load that fails is made again by the next request", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await process.addThings({ id: "a" });
    let fail = true;
    const kind: EntityKind<Thing> = {
      ...thingKind,
      load: (reader, id) => (fail ? Promise.reject(new Error("no connection")) : thingKind.load(reader, id)),
    };
    const cache = cacheOf(process);
    const both = await Promise.allSettled([cache.find(kind, "a"), cache.find(kind, "a")]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    fail = false;
    assert.equal((await cache.find(kind, "a"))?.row.id, "a");
  });
});
