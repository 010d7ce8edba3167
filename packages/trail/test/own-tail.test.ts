import assert from "node:assert/strict";
import { test } from "node:test";
import { type AuditEvent, encodeEvent, type WrittenBatch } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { eventIndex } from "../src/event-index/event-index.ts";
import { LogFollower } from "../src/follower/log-follower.ts";
import { followedUpTo } from "../src/follower/log-heads.ts";
import type { SegmentContributor } from "../src/follower/log-segment.ts";
import { OwnTail } from "../src/follower/own-tail.ts";
import { eventOf, LogWorld, START, textOf } from "./support/log-world.ts";

const OWN = 1;

/** What may happen in any order: batches of this process and of another one, some of which this one is not told of. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("written" as const) },
    fc.constantFrom(
      "written untold" as const,
      "written elsewhere" as const,
      "followed" as const,
      "followed elsewhere" as const,
    ),
  ),
  { minLength: 1, maxLength: 30 },
);

forEachDatabase((database) => {
  test("shows its contributors every event exactly once, whatever it was told of, and whoever follows beside it", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const shown: string[] = [];
        const counter = countInto(shown);
        await using world = await LogWorld.open(database, { contributors: [eventIndex, counter] });
        const own = new OwnTail([eventIndex, counter]);
        const follower = new LogFollower({
          backend: world.backend,
          contributors: [eventIndex, counter],
          own,
          now: () => world.now,
        });
        const ids: string[] = [];
        for (const [i, step] of script.entries()) {
          if (step === "followed") await follower.catchUp();
          else if (step === "followed elsewhere") await world.follower.catchUp();
          else {
            const events = ["a", "b"].map((n) => eventOf({ at: START + i * 1000, eventId: `${i}-${n}` }));
            ids.push(...events.map(({ eventId }) => eventId));
            const shard = step === "written elsewhere" ? OWN + 1 : OWN;
            const batch = await write(world, shard, events);
            if (step === "written") own.add(batch);
          }
        }
        await follower.catchUp();
        assert.deepEqual(shown.toSorted(), ids.toSorted());
        assert.deepEqual((await world.all()).toSorted(), ids.toSorted());
      }),
      { numRuns: database.name === "sqlite" ? 25 : 8 },
    );
  });

  test("digests what it is told just as what is read from the log", async () => {
    const events = Array.from({ length: 300 }, (_, i) =>
      eventOf({
        at: START + i * 777,
        name: i % 7 === 0 ? "Decrypt" : "Encrypt",
        resourceName: i % 3 === 0 ? `key-${i % 5},key-${i % 11}` : undefined,
        accessKeyId: `LTAI5t${i % 13}`,
      }),
    );
    const columns: unknown[] = [];
    for (const isTold of [false, true]) {
      await using world = await LogWorld.open(database);
      const own = new OwnTail([eventIndex]);
      own.firstOf(OWN);
      const batch = await write(world, OWN, events);
      if (isTold) own.add(batch);
      assert.equal(own.firstOf(OWN), isTold ? 1 : undefined);
      await new LogFollower({ backend: world.backend, contributors: [eventIndex], own, now: () => START }).catchUp();
      assert.equal(own.firstOf(OWN), undefined);
      assert.equal(await followedUpTo(world.db, OWN), 1);
      const stored = await world.backend.reader.execute("SELECT * FROM trail_column ORDER BY attribute", []);
      columns.push(stored.rows, (await world.backend.reader.execute("SELECT * FROM trail_segment", [])).rows);
    }
    assert.deepEqual(columns.slice(2), columns.slice(0, 2));
  });
});

test("keeps nothing where nobody follows, and what is long only until it is full", () => {
  const own = new OwnTail([countInto([])]);
  const batch = (seq: number): WrittenBatch => ({
    shard: OWN,
    seq,
    leaves: 2 * seq,
    events: [{ text: textOf({ at: START }) }],
  });
  own.add(batch(1));
  assert.equal(own.firstOf(OWN), undefined, "nobody follows here");
  for (let seq = 2; seq <= 1025; seq++) own.add(batch(seq));
  assert.equal(own.firstOf(OWN), 2);
  own.add(batch(1026));
  assert.equal(own.firstOf(OWN), 1026);
  assert.equal(own.take(OWN, 2), undefined);
  assert.equal(own.take(OWN + 1, 1026), undefined);
  assert.deepEqual(own.take(OWN, 1026)?.segment, {
    shard: OWN,
    firstSeq: 1026,
    lastSeq: 1026,
    batches: [{ seq: 1026, eventCount: 1 }],
  });
  assert.equal(own.take(OWN, 1026), undefined);
});

function countInto(shown: string[]): SegmentContributor {
  return {
    name: "counter",
    begin() {
      const ids: string[] = [];
      // Only what was written counts: whoever came too late has written nothing.
      return {
        add: ({ record }) => void ids.push(record.eventId),
        finish: () => () => Promise.resolve(void shown.push(...ids)),
      };
    },
  };
}

async function write(world: LogWorld, shard: number, events: readonly AuditEvent[]): Promise<WrittenBatch> {
  const encoded = events.map((event) => ({ event, text: encodeEvent(event) }));
  const seq = await world.append(
    shard,
    encoded.map(({ text }) => text),
  );
  return { shard, seq, leaves: world.leavesOf(shard), events: encoded };
}
