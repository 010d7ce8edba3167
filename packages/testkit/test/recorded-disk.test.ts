import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { RecordedDisk } from "../src/crash/recorded-disk.ts";
import { readTrace } from "../src/crash/syscall-trace.ts";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";

const OPEN = `1 openat(AT_FDCWD<${hex("/")}>, "${hex("/d/f")}", O_RDWR|O_CREAT, 0600) = 5<${hex("/d/f")}>`;
const SYNC = `1 fsync(5<${hex("/d/f")}>) = 0`;
const SYNC_DIRECTORY = `1 fsync(6<${hex("/d")}>)     = 0`;

test("a file is surely on disk once it and its name were synced", async () => {
  assert.equal(await surely([OPEN, write("ab", 0), SYNC]), undefined);
  assert.equal(await surely([OPEN, write("ab", 0), SYNC_DIRECTORY]), "");
  assert.equal(await surely([OPEN, write("ab", 0), SYNC, SYNC_DIRECTORY]), "ab");
  assert.equal(await surely([OPEN, write("ab", 0), SYNC, SYNC_DIRECTORY, write("c", 1)]), "ab");
});

test("a sync covers what was written before it began, from its end on", async () => {
  const begins = `2 fdatasync(5<${hex("/d/f")}> <unfinished ...>`;
  const ends = "2 <... fdatasync resumed>) = 0";
  const start = [OPEN, SYNC_DIRECTORY, write("ab", 0), begins, write("c", 2)];
  assert.equal(await surely(start), "");
  assert.equal(await surely([...start, ends]), "ab");
  assert.equal(await surely([...start, ends, SYNC]), "abc");
});

test("a sync that failed and a write that is under way count for nothing", async () => {
  const failed = `1 fsync(5<${hex("/d/f")}>) = -1 EIO (Input/output error)`;
  const underWay = `2 pwrite64(5<${hex("/d/f")}>, "${hex("c")}", 1, 2 <unfinished ...>`;
  assert.equal(await surely([OPEN, SYNC_DIRECTORY, write("ab", 0), failed]), "");
  assert.equal(await surely([OPEN, SYNC_DIRECTORY, write("ab", 0), underWay, SYNC]), "ab");
});

test("a new name, and the loss of one, need the directory's sync", async () => {
  const renamed = `1 rename("${hex("/d/f")}", "${hex("/d/g")}") = 0`;
  const start = [OPEN, write("ab", 0), SYNC, SYNC_DIRECTORY, renamed];
  assert.equal(await surely(start), "ab");
  assert.equal(await surely(start, "g"), undefined);
  assert.equal(await surely([...start, SYNC_DIRECTORY]), undefined);
  assert.equal(await surely([...start, SYNC_DIRECTORY], "g"), "ab");
});

test("what the disk cannot follow is an error", async () => {
  await assert.rejects(surely([OPEN, `1 fallocate(5<${hex("/d/f")}>, 0, 0, 10) = 0`]), /fallocate/);
});

/** What of a file in /d is surely on disk after these lines of a trace. */
async function surely(lines: readonly string[], name = "f"): Promise<string | undefined> {
  await using directory = await temporaryDirectory();
  const trace = join(directory.path, "trace");
  await writeFile(trace, `${lines.join("\n")}\n`);
  const disk = new RecordedDisk("/d");
  for await (const step of readTrace(trace)) disk.follow(step);
  return disk.surelyHas(name)?.toString();
}

function write(text: string, offset: number): string {
  return `1 pwrite64(5<${hex("/d/f")}>, "${hex(text)}", ${text.length}, ${offset}) = ${text.length}`;
}

function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
