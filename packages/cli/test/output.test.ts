import assert from "node:assert/strict";
import { chmod, link, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { Writable } from "node:stream";
import { test } from "node:test";
import { write } from "../src/io.ts";
import { writeOut, writeVerified, writeWhole } from "../src/output.ts";
import { MemoryIo } from "./memory-io.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failingChunks(): AsyncGenerator<Buffer> {
  yield Buffer.from("a beginning");
  throw new Error("the source failed");
}

test("a text that somebody else has chosen does not steer a terminal, and goes elsewhere as it is", async () => {
  const said = `{"Description":"\u001b]0;title\u0007 \u009b2J \u202e \u{e0041}"}\n`;
  const [terminal, pipe] = [new MemoryIo({ terminal: true }), new MemoryIo()];
  for (const io of [terminal, pipe]) await write(io.stdout, said);
  assert.equal(
    terminal.captured.text,
    String.raw`{"Description":"\u001b]0;title\u0007 \u009b2J \u202e \udb40\udc41"}` + "\n",
  );
  assert.equal(pipe.captured.text, said);
});

test("a file appears whole, for its owner alone, and nothing else does", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("out");
  assert.equal(await writeWhole({ path, replace: false }, chunks("one ", "", "two")), 7);
  assert.equal(await readFile(path, "utf8"), "one two");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder.path), ["out"]);
});

test("while a file is written it has another name", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("out");
  await writeWhole(
    { path, replace: false },
    (async function* () {
      yield Buffer.from("x");
      const [name = "", ...others] = await readdir(folder.path);
      assert.match(name, /^\.cinnabar-[0-9a-f]{16}\.tmp$/);
      assert.deepEqual(others, []);
      assert.equal((await stat(folder.join(name))).mode & 0o777, 0o600);
    })(),
  );
  assert.deepEqual(await readdir(folder.path), ["out"]);
});

test("a file that fails half-way leaves nothing, and what it would have replaced", async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(writeWhole({ path: folder.join("new"), replace: false }, failingChunks()), /the source failed/);
  await writeFile(folder.join("old"), "old");
  await assert.rejects(writeWhole({ path: folder.join("old"), replace: true }, failingChunks()), /the source failed/);
  assert.deepEqual(await readdir(folder.path), ["old"]);
  assert.equal(await readFile(folder.join("old"), "utf8"), "old");
});

test("a file that another program makes in the meantime is not replaced", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("out");
  const racing = async function* () {
    yield Buffer.from("mine");
    await writeFile(path, "theirs");
  };
  await assert.rejects(writeWhole({ path, replace: false }, racing()), { message: new RegExp(`^${path} exists`) });
  assert.equal(await readFile(path, "utf8"), "theirs");
  assert.deepEqual(await readdir(folder.path), ["out"]);
});

test("only a regular file is replaced, and other names of it keep its content", async () => {
  await using folder = await TemporaryFolder.create();
  await writeFile(folder.join("file"), "old");
  await chmod(folder.join("file"), 0o644);
  await link(folder.join("file"), folder.join("other-name"));
  await symlink("file", folder.join("symlink"));
  await mkdir(folder.join("folder"));
  assert.equal(await writeWhole({ path: folder.join("file"), replace: true }, chunks("new")), 3);
  assert.equal(await readFile(folder.join("other-name"), "utf8"), "old");
  for (const name of ["symlink", "folder"]) {
    await assert.rejects(writeWhole({ path: folder.join(name), replace: true }, chunks("new")), {
      message: `${folder.join(name)} is not a regular file: choose another name with -o.`,
    });
  }
  assert.deepEqual(await readdir(folder.path), ["file", "folder", "other-name", "symlink"]);
});

test("the standard output gets nothing before the last chunk has come", async () => {
  const io = new MemoryIo();
  await assert.rejects(writeVerified(failingChunks(), io), /the source failed/);
  assert.equal(io.captured.text, "");
  const observed = async function* () {
    yield* chunks("one ", "two");
    assert.equal(io.captured.text, "");
  };
  assert.equal(await writeVerified(observed(), io), 7);
  assert.equal(io.captured.text, "one two");
});

test("a standard output that cannot be written ends the command with a sentence", async () => {
  const full = Object.assign(new Error("write ENOSPC"), { code: "ENOSPC", errno: -28, syscall: "write" });
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done(full) }).on("error", () => undefined);
  await assert.rejects(writeOut(chunks("x"), new MemoryIo({ stdout })), {
    name: "Failure",
    message: "Cannot write to the standard output: no space left on device.",
  });
});
