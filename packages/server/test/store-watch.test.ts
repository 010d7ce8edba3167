import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { createLogger, Metrics, TamperedRowError } from "@cinnabar/kernel";
import { StoreWatch } from "../src/store-watch.ts";

test("each thing that was tampered with has a line of its own, and a storm of one hides no other", () => {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  using metrics = new Metrics({ now: Date.now });
  const watch = new StoreWatch({
    metrics,
    log: createLogger({ level: "info", destination, now: Date.now }),
    fatal: () => assert.fail("nothing here is fatal"),
    deliver: () => undefined,
    written: () => undefined,
  });
  const about = (text: string) =>
    lines.filter((line) => /"alarm":"tampered-row"/.test(line) && line.includes(text)).length;
  for (let i = 0; i < 100; i++) watch.tampered(new TamperedRowError("shard", "an old tag"));
  watch.tampered(new TamperedRowError("kms_key", "a row does not carry its MAC"));
  watch.unavailable(new TamperedRowError("shard", "another tag"));
  assert.deepEqual([about("kms_key: a row"), about("shard: another tag"), metrics.tamperedRows.value], [1, 1, 102]);
  assert.ok(about("shard: an old tag") < 100);
  for (let i = 0; i < 10_000; i++) watch.tampered(new TamperedRowError("kms_key", `row ${i}`));
  assert.ok(lines.length < 5_000, "lines, and what is kept of them, are bounded");
});

test("the store counts as unreachable from the first silence to the next answer, and a storm of them logs one line", () => {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  using metrics = new Metrics({ now: Date.now });
  const log = createLogger({ level: "info", destination, now: Date.now });
  const delivered: unknown[] = [];
  const watch = new StoreWatch({
    metrics,
    log,
    fatal: () => assert.fail("nothing here is fatal"),
    deliver: (checkpoints) => delivered.push(...checkpoints),
    written: ({ seq }) => delivered.push(seq),
  });
  assert.equal(watch.isReachable, true);

  for (let i = 0; i < 100; i++) watch.unavailable(new Error("no route to host"));
  assert.equal(watch.isReachable, false);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"alarm":"log-unavailable"/);

  const checkpoint = { shard: 1, note: "note" };
  watch.checkpointed([checkpoint]);
  assert.deepEqual([metrics.checkpoints.value, delivered], [1, [checkpoint]]);
  assert.equal(watch.isReachable, true);
  watch.unavailable(new Error("no route to host"));
  watch.committed({ shard: 1, seq: 7, leaves: 2, events: [{ text: "{}" }] }, { millis: 2, submissions: [] });
  assert.equal(watch.isReachable, true);
  assert.equal(delivered.at(-1), 7);
});
