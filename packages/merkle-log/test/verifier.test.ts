import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  EMPTY_ROOT,
  Frontier,
  leafHash,
  LogVerifier,
  type StoredEntry,
  type TreeHead,
  treeRoot,
  verifyLog,
} from "../src/index.ts";

const entries = Array.from({ length: 3000 }, (_, index) => Buffer.from(`event ${index}`));
const hashes = entries.map(leafHash);
const stored: StoredEntry[] = entries.map((entry) => ({ entry }));

function head(size: number): TreeHead {
  return { size, root: treeRoot(hashes.slice(0, size)) };
}

async function* stream<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function kinds(report: { findings: readonly { kind: string; position: number }[] }): string[] {
  return report.findings.map(({ kind, position }) => `${kind} ${position}`);
}

test("finds nothing in a sound log, from bytes, from leaf hashes, or from both", async () => {
  const checkpoints = [3000, 0, 1, 1023, 1024, 1025, 2048].map(head);
  const sources: StoredEntry[][] = [
    stored,
    hashes.map((leafHash) => ({ leafHash })),
    entries.map((entry, index) => ({ entry, leafHash: hashes[index] })),
    entries.map((entry, index) => (index < 1500 ? { leafHash: hashes[index]! } : { entry })),
  ];
  for (const source of sources) {
    const report = await verifyLog({ entries: stream(source), checkpoints });
    const { size, root } = head(3000);
    assert.deepEqual(report, { size, root, verifiedSize: 3000, findings: [], omittedFindings: 0 });
  }
});

test("says how far the checkpoints vouch for the log", async () => {
  const report = await verifyLog({ entries: stored, checkpoints: [head(10), head(2000)] });
  assert.equal(report.verifiedSize, 2000);
  assert.equal(report.size, 3000);
});

test("accepts the empty log and compares it too", async () => {
  assert.deepEqual((await verifyLog({ entries: [], checkpoints: [head(0)] })).findings, []);
  const report = await verifyLog({ entries: [], checkpoints: [{ size: 0, root: hashes[0]! }] });
  assert.deepEqual(kinds(report), ["root-mismatch 0"]);
});

test("locates a changed entry between the last right and the first wrong head", async () => {
  const changed = stored.with(1500, { entry: Buffer.from("forged") });
  const report = await verifyLog({ entries: changed, checkpoints: [head(1000), head(1500), head(1501), head(3000)] });
  assert.deepEqual(kinds(report), ["root-mismatch 1501", "root-mismatch 3000"]);
  assert.equal(report.verifiedSize, 1500);
});

test("points at an entry that does not match its stored leaf hash", async () => {
  const changed = entries.map((entry, index) => ({
    entry: index === 7 ? Buffer.from("forged") : entry,
    leafHash: hashes[index],
  }));
  const report = await verifyLog({ entries: changed, checkpoints: [head(3000)] });
  assert.deepEqual(kinds(report), ["leaf-mismatch 7", "root-mismatch 3000"]);
});

test("points at a stored leaf hash that is none, with the entry or without it", async () => {
  const short = hashes[7]!.subarray(1);
  const withEntry = await verifyLog({
    entries: stored.with(7, { entry: entries[7]!, leafHash: short }),
    checkpoints: [head(3000)],
  });
  assert.deepEqual(kinds(withEntry), ["malformed-leaf-hash 7"]);
  const without = await verifyLog({ entries: stored.with(7, { leafHash: short }), checkpoints: [head(3000)] });
  assert.deepEqual(kinds(without), ["malformed-leaf-hash 7", "root-mismatch 3000"]);
});

test("finds a log that ends before a checkpoint", async () => {
  const report = await verifyLog({ entries: stored.slice(0, 2999), checkpoints: [head(2000), head(3000)] });
  assert.deepEqual(kinds(report), ["truncated 2999"]);
  assert.equal(report.verifiedSize, 2000);
});

test("finds one of two checkpoints that contradict each other", async () => {
  const report = await verifyLog({ entries: stored, checkpoints: [head(50), { size: 50, root: EMPTY_ROOT }] });
  assert.deepEqual(kinds(report), ["root-mismatch 50"]);
});

test("checks heads that stand in the log, and lets them vouch for nothing", () => {
  const verifier = new LogVerifier([head(2)]);
  for (const entry of stored.slice(0, 4)) verifier.add(entry);
  verifier.expectHead(head(4));
  verifier.expectHead(head(3));
  verifier.expectHead({ size: 4, root: EMPTY_ROOT });
  const report = verifier.finish();
  assert.deepEqual(kinds(report), ["misplaced-head 4", "root-mismatch 4"]);
  assert.equal(report.verifiedSize, 2);
});

test("keeps the first thousand findings and counts the others", async () => {
  const wrong = entries.map((entry) => ({ entry, leafHash: EMPTY_ROOT }));
  const report = await verifyLog({ entries: wrong, checkpoints: [head(3000)] });
  assert.equal(report.findings.length, 1000);
  assert.equal(report.omittedFindings, 2000);
});

test("passes on what the source throws", async () => {
  async function* broken(): AsyncGenerator<StoredEntry> {
    yield stored[0]!;
    throw new Error("unreadable");
  }
  await assert.rejects(verifyLog({ entries: broken(), checkpoints: [] }), /unreadable/);
});

test("finds every single change, drop, insertion, exchange and truncation under a checkpoint", async () => {
  const size = 200;
  const checkpoints = [head(size)];
  const sound = entries.slice(0, size);
  const mutations = fc.tuple(fc.constantFrom("change", "drop", "insert", "exchange", "truncate"), fc.nat(size - 2));
  await fc.assert(
    fc.asyncProperty(mutations, async ([mutation, at]) => {
      const mutated = {
        change: () => sound.with(at, Buffer.concat([sound[at]!, Buffer.of(0)])),
        drop: () => sound.toSpliced(at, 1),
        insert: () => sound.toSpliced(at, 0, sound[at]!),
        exchange: () => sound.with(at, sound[at + 1]!).with(at + 1, sound[at]!),
        truncate: () => sound.slice(0, at),
      }[mutation]();
      const report = await verifyLog({ entries: mutated.map((entry) => ({ entry })), checkpoints });
      assert.notDeepEqual(report.findings, []);
    }),
    { numRuns: 300 },
  );
});

test("compares with encoded frontiers as with heads", () => {
  const encoded = (size: number) => Frontier.empty().append(hashes.slice(0, size)).encode();
  const verifier = new LogVerifier();
  for (const [index, entry] of stored.slice(0, 600).entries()) {
    verifier.add(entry);
    verifier.expectFrontier(encoded(index + 1));
  }
  assert.equal(verifier.isSound, true);
  const changed = encoded(600);
  changed[20]! ^= 1;
  verifier.expectFrontier(changed);
  verifier.expectFrontier(encoded(599));
  assert.equal(verifier.isSound, false);
  assert.throws(() => verifier.expectFrontier(changed.subarray(1)), { code: "malformed-frontier" });
  const { findings } = verifier.finish();
  assert.deepEqual(kinds({ findings }), ["root-mismatch 600", "misplaced-head 600"]);
  assert.match(findings[0]!.detail, /the last head that agrees is of 600 entries$/);
});

test("a log verified in parts comes to the same as in one go, wherever it is divided", () => {
  const cut = (size: number) => Frontier.empty().append(hashes.slice(0, size));
  const sizes = [0, 1, 50, 64, 65, 100, 200];
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), fc.subarray(sizes), (a, b, marks) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const checkpoints = marks.map(head);
      const part = new LogVerifier(checkpoints, cut(from));
      for (const entry of stored.slice(from, to)) part.add(entry);
      assert.equal(part.isSound, true);

      const whole = new LogVerifier(checkpoints);
      for (const entry of stored.slice(0, from)) whole.add(entry);
      assert.deepEqual(whole.frontier.encode(), cut(from).encode());
      whole.skip({ end: part.frontier, verifiedSize: part.verifiedSize });
      for (const entry of stored.slice(to, 200)) whole.add(entry);
      assert.deepEqual(whole.finish(), {
        size: 200,
        root: head(200).root,
        verifiedSize: Math.max(0, ...marks),
        findings: [],
        omittedFindings: 0,
      });
    }),
  );
});

test("a part that does not continue what stands before it ends with another frontier", () => {
  const wrong = new LogVerifier([head(100)], Frontier.empty().append(hashes.slice(1, 51)));
  for (const entry of stored.slice(50, 100)) wrong.add(entry);
  assert.equal(wrong.isSound, false);
  assert.equal(wrong.verifiedSize, 0);
});
