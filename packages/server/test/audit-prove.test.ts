import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  formatTlogProof,
  inclusionProof,
  leafHash,
  leafHashReader,
  NoteSigner,
  parseTlogProof,
  signCheckpoint,
  treeRoot,
} from "@cinnabar/merkle-log";
import { ExportedLogs, exportAudit, proveEvent, verifyEventProof } from "../src/audit/index.ts";
import { readEventFacts } from "../src/audit/event-facts.ts";
import type { LogSource } from "../src/audit/log-source.ts";
import { OperatorError } from "../src/operator-error.ts";
import { ORIGIN, writeRichLogs } from "./support/audit-fixture.ts";
import { withRig } from "./support/audit-rig.ts";

async function eventsOf(source: LogSource): Promise<{ log: number; event: string; eventId: string }[]> {
  const events = [];
  for (const log of (await source.list()).shards) {
    for await (const item of source.read(log)) {
      if (item.kind === "damage") continue;
      for (const event of item.events ?? []) {
        events.push({ log, event, eventId: readEventFacts(event)?.eventId ?? assert.fail() });
      }
    }
  }
  return events;
}

test("proves every event of every log, from the database and from exported files alike", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    await exportAudit({ source, directory });
    const exported = new ExportedLogs(directory);
    const events = await eventsOf(source);
    assert.equal(events.length, 56);
    const places = new Set<string>();
    for (const { log, event, eventId } of events) {
      const text = await proveEvent({ source, verifierKey, wanted: { eventId } });
      assert.equal(await proveEvent({ source: exported, verifierKey, wanted: { eventId } }), text);
      const proven = verifyEventProof(text, verifierKey);
      assert.deepEqual([proven.eventId, proven.event], [eventId, event]);
      assert.equal(proven.log, log === 0 ? "control" : `shard-${log}`);
      assert.equal(proven.size, fixture.log(log).frontier.size);
      places.add(`${proven.log} ${proven.index}`);
    }
    assert.equal(places.size, events.length);
  }));

test("takes an id in lower case, and one that other events mention, for the event's own", () =>
  withRig(async ({ fixture, source }) => {
    fixture.openShard(1);
    const event = fixture.callEvent("Encrypt");
    const { eventId } = readEventFacts(event) ?? assert.fail();
    fixture.append(1, [fixture.systemEvent("CorrectAnswers", { answered: 503, eventIds: [eventId] }), event]);
    fixture.checkpoint();
    const text = await proveEvent({
      source,
      verifierKey: fixture.verifierKey,
      wanted: { eventId: eventId.toLowerCase() },
    });
    assert.deepEqual(verifyEventProof(text, fixture.verifierKey), {
      log: "shard-1",
      index: 1,
      size: 3,
      eventId,
      event,
    });
  }));

test("says of an event that it is unknown, not signed yet, or in a log that contradicts its checkpoint", () =>
  withRig(async ({ fixture, source }) => {
    const { verifierKey } = fixture;
    fixture.openShard(1);
    fixture.calls(1, 2);
    const prove = async (position: number) => {
      const { eventId } = (await eventsOf(source)).filter(({ log }) => log === 1)[position] ?? assert.fail();
      return proveEvent({ source, verifierKey, wanted: { eventId } });
    };
    await assert.rejects(
      proveEvent({ source, verifierKey, wanted: { eventId: "none" } }),
      /^OperatorError: No event NONE/,
    );
    await assert.rejects(prove(0), /leaf 0 of shard-1, which no signed checkpoint covers yet/);
    fixture.checkpoint();
    fixture.calls(1, 1);
    assert.ok(await prove(1));
    await assert.rejects(prove(2), /leaf 3 of shard-1, which no signed checkpoint covers yet/);

    const changes = [
      ["UPDATE audit_batch SET leaves = zeroblob(96) WHERE shard = 1 AND seq = 1", /leads to another root/],
      ["UPDATE audit_batch SET leaves = x'' WHERE shard = 1 AND seq = 1", /there are no 3 leaves/],
      ["UPDATE checkpoint SET note = replace(note, '3', '4') WHERE shard = 1", /contradicts its checkpoint/],
      ["UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE shard = 0) WHERE shard = 1", /control, not of/],
    ] as const;
    for (const [change, complaint] of changes) {
      fixture.database.exec("BEGIN");
      fixture.database.exec(change);
      await assert.rejects(
        prove(0),
        (error) => error instanceof OperatorError && complaint.test(error.message),
        change,
      );
      fixture.database.exec("ROLLBACK");
    }
  }));

test("finds any one character of a proof changed, added or left out", () =>
  withRig(async ({ fixture, source }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    const { eventId } = (await eventsOf(source)).at(-1) ?? assert.fail();
    const text = await proveEvent({ source, verifierKey, wanted: { eventId } });
    for (let position = 0; position < text.length; position++) {
      const before = text.slice(0, position);
      const after = text.slice(position + 1);
      const next = String.fromCodePoint(text.charCodeAt(position) + 1);
      for (const changed of [`${before}${next}${after}`, `${before}${after}`, `${before}A${text.slice(position)}`]) {
        if (changed === text) continue;
        assert.throws(() => verifyEventProof(changed, verifierKey), OperatorError, changed);
      }
    }
  }));

test("refuses what is proven by another key, of another log, or is no event", () =>
  withRig(async ({ fixture, source }) => {
    writeRichLogs(fixture);
    const { verifierKey, signer } = fixture;
    const { eventId, event } = (await eventsOf(source))[0] ?? assert.fail();
    const text = await proveEvent({ source, verifierKey, wanted: { eventId } });
    const other = new NoteSigner({ name: ORIGIN, key: generateKeyPairSync("ed25519").privateKey });
    assert.throws(
      () => verifyEventProof(text, other.verifierKey),
      /The proof does not hold: the note has no signature/,
    );

    const proof = parseTlogProof(text);
    const { extra: _, ...bare } = proof;
    assert.throws(() => verifyEventProof(formatTlogProof(bare), verifierKey), /its extra data is not an event/);

    const prove = async (entry: string, origin: string) => {
      const leaves = [leafHash(entry), leafHash("")];
      return formatTlogProof({
        index: 0,
        hashes: await inclusionProof(leafHashReader(leaves), { index: 0, size: 2 }),
        checkpoint: signCheckpoint({ origin, size: 2, root: treeRoot(leaves) }, signer),
        extra: Buffer.from(entry),
      });
    };
    assert.ok(verifyEventProof(await prove(event, `${ORIGIN}/shard/9`), verifierKey));
    assert.throws(() => verifyEventProof("", verifierKey), /this is not a proof/);
    for (const origin of [ORIGIN, "control", `${ORIGIN}/shard/0`, `${ORIGIN}/shard/x`]) {
      const foreign = await prove(event, origin);
      assert.throws(() => verifyEventProof(foreign, verifierKey), /is not a log of/);
    }
    for (const entry of ["{}", "cinnabar/batch/v1\n", `${event} `, "\ufffe"]) {
      const odd = await prove(entry, `${ORIGIN}/control`);
      assert.throws(() => verifyEventProof(odd, verifierKey), /its extra data is not an event/);
    }
  }));
