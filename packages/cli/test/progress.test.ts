import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../src/progress.ts";
import { formatAmount } from "../src/quantity.ts";
import { MemoryIo } from "./memory-io.ts";

const CLEAR = "\r\u001b[K";

test("a terminal shows how far a task is, how fast and for how long", () => {
  const io = new MemoryIo({ terminal: true });
  let now = 1000;
  {
    using progress = new Progress(io, { label: "Encrypting", unit: "bytes", total: 4 * 1024 * 1024 }, () => now);
    now += 500;
    progress.advance(1024 * 1024);
    now += 99;
    progress.advance(1024);
    now += 1;
    progress.advance(1023 * 1024);
    now += 62_400;
    progress.advance(1);
  }
  assert.deepEqual(io.stderr.text.split(CLEAR), [
    "",
    "Encrypting  █████░░░░░░░░░░░░░░░  25 %  1.0 MiB of 4.0 MiB  2.0 MiB/s  2 s left",
    "Encrypting  ██████████░░░░░░░░░░  50 %  2.0 MiB of 4.0 MiB  3.3 MiB/s  1 s left",
    "Encrypting  ██████████░░░░░░░░░░  50 %  2.0 MiB of 4.0 MiB  32.5 KiB/s  1 min 3 s left",
    "",
  ]);
});

test("a task of unknown length, or longer than foretold, shows no bar", () => {
  const io = new MemoryIo({ terminal: true });
  let now = 0;
  for (const task of [
    { label: "Reading", unit: "events" as const },
    { label: "Reading", unit: "events" as const, total: 10 },
  ]) {
    using progress = new Progress(io, task, () => now);
    now += 1000;
    progress.advance(12_345);
  }
  const line = "Reading  12,345 events  12,345 events/s";
  assert.equal(io.stderr.text, CLEAR + line + CLEAR + CLEAR + line + CLEAR);
});

test("nothing is shown of a short task, nor where there is no terminal", () => {
  const [terminal, file] = [new MemoryIo({ terminal: true }), new MemoryIo()];
  for (const [io, millis] of [
    [terminal, 50],
    [file, 5000],
  ] as const) {
    let now = 0;
    using progress = new Progress(io, { label: "Encrypting", unit: "bytes" }, () => now);
    now += millis;
    progress.advance(100);
  }
  assert.equal(terminal.stderr.text + file.stderr.text, "");
});

test("amounts are rounded for people", () => {
  assert.equal(formatAmount(0, "bytes"), "0 bytes");
  assert.equal(formatAmount(1, "leaves"), "1 leaf");
  assert.equal(formatAmount(1023, "bytes"), "1,023 bytes");
  assert.equal(formatAmount(1024, "bytes"), "1.0 KiB");
  assert.equal(formatAmount(1.5 * 1024 ** 3, "bytes"), "1.5 GiB");
  assert.equal(formatAmount(5000 * 1024 ** 4, "bytes"), "5000.0 TiB");
});
