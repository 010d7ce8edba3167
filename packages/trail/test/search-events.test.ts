import assert from "node:assert/strict";
import { test } from "node:test";
import { droppedEvents, kyselyOn } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { encodeColumn, hashText } from "../src/event-index/column.ts";
import { forgetBefore } from "../src/event-index/event-index.ts";
import { type Attribute, ATTRIBUTE_NAMES, attributeOf, hasAttribute } from "../src/events/attributes.ts";
import { type EventRecord, parseEventRecord, toSeconds } from "../src/events/event-record.ts";
import { readLogHeads } from "../src/follower/log-heads.ts";
import { ColumnCache } from "../src/lookup/column-cache.ts";
import type { EventQuery } from "../src/lookup/event-query.ts";
import { ACCOUNT, LogWorld, OTHER_ACCOUNT, START, textOf } from "./support/log-world.ts";

const seconds = (millis: number): number => Math.floor(millis / 1000);

/** The world with nothing in its memory. */
function forgetful(world: LogWorld): LogWorld {
  world.cache = new ColumnCache();
  return world;
}

/** What stands in a log of the test, with its place. */
interface Logged {
  readonly record: EventRecord;
  readonly place: readonly [seconds: number, shard: number, seq: number, index: number];
}

/** The answer by the plainest means: every event, one after the other. */
function expected(log: readonly Logged[], query: EventQuery): string[] {
  const ids = log
    .filter(
      ({ record, place: [at] }) =>
        record.recipientAccountId === query.accountId &&
        at >= query.from &&
        at <= query.to &&
        query.attributes.every((attribute) => hasAttribute(record, attribute)),
    )
    .toSorted(({ place: one }, { place: other }) => {
      const at = one.findIndex((value, i) => value !== other[i]);
      return at === -1 ? 0 : one[at]! - other[at]!;
    })
    .map(({ record }) => record.eventId);
  return query.direction === "FORWARD" ? ids : ids.toReversed();
}

const event = fc.record({
  jitter: fc.integer({ min: -4_000, max: 0 }),
  account: fc.constantFrom(ACCOUNT, ACCOUNT, OTHER_ACCOUNT),
  name: fc.constantFrom("Encrypt", "Decrypt", "DisableKey", "CreateAccessKey"),
  service: fc.constantFrom("Kms", "Kms", "Actiontrail", "Cinnabar"),
  readWrite: fc.constantFrom("Read" as const, "Write" as const),
  type: fc.constantFrom("ApiCall" as const, "AliyunServiceEvent" as const),
  resourceName: fc.constantFrom(undefined, "key-1", "key-2", "key-1,key-2", "key-3,key-1,key-3"),
  address: fc.constantFrom("192.0.2.1", "2001:db8::1", 'a"quote\\'),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: fc.constantFrom(0, 1, 2), events: fc.array(event, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.constant("seal" as const) },
);

/** Conditions that some, all or none of the events fulfil. */
function conditions(log: readonly Logged[]): Attribute[] {
  return ATTRIBUTE_NAMES.flatMap((name) => {
    const values = new Set(log.map(({ record }) => attributeOf(record, name)).filter((value) => value !== undefined));
    return [...[...values].slice(0, 3), "no such value"].map((value) => ({ name, value }));
  });
}

forEachDatabase((database) => {
  test("finds what a search through every event finds, in the same order, page by page", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.nat(), async (steps, seed) => {
        await using world = await LogWorld.open(database);
        const log: Logged[] = [];
        for (const step of steps) {
          world.now += 1_500;
          if (step === "seal") {
            await world.follower.catchUp();
            continue;
          }
          const texts = step.events.map(({ jitter, ...event }) => textOf({ ...event, at: world.now + jitter }));
          const seq = await world.append(step.append, texts);
          for (const [index, text] of texts.entries()) {
            const record = parseEventRecord(text)!;
            log.push({ record, place: [toSeconds(record.eventTime), step.append, seq, index] });
          }
        }
        const all = conditions(log);
        const pick = <T>(items: readonly T[], salt: number): T => items[(seed + salt) % items.length]!;
        for (const [i, attribute] of [undefined, ...all].entries()) {
          const attributes = attribute === undefined ? [] : [attribute];
          if (i % 3 === 0) attributes.push(pick(all, i * 7));
          const query: EventQuery = {
            accountId: i % 5 === 0 ? OTHER_ACCOUNT : ACCOUNT,
            attributes,
            direction: i % 2 === 0 ? "BACKWARD" : "FORWARD",
            from: seconds(START) + (i % 4 === 0 ? 5 : -100),
            to: seconds(world.now) - (i % 7 === 0 ? 6 : 0),
          };
          const limit = 1 + ((seed + i) % 7);
          // A search that is always out of time ends each page early, and comes to the end all the same.
          const deadline = i % 2 === 0 ? Number.POSITIVE_INFINITY : 0;
          assert.deepEqual(await world.all(query, { limit, deadline }), expected(log, query), JSON.stringify(query));
        }
      }),
      { numRuns: database.name === "sqlite" ? 15 : 5 },
    );
  });

  test("answers as of the moment at which it began, whatever is committed or sealed meanwhile", async () => {
    await using world = await LogWorld.open(database);
    await world.append(1, [textOf({ at: START, eventId: "A" })]);
    const heads = await readLogHeads(world.db);
    await world.append(1, [textOf({ at: START, eventId: "B" })]);
    await world.append(2, [textOf({ at: START, eventId: "C" })]);
    await world.follower.catchUp();
    assert.deepEqual(await world.all({}, { heads }), ["A"]);
    assert.deepEqual(await world.all(), ["C", "B", "A"]);
  });

  test("searches the log itself where the index is damaged or was replaced", async () => {
    await using world = await LogWorld.open(database);
    const ids = ["A", "B", "C", "D"];
    for (const eventId of ids)
      await world.append(1, [textOf({ at: START, eventId }), textOf({ at: START, account: "1" })]);
    await world.follower.catchUp();
    const attributes: Attribute[] = [{ name: "EventName", value: "Encrypt" }];
    const newest = ids.toReversed();
    assert.deepEqual(await world.all({ attributes }), newest);
    for (const attribute of ["EventName", "places", "account"]) {
      for (const data of [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(64).fill(255)]) {
        await world.change((db) => db.updateTable("trail_column").set({ data }).where("attribute", "=", attribute));
        assert.deepEqual(await forgetful(world).all({ attributes }), newest, attribute);
      }
      await world.change((db) => db.deleteFrom("trail_column").where("attribute", "=", attribute));
      assert.deepEqual(await forgetful(world).all({ attributes }), newest, attribute);
    }
  });

  test("never gives what the log does not have: an edited index can only hide", async () => {
    await using world = await LogWorld.open(database);
    await world.append(1, [textOf({ at: START, eventId: "A", name: "Encrypt" })]);
    await world.append(1, [textOf({ at: START, eventId: "B", name: "Decrypt", account: OTHER_ACCOUNT })]);
    await world.follower.catchUp();
    // Every column says of both events what is looked for.
    const lie = (value: string): Uint8Array =>
      encodeColumn({ hashes: Uint32Array.of(hashText(value), hashText(value)), further: [] });
    await world.change((db) =>
      db
        .updateTable("trail_column")
        .set({ data: lie(ACCOUNT) })
        .where("attribute", "=", "account"),
    );
    await world.change((db) =>
      db
        .updateTable("trail_column")
        .set({ data: lie("Decrypt") })
        .where("attribute", "=", "EventName"),
    );
    assert.deepEqual(await forgetful(world).all(), ["A"]);
    assert.deepEqual(await forgetful(world).all({ attributes: [{ name: "EventName", value: "Decrypt" }] }), []);
  });

  test("passes over batches whose events were dropped or cannot be read", async () => {
    await using world = await LogWorld.open(database);
    for (const eventId of ["A", "B", "C", "D"]) await world.append(1, [textOf({ at: START, eventId })]);
    const damage = async (seq: number, events: Uint8Array): Promise<void> =>
      world.change((db) => db.updateTable("audit_batch").set({ events }).where("seq", "=", seq));
    await damage(1, droppedEvents(Uint8Array.of(1)));
    await damage(2, Uint8Array.of(9, 9));
    assert.deepEqual(await world.all(), ["D", "C"]);
    await world.follower.catchUp();
    assert.deepEqual(await world.all(), ["D", "C"]);
    await damage(3, droppedEvents(Uint8Array.of(1)));
    assert.deepEqual(await world.all(), ["D"]);
    await world.append(1, [textOf({ at: START, eventId: "E" })]);
    const forget = () =>
      world.backend.transaction("write", (connection) => forgetBefore(kyselyOn(world.backend.kind, connection), 1, 5));
    await forget();
    assert.deepEqual(await world.all(), ["E", "D"], "what has a body still is found");
    for (const seq of [2, 4]) await damage(seq, droppedEvents(Uint8Array.of(1)));
    await forget();
    assert.deepEqual((await world.backend.reader.execute("SELECT last_seq FROM trail_segment", [])).rows, []);
    assert.deepEqual(await world.all(), ["E"]);
    await world.follower.catchUp();
    assert.deepEqual(await world.all(), ["E"]);
  });

  test("keeps what it has read of the index to so many bytes", async () => {
    await using world = await LogWorld.open(database);
    for (let i = 0; i < 8; i++) {
      // Logs of their own, so that each is a segment.
      await world.append(
        1 + i,
        Array.from({ length: 300 }, (_, n) => textOf({ at: START, eventId: `${i}-${n}` })),
      );
    }
    await world.follower.catchUp();
    const attributes: Attribute[] = [{ name: "EventId", value: "7-7" }];
    assert.deepEqual(await world.all({ attributes }), ["7-7"]);
    const whole = world.cache.bytes;
    assert.ok(whole > 8 * 300 * 4, `${whole} bytes`);
    world.cache = new ColumnCache(whole / 2);
    for (let i = 0; i < 8; i++) {
      const value = `${i}-299`;
      assert.deepEqual(await world.all({ attributes: [{ name: "EventId", value }] }), [value]);
      assert.ok(world.cache.bytes <= whole / 2, `${world.cache.bytes} bytes`);
    }
  });
});
