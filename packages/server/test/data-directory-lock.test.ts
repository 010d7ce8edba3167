import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { DataDirectoryLock } from "../src/data-directory/index.ts";
import { OperatorError } from "../src/operator-error.ts";

const NOW = Date.UTC(2030, 0, 2, 3, 4, 5);

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-lock-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function refusedBecause(pattern: RegExp) {
  return (error: unknown) => error instanceof OperatorError && pattern.test(error.message);
}

/** Another process that holds the lock until it is killed. */
async function holdElsewhere(directory: string) {
  const source = `
    import { DataDirectoryLock } from ${JSON.stringify(new URL("../src/data-directory/index.ts", import.meta.url).href)};
    globalThis.lock = await DataDirectoryLock.take(${JSON.stringify(directory)}, { listen: "127.0.0.1:7777", now: ${NOW} });
    process.stdout.write("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

test("refuses a second lock and says who holds the first", async () => {
  await using directory = await temporaryDirectory();
  await using first = await DataDirectoryLock.take(directory.path, { listen: "127.0.0.1:0", now: NOW });
  const again = () => DataDirectoryLock.take(directory.path, { listen: "127.0.0.1:1", now: NOW });
  await assert.rejects(
    again(),
    refusedBecause(
      /is in use by another server: process \d+ on .+, started 2030-01-02T03:04:05\.000Z, listening on 127\.0\.0\.1:0\. .*--data/,
    ),
  );
  await first.announce("http://127.0.0.1:4321");
  await assert.rejects(
    again(),
    refusedBecause(new RegExp(`process ${process.pid} .*listening on http://127\\.0\\.0\\.1:4321`)),
  );
});

test("gives the directory free and takes its words away", async () => {
  await using directory = await temporaryDirectory();
  for (let i = 0; i < 3; i++) {
    await using lock = await DataDirectoryLock.take(directory.path, { listen: "127.0.0.1:0", now: NOW });
    await lock.announce("127.0.0.1:1");
    assert((await readdir(directory.path)).includes("lock.json"));
  }
  assert.deepEqual(await readdir(directory.path), ["lock.db"]);
});

test("refuses without words where they are not there or not readable", async () => {
  await using directory = await temporaryDirectory();
  await using lock = await DataDirectoryLock.take(directory.path, { listen: "127.0.0.1:0", now: NOW });
  await lock.announce("127.0.0.1:1");
  for (const words of ["", "{}", "null", "[1"]) {
    await writeFile(join(directory.path, "lock.json"), words);
    await assert.rejects(
      DataDirectoryLock.take(directory.path, { listen: "x", now: NOW }),
      refusedBecause(/is in use by another server\. Stop that one/),
    );
  }
});

test("holds against another process, and ends with a process that is killed", async () => {
  await using directory = await temporaryDirectory();
  const holder = await holdElsewhere(directory.path);
  try {
    await assert.rejects(
      DataDirectoryLock.take(directory.path, { listen: "x", now: NOW }),
      refusedBecause(new RegExp(`process ${holder.pid} .*listening on 127\\.0\\.0\\.1:7777`)),
    );
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  assert.match(await readFile(join(directory.path, "lock.json"), "utf8"), /7777/, "the dead cannot tidy up");
  await using lock = await DataDirectoryLock.take(directory.path, { listen: "127.0.0.1:2", now: NOW });
  await lock.announce("127.0.0.1:3");
  const words = await readFile(join(directory.path, "lock.json"), "utf8");
  assert(words.includes(`"pid":${process.pid},`));
});

test("says what is wrong with a lock file that cannot be opened", async () => {
  await using directory = await temporaryDirectory();
  const missing = join(directory.path, "missing");
  await assert.rejects(
    DataDirectoryLock.take(missing, { listen: "x", now: NOW }),
    refusedBecause(/lock\.db cannot be opened: unable to open database file/),
  );
  await writeFile(
    join(directory.path, "lock.db"),
    "this is not a database, and long enough to be taken for a bad one".repeat(20),
  );
  await chmod(join(directory.path, "lock.db"), 0o600);
  await assert.rejects(
    DataDirectoryLock.take(directory.path, { listen: "x", now: NOW }),
    refusedBecause(/lock\.db cannot be opened: file is not a database/),
  );
});
