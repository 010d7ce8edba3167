import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { ApiError, type DeclaredOperation, type RequestContext, rootOnly, rootPrincipal } from "@cinnabar/kernel";
import { trailOperations } from "@cinnabar/trail";
import { forEachDatabase, SeededRandom } from "@cinnabar/testkit";
import { encodeNextToken } from "../src/lookup/next-token.ts";
import { ACCOUNT, LogWorld, OTHER_ACCOUNT, START, type TestEvent, textOf } from "./support/log-world.ts";

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const iso = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19)}Z`;

interface Answer {
  readonly Events: readonly { readonly eventId: string }[];
  readonly NextToken?: string;
  readonly StartTime: string;
  readonly EndTime: string;
}

type Wire = Readonly<Record<string, string>>;

/** Calls the operation without a server; time is the world's. */
class Lookups {
  readonly #world: LogWorld;
  readonly #operation: DeclaredOperation;

  constructor(world: LogWorld) {
    this.#world = world;
    const [operation] = trailOperations();
    assert.ok(operation !== undefined);
    this.#operation = operation;
  }

  async call(wire: Wire = {}, { as = ACCOUNT } = {}): Promise<Answer> {
    const { now, db } = this.#world;
    const principal = rootPrincipal({ accountId: as, accessKeyId: "LTAI5tOne" });
    // All that a lookup looks at.
    const context = {
      principal,
      region: "cn-hangzhou",
      now,
      log: db,
      call: {},
      allowsWork: true,
      stillHolds: () => Promise.resolve(true),
      note() {},
    } as unknown as RequestContext;
    const { result } = await this.#operation.run(context, new Map(Object.entries(wire)), rootOnly);
    return result as Answer;
  }

  async ids(wire: Wire = {}): Promise<string[]> {
    return (await this.call(wire)).Events.map(({ eventId }) => eventId);
  }

  async code(wire: Wire): Promise<string> {
    return this.call(wire).then(
      () => "no error",
      (error: unknown) => {
        assert.ok(error instanceof ApiError, String(error));
        return error.code;
      },
    );
  }
}

function by(...conditions: readonly (readonly [key: string, value: string])[]): Wire {
  return Object.fromEntries(
    conditions.flatMap(([key, value], i) => [
      [`LookupAttribute.${i + 1}.Key`, key],
      [`LookupAttribute.${i + 1}.Value`, value],
    ]),
  );
}

const EVENTS: readonly TestEvent[] = [
  { at: START, eventId: "A", name: "Encrypt", resourceName: "key-1" },
  {
    at: START + 1000,
    eventId: "B",
    name: "DisableKey",
    readWrite: "Write",
    resourceName: "key-1",
    address: "192.0.2.9",
  },
  { at: START + 1000, eventId: "C", name: "TagResources", readWrite: "Write", resourceName: "key-2,key-1" },
  { at: START + 2000, eventId: "D", service: "Actiontrail", name: "LookupEvents", accessKeyId: "LTAI5tTwo" },
  { at: START + 3000, eventId: "E", service: "Cinnabar", name: "CreateAccessKey", type: "AliyunServiceEvent" },
  { at: START + 3000, eventId: "other", account: OTHER_ACCOUNT, name: "Encrypt" },
  { at: START + 3000, eventId: "system", account: "system", name: "OpenShard", service: "Cinnabar" },
];

forEachDatabase((database) => {
  for (const [state, isSealed] of [
    ["as it is written", false],
    ["from the index", true],
  ] as const) {
    test(`finds events by every attribute, ${state}`, async () => {
      await using world = await LogWorld.open(database);
      const lookups = new Lookups(world);
      world.now = START + 10_000;
      await world.append(1, EVENTS.slice(0, 3).map(textOf));
      await world.append(0, EVENTS.slice(3).map(textOf));
      if (isSealed) await world.follower.catchUp();
      const found: Readonly<Record<string, readonly string[]>> = {
        "ServiceName Kms": ["C", "B", "A"],
        "ServiceName kms": [],
        "EventName DisableKey": ["B"],
        "User root": ["E", "D", "C", "B", "A"],
        "EventId C": ["C"],
        "EventId other": [],
        "ResourceType ACS::KMS::Key": ["C", "B", "A"],
        "ResourceName key-1": ["C", "B", "A"],
        "ResourceName key-2": ["C"],
        "ResourceName key-2,key-1": ["C"],
        "ResourceName key": [],
        "EventRW Write": ["C", "B"],
        "EventAccessKeyId LTAI5tTwo": ["D"],
        "SensitiveAction true": ["E", "B"],
        "SensitiveAction false": ["D", "C", "A"],
        "SensitiveAction yes": [],
        "SourceIpAddress 192.0.2.9": ["B"],
        "EventType AliyunServiceEvent": ["E"],
        "RoleName root": [],
      };
      for (const [condition, ids] of Object.entries(found)) {
        const [key = "", ...value] = condition.split(" ");
        assert.deepEqual(await lookups.ids(by([key, value.join(" ")])), ids, condition);
      }
      assert.deepEqual(await lookups.ids(), ["E", "D", "C", "B", "A"]);
      assert.deepEqual(await lookups.ids({ Direction: "FORWARD" }), ["A", "B", "C", "D", "E"]);
      assert.deepEqual(
        (await lookups.call({}, { as: OTHER_ACCOUNT })).Events.map(({ eventId }) => eventId),
        ["other"],
      );
    });
  }

  test("takes two conditions together, of the same key the second, and no third", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    world.now = START + 10_000;
    await world.append(1, EVENTS.map(textOf));
    assert.deepEqual(await lookups.ids(by(["EventRW", "Write"], ["SourceIpAddress", "192.0.2.9"])), ["B"]);
    assert.deepEqual(await lookups.ids(by(["EventRW", "Read"], ["SourceIpAddress", "192.0.2.9"])), []);
    assert.deepEqual(await lookups.ids(by(["EventName", "Encrypt"], ["EventName", "DisableKey"])), ["B"]);
    assert.deepEqual(await lookups.ids(by(["EventRW", "Write"], ["User", "root"], ["EventId", "B"])), ["C", "B"]);
    assert.deepEqual(await lookups.ids(by(["EventRW", "Write"], ["User", "root"], ["NoSuchKey", ""])), ["C", "B"]);
  });

  test("looks at the range that was asked for, both its seconds included, and by default at the last 7 days", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    world.now = START + 10_000;
    await world.append(1, EVENTS.slice(0, 5).map(textOf));
    const range = (from: number, to: number): Wire => ({ StartTime: iso(from), EndTime: iso(to) });
    assert.deepEqual(await lookups.ids(range(START + 1000, START + 2000)), ["D", "C", "B"]);
    assert.deepEqual(await lookups.ids(range(START + 3001, START + DAY_MILLIS)), ["E"], "whole seconds");
    assert.deepEqual(await lookups.ids(range(START + 4000, START + DAY_MILLIS)), []);
    const { StartTime, EndTime } = await lookups.call();
    assert.deepEqual([StartTime, EndTime], [iso(world.now - 7 * DAY_MILLIS), iso(world.now)]);
    world.now = START + 7 * DAY_MILLIS + 1000;
    assert.deepEqual(await lookups.ids(), ["E", "D", "C", "B"]);
  });

  test("an event of a node whose clock is ahead is within the default range", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    const ahead = START + 5_000;
    await world.append(1, [textOf({ at: ahead, eventId: "ahead" })], { time: ahead });
    assert.equal(world.now, START);
    assert.deepEqual(await lookups.ids(), ["ahead"]);
    assert.equal((await lookups.call()).EndTime, iso(ahead));
  });

  test("refuses what is published as an error", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    await world.append(1, EVENTS.map(textOf));
    const [now, day] = [START, DAY_MILLIS];
    const refusals: readonly (readonly [code: string, wire: Wire])[] = [
      ["InvalidParameterCombination", { StartTime: iso(now) }],
      ["InvalidParameterCombination", { EndTime: iso(now) }],
      ["InvalidParameterCombination", { StartTime: iso(now), EndTime: iso(now) }],
      ["InvalidParameterCombination", { StartTime: iso(now), EndTime: iso(now - 1000) }],
      ["InvalidParameterCombination", { StartTime: iso(now - 31 * day), EndTime: iso(now - 1000) }],
      ["no error", { StartTime: iso(now - 30 * day), EndTime: iso(now) }],
      ["InvalidParameterStartTime", { StartTime: iso(now - 90 * day - 1000), EndTime: iso(now - 89 * day) }],
      ["no error", { StartTime: iso(now - 90 * day), EndTime: iso(now - 89 * day) }],
      ["InvalidParameterStartTime", { StartTime: "yesterday", EndTime: iso(now) }],
      ["InvalidParameterEndTime", { StartTime: iso(now), EndTime: "2026-02-30T00:00:00Z" }],
      ["InvalidQueryParameter", { Direction: "backward" }],
      ...["0", "51", "-1", "1.5", "ten", "1e1"].map((MaxResults) => ["InvalidQueryParameter", { MaxResults }] as const),
      ["InvalidQueryParameter", by(["NoSuchKey", "x"])],
      ["InvalidQueryParameter", by(["eventname", "x"])],
      ["InvalidQueryParameter", by(["EventName", ""])],
      ["InvalidQueryParameter", { "LookupAttribute.1.Key": "EventName" }],
      ["InvalidQueryParameter", { "LookupAttribute.1.Value": "Encrypt" }],
      ["InvalidQueryParameter", by(["__proto__", "x"])],
      ["InvalidQueryParameter", { NextToken: "none of ours" }],
    ];
    for (const [code, wire] of refusals) assert.equal(await lookups.code(wire), code, JSON.stringify(wire));
  });

  test("turns pages from where the last one ended, whatever is recorded meanwhile", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    const ids = Array.from({ length: 25 }, (_, i) => `event-${String(i).padStart(2, "0")}`);
    world.now = START + 10_000;
    for (const [i, eventId] of ids.entries())
      await world.append(1 + (i % 3), [textOf({ at: START + i * 100, eventId })]);
    const wanted = await lookups.ids({ MaxResults: "50" });
    assert.deepEqual(wanted.toSorted(), ids);
    for (const Direction of ["BACKWARD", "FORWARD"]) {
      const seen: string[] = [];
      let answer = await lookups.call({ MaxResults: "4", Direction });
      const { StartTime, EndTime } = answer;
      for (let page = 0; ; page++) {
        seen.push(...answer.Events.map(({ eventId }) => eventId));
        assert.deepEqual([answer.StartTime, answer.EndTime], [StartTime, EndTime]);
        if (answer.NextToken === undefined) break;
        world.now += 1_000;
        await world.append(1, [textOf({ at: world.now, eventId: `later-${Direction}-${page}` })]);
        if (page === 1) await world.follower.catchUp();
        answer = await lookups.call({ MaxResults: String(3 + page), Direction, NextToken: answer.NextToken });
      }
      const first = seen.filter((id) => !id.startsWith("later-FORWARD"));
      assert.deepEqual(
        Direction === "BACKWARD" ? seen : first.filter((id) => id.startsWith("event")),
        Direction === "BACKWARD" ? wanted : wanted.toReversed(),
      );
      assert.equal(new Set(seen).size, seen.length, "none comes twice");
    }
  });

  test("a token is only for the query that it came from, and no other text is one", async () => {
    await using world = await LogWorld.open(database);
    const lookups = new Lookups(world);
    for (let i = 0; i < 6; i++) await world.append(1, [textOf({ at: START, name: i < 3 ? "Encrypt" : "Decrypt" })]);
    world.now = START + 10_000;
    const query = { ...by(["EventName", "Encrypt"]), MaxResults: "1" };
    const { NextToken = "", StartTime, EndTime } = await lookups.call(query);
    assert.equal((await lookups.call({ ...query, NextToken })).Events.length, 1);
    assert.equal((await lookups.call({ ...query, NextToken, StartTime, EndTime, MaxResults: "50" })).Events.length, 2);
    const other: readonly Wire[] = [
      { NextToken },
      { ...query, NextToken, Direction: "FORWARD" },
      { ...by(["EventName", "Decrypt"]), NextToken },
      { ...query, NextToken, StartTime: iso(START - DAY_MILLIS), EndTime },
      { ...query, NextToken: `${NextToken}=` },
      { ...query, NextToken: NextToken.slice(0, -1) },
    ];
    for (const wire of other) assert.equal(await lookups.code(wire), "InvalidQueryParameter", JSON.stringify(wire));
    await assert.rejects(lookups.call({ ...query, NextToken }, { as: OTHER_ACCOUNT }), /NextToken/);

    const random = new SeededRandom(7);
    const below = (n: number): number => Math.floor(random.next() * n);
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(NextToken, "base64url");
      bytes[below(bytes.length)] = below(256);
      const mutated = i % 3 === 0 ? randomBytes(i).toString("base64url") : bytes.toString("base64url");
      const code = await lookups.code({ ...query, NextToken: mutated });
      assert.match(code, /^(?:no error|InvalidQueryParameter|InvalidParameterCombination)$/);
    }
    // One that is well made, of the query, and of places that are nowhere.
    const { 7: digest = "" } = JSON.parse(Buffer.from(NextToken, "base64url").toString()) as string[];
    const [from, to] = [Math.floor(START / 1000) - 10, Math.floor(START / 1000) + 10];
    for (const after of [
      { seconds: 0, shard: -1, seq: 0, index: 0 },
      {
        seconds: 253_402_300_800,
        shard: Number.MAX_SAFE_INTEGER,
        seq: Number.MAX_SAFE_INTEGER,
        index: Number.MAX_SAFE_INTEGER,
      },
    ]) {
      assert.equal(
        await lookups.code({ ...query, NextToken: encodeNextToken({ from, to, after, digest }) }),
        "no error",
      );
    }
    const wide = encodeNextToken({ from: 0, to, after: { seconds: to, shard: 0, seq: 0, index: 0 }, digest });
    assert.equal(await lookups.code({ ...query, NextToken: wide }), "InvalidParameterCombination");
  });
});
