import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { batchHeader, droppedEvents, openEvents, openRetentionRecord } from "@cinnabar/kernel";
import { Frontier, leafHash, NoteVerifier } from "@cinnabar/merkle-log";
import { formatCheckpointBundle, parseCheckpointBundle } from "../src/audit/index.ts";
import { parseBatchHeader } from "../src/audit/batch-header.ts";
import { openLogCheckpoint } from "../src/audit/checkpoint-bundle.ts";
import { formatCheckpointLine, parseCheckpointLines } from "../src/audit/checkpoint-line.ts";
import { readEventFacts } from "../src/audit/event-facts.ts";

const specification = readFileSync(new URL("../../../docs/formats/audit-log.md", import.meta.url), "utf8");

function block(name: string): string {
  const content = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\`$`, "ms").exec(specification)?.[1];
  assert.ok(content, `the specification has a block "${name}"`);
  return content;
}

function lines(name: string): string[] {
  return block(name).trimEnd().split("\n");
}

function bytes(name: string): Buffer {
  return Buffer.from(lines(name).join(""), "hex");
}

const before = Frontier.decode(bytes("frontier-before"));
const events = lines("events");

test("the documented column holds the documented events, which are canonical", () => {
  assert.deepEqual(openEvents({ events: bytes("stored-events"), eventCount: 2 }), events);
  assert.deepEqual(
    events.map((event) => readEventFacts(event)?.epoch),
    [7, 7],
  );
  assert.deepEqual(
    events.map((event) => readEventFacts(event)?.systemEvent),
    ["MarkCrash", undefined],
  );
});

test("the documented header binds the documented columns", () => {
  const place = parseBatchHeader(Buffer.from(block("header")));
  assert.deepEqual(place, {
    shard: 1,
    seq: 2,
    incarnation: "101112131415161718191a1b1c1d1e1f",
    firstIndex: before.size,
    eventCount: events.length,
    epoch: 7,
    time: 1767323045678,
  });
  const row = { ...place, incarnation: Buffer.from(place.incarnation, "hex"), sum: Buffer.alloc(112, 0x5a) };
  assert.equal(batchHeader(row, bytes("stored-events")).toString(), block("header"));
});

test("the documented column of dropped events makes the documented header", () => {
  assert.deepEqual(droppedEvents(bytes("stored-events")), bytes("dropped-events"));
  assert.equal(openEvents({ events: bytes("dropped-events"), eventCount: 2 }), undefined);
  const place = parseBatchHeader(Buffer.from(block("header"))) ?? assert.fail();
  const row = { ...place, incarnation: Buffer.from(place.incarnation, "hex"), sum: Buffer.alloc(112, 0x5a) };
  assert.equal(batchHeader(row, bytes("dropped-events")).toString(), block("header"));
});

test("the documented leaves and frontier follow from the documented entries", () => {
  const leaves = [...events, block("header")].map((entry) => leafHash(Buffer.from(entry)));
  assert.deepEqual(
    leaves.map((leaf) => leaf.toString("hex")),
    lines("leaves"),
  );
  assert.deepEqual(before.append(leaves).encode(), bytes("frontier"));
});

test("the documented record of retention opens, and names the documented batch", () => {
  const { rule, time, epoch, logs } = openRetentionRecord(
    block("record"),
    NoteVerifier.parse(block("verifier-key").trimEnd()),
  );
  const place = parseBatchHeader(Buffer.from(block("header"))) ?? assert.fail();
  assert.deepEqual(rule, { rule: "age", keepSeconds: 90 * 86_400 });
  assert.equal(time, place.time + 91 * 86_400_000);
  assert.equal(epoch, 9);
  const headers = hash("sha256", leafHash(Buffer.from(block("header"))), "base64");
  assert.deepEqual(logs, [{ shard: 1, events: 2, headers, ranges: [[2, 2]] }]);
});

test("the documented bundle is read and written, and its checkpoints vouch for the documented frontiers", () => {
  const checkpoints = parseCheckpointBundle(block("bundle"));
  assert.equal(formatCheckpointBundle(checkpoints), block("bundle"));
  const verifier = NoteVerifier.parse(block("verifier-key").trimEnd());
  for (const [index, frontier] of [before, Frontier.decode(bytes("frontier"))].entries()) {
    const { size, root } = openLogCheckpoint(checkpoints[index]!, verifier);
    assert.deepEqual([checkpoints[index]?.shard, size, root], [index, frontier.size, frontier.root()]);
  }
});

test("the documented line is that of the documented bundle's second checkpoint", () => {
  const [, second] = parseCheckpointBundle(block("bundle"));
  assert.equal(`${formatCheckpointLine(second?.note ?? assert.fail())}\n`, block("delivered"));
  assert.deepEqual(parseCheckpointLines(block("delivered"), "kms.example/audit"), [second]);
});
