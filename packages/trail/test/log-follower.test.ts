import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { type Kysely, sql } from "kysely";
import { eventIndex } from "../src/event-index/event-index.ts";
import { LogFollower } from "../src/follower/log-follower.ts";
import { followedUpTo } from "../src/follower/log-heads.ts";
import type { SegmentContributor } from "../src/follower/log-segment.ts";
import { readTail } from "../src/follower/read-tail.ts";
import { LogWorld, START, textOf } from "./support/log-world.ts";

const never = new AbortController().signal;

/** Counts in the store what it was shown, by event. */
const counter: SegmentContributor = {
  name: "counter",
  begin() {
    const ids: string[] = [];
    return {
      add: ({ record }) => void ids.push(record.eventId),
      finish: () => async (db) => {
        for (const id of ids) {
          await sql`insert into seen (id, times) values (${id}, 1)
            on conflict (id) do update set times = seen.times + 1`.execute(db);
        }
      },
    };
  },
};

async function seen(db: Kysely<unknown>): Promise<Record<string, number>> {
  const { rows } = await sql<{ id: string; times: number }>`select id, times from seen order by id`.execute(db);
  return Object.fromEntries(rows.map(({ id, times }) => [id, times]));
}

async function tailIds(db: Kysely<unknown>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { record } of readTail(db)) ids.push(record.eventId);
  return ids;
}

/** Lets the follower do all that is due: a slow machine takes more than one piece. */
async function followAll({ follower }: { readonly follower: LogFollower }): Promise<void> {
  while (await follower.run(never));
}

forEachDatabase((database) => {
  async function openWorld(contributors: readonly SegmentContributor[] = [eventIndex, counter]): Promise<LogWorld> {
    const world = await LogWorld.open(database, { contributors });
    await world.change((db) =>
      db.schema
        .createTable("seen")
        .addColumn("id", "varchar(64)", (column) => column.primaryKey())
        .addColumn("times", "bigint"),
    );
    return world;
  }

  test("shows every event to its contributors exactly once, though two follow at the same time", async () => {
    await using world = await openWorld();
    const { backend } = world;
    const followers = [eventIndex, eventIndex].map(
      (index) => new LogFollower({ backend, contributors: [index, counter], now: () => world.now }),
    );
    const ids: string[] = [];
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 4; i++) {
        const batch = [0, 1].map((n) => `${round}-${i}-${n}`);
        ids.push(...batch);
        await world.append(
          i % 3,
          batch.map((eventId) => textOf({ at: START, eventId })),
        );
      }
      await Promise.all(followers.map((follower) => follower.catchUp()));
    }
    assert.deepEqual(await seen(world.db), Object.fromEntries(ids.toSorted().map((id) => [id, 1])));
    assert.deepEqual(await tailIds(world.db), []);
    // Short segments were joined: one for each log.
    const { rows } = await backend.reader.execute(
      "SELECT first_seq, last_seq, event_count FROM trail_segment ORDER BY shard",
      [],
    );
    assert.deepEqual(
      rows.map(({ first_seq: first, last_seq: last, event_count: events }) => [first, last, events]),
      [
        [1, 12, 24],
        [1, 6, 12],
        [1, 6, 12],
      ],
    );
  });

  test("seals a tail when it is long, or when nothing has happened for a minute", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 255; i++) await world.append(1, [textOf({ at: START })]);
    await world.append(0, [textOf({ at: START, eventId: "quiet" })]);
    await followAll(world);
    assert.equal(await followedUpTo(world.db, 1), 0);
    await world.append(1, [textOf({ at: START, eventId: "last" })]);
    await followAll(world);
    assert.equal(await followedUpTo(world.db, 1), 256);
    assert.equal(await followedUpTo(world.db, 0), 0);
    assert.deepEqual(await tailIds(world.db), ["quiet"]);
    world.now += 60_000;
    await followAll(world);
    assert.equal(await followedUpTo(world.db, 0), 1);
  });

  test("does a long backlog in pieces, and ends when it is told to", async () => {
    await using world = await openWorld([eventIndex]);
    const texts = Array.from({ length: 500 }, () => textOf({ at: START }));
    for (let i = 0; i < 80; i++) await world.append(1, texts);
    const stopped = new AbortController();
    stopped.abort();
    assert.equal(await world.follower.run(stopped.signal), false);
    assert.equal(await followedUpTo(world.db, 1), 0);
    while (await world.follower.run(never));
    const followed = await followedUpTo(world.db, 1);
    // What is left is no longer due.
    assert.ok(followed >= 64 && followed <= 80, `${followed} batches`);
    const { rows } = await world.backend.reader.execute("SELECT max(event_count) AS most FROM trail_segment", []);
    assert.ok(Number(rows[0]?.["most"]) <= 17_000);
  });

  test("what fails leaves nothing behind, and is done again", async () => {
    let fails = true;
    const failing: SegmentContributor = {
      name: "failing",
      begin: () => ({
        add: () => undefined,
        finish: () => async () => {
          if (fails) throw new Error("a failure");
        },
      }),
    };
    await using world = await openWorld([eventIndex, counter, failing]);
    await world.append(1, [textOf({ at: START, eventId: "A" })]);
    await assert.rejects(world.follower.catchUp(), /a failure/);
    assert.equal(await followedUpTo(world.db, 1), 0);
    assert.deepEqual(await seen(world.db), {});
    assert.deepEqual(await tailIds(world.db), ["A"]);
    fails = false;
    await world.follower.catchUp();
    assert.deepEqual(await seen(world.db), { A: 1 });
  });
});
