import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type BatchRow, sealBatch } from "@cinnabar/kernel";
import { Frontier } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import { TwoAccounts } from "./support/two-accounts.ts";

/** Most bytes of the audit log for one call, at the load that `npm run bench` measures on the disk. */
const MAX_EVENT_BYTES = 400;
/** Events of a batch where 64 callers wait for their answers. */
const BATCH_EVENTS = 32;
/** Of logs up to a million times a batch, one of this many leaves has the longest frontier: a hash for each of 25 bits. */
const WIDEST_LOG = 2 ** 25 - 1;

forEachDatabase((database) => {
  // What is measured is the same on both.
  if (database.name !== "sqlite") return;

  test(`an Encrypt takes at most ${MAX_EVENT_BYTES} bytes of the audit log, in a batch of ${BATCH_EVENTS}`, async () => {
    await using accounts = await TwoAccounts.start(database);
    const { KeyMetadata } = await accounts.one.call<{ KeyMetadata: { KeyId: string } }>("CreateKey");
    const encrypt = () => accounts.one.call("Encrypt", { KeyId: KeyMetadata.KeyId, Plaintext: "text" });
    await Promise.all(Array.from({ length: BATCH_EVENTS }, encrypt));
    const events = (await accounts.readEvents()).map(({ text }) => text).filter((text) => text.includes('"Encrypt"'));
    assert.equal(events.length, BATCH_EVENTS);

    const identity = { shard: 1, seq: 1_000_000, incarnation: randomBytes(16), epoch: 1_000, time: Date.now() };
    const frontier = frontierBefore(WIDEST_LOG - BATCH_EVENTS - 1);
    const { row } = sealBatch({ ...identity, sum: randomBytes(112) }, { frontier, events });
    const bytes = rowBytes(row) / BATCH_EVENTS;
    assert.ok(bytes <= MAX_EVENT_BYTES, `${bytes} bytes`);
    assert.ok(bytes > 100, "an event has at least its leaf, and what no compression takes away");
  });
});

/** A frontier of that many leaves; which ones makes no difference to its length. */
function frontierBefore(size: number): Frontier {
  const hashes = size.toString(2).replaceAll("0", "").length;
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(size));
  return Frontier.decode(Buffer.concat([length, randomBytes(32 * hashes)]));
}

/** What a row takes, its integers as eight bytes each. */
function rowBytes(row: BatchRow): number {
  const values: readonly (number | Uint8Array)[] = Object.values(row);
  return values.reduce<number>((sum, value) => sum + (typeof value === "number" ? 8 : value.length), 0);
}
