import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import { MerkleError, NoteSigner, NoteVerifier, openCheckpoint } from "@cinnabar/merkle-log";
import * as fc from "fast-check";
import {
  type DroppedPart,
  openRetentionRecord,
  type RetentionRecord,
  RetentionRecordError,
  signRetentionRecord,
} from "../src/audit/retention-record.ts";
import { encodeSystemEvent } from "../src/audit/system-event.ts";

const signer = new NoteSigner({ name: "kms.example/audit", key: generateKeyPairSync("ed25519").privateKey });
const verifier = NoteVerifier.parse(signer.verifierKey);

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const ranges = fc
  .uniqueArray(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 20 })
  .map((seqs) => seqs.toSorted((a, b) => a - b).map((seq) => [3 * seq + 1, 3 * seq + 1 + (seq % 2)] as const));
const records: fc.Arbitrary<RetentionRecord> = fc.record(
  {
    rule: fc.oneof(
      count.map((keepSeconds) => ({ rule: "age", keepSeconds }) as const),
      count.map((maxBytes) => ({ rule: "size", maxBytes }) as const),
    ),
    time: count,
    epoch: count,
    logs: fc.array(
      fc.record(
        {
          shard: count,
          events: count,
          headers: fc
            .uint8Array({ minLength: 32, maxLength: 32 })
            .map((digest) => Buffer.from(digest).toString("base64")),
          ranges,
        },
        { noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 5 },
    ),
  },
  { noNullPrototype: true },
);

test("a record gives back what was signed, and is no checkpoint", () => {
  fc.assert(
    fc.property(records, (record) => {
      const note = signRetentionRecord(record, signer);
      assert.deepEqual(openRetentionRecord(note, verifier), record);
      assert.throws(() => openCheckpoint(note, verifier), MerkleError);
    }),
  );
});

test("no other text opens, though the key has signed it", () => {
  const record: RetentionRecord = {
    rule: { rule: "age", keepSeconds: 60 },
    time: 1_000_000,
    epoch: 7,
    logs: [
      {
        shard: 1,
        events: 4,
        headers: Buffer.alloc(32).toString("base64"),
        ranges: [
          [2, 4],
          [6, 6],
        ],
      },
    ],
  };
  const text = verifier.verify(signRetentionRecord(record, signer));
  const others = [
    text.replace("/retention", "/control"),
    text.replace("/v1", "/v2"),
    text.replace("age 60", "age 060"),
    text.replace("age", "agE"),
    text.replace("epoch 7", "epoch -7"),
    text.replace("2-4,6", "2-4,5"),
    text.replace("2-4,6", "6,2-4"),
    text.replace("2-4,6", "4-2,6"),
    text.replace("2-4,6", "2-4,6-6"),
    text.replace("2-4,6", "0-4,6"),
    text.replace("2-4,6", ""),
    text.replace(/log .*\n/, ""),
    `${text}more\n`,
    "kms.example/audit/control\n5\nLZ67tXVs7u4QhZJFxTi1MQJ3eVSt8h4gtAgTtjkUyGA=\n",
  ];
  for (const other of others) {
    assert.notEqual(other, text);
    assert.throws(() => openRetentionRecord(signer.sign(other), verifier), RetentionRecordError, other);
  }
  const stranger = new NoteSigner({ name: signer.name, key: generateKeyPairSync("ed25519").privateKey });
  assert.throws(() => openRetentionRecord(signRetentionRecord(record, stranger), verifier), MerkleError);
});

test("the largest record fits into the largest event", () => {
  const top = Number.MAX_SAFE_INTEGER;
  // 2,048 batches of 64 logs, no two of which follow one another.
  const logs = Array.from({ length: 64 }, (_, log): DroppedPart => ({
    shard: top - log,
    events: 1_000_000,
    headers: randomBytes(32).toString("base64"),
    ranges: Array.from({ length: 32 }, (_, index) => [top - 100 + 3 * index, top - 100 + 3 * index] as const),
  }));
  const rule = { rule: "age", keepSeconds: top } as const;
  const record = signRetentionRecord({ rule, time: top, epoch: top, logs }, signer);
  assert.deepEqual(openRetentionRecord(record, verifier).logs, logs);
  const data = { ...rule, events: top, bytes: top, record };
  const about = { name: "DropEventBodies", region: "ap-southeast-3", eventId: "", time: 0, epoch: top, data } as const;
  assert.ok(Buffer.byteLength(encodeSystemEvent(about)) < 60_000);
});
