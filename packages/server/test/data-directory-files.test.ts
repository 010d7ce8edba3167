import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import {
  exposureWarnings,
  fileError,
  loadNodeId,
  openDataDirectory,
  RootAccessKeyFile,
  writeFileAtomically,
} from "../src/data-directory/index.ts";
import { OperatorError } from "../src/operator-error.ts";
import { saying } from "./support/saying.ts";

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-data-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

const KEY = {
  AccountId: "1234567890123456",
  AccessKeyId: "LTAI5tExample",
  AccessKeySecret: "correct horse",
  Endpoint: "http://127.0.0.1:8080",
};

test("makes a data directory for its owner alone, with what is missing above it", async () => {
  await using temporary = await temporaryDirectory();
  const path = join(temporary.path, "a", "b", "data");
  await openDataDirectory(path);
  assert.equal(await modeOf(path), 0o700);
  await openDataDirectory(path);
  await openDataDirectory(`${path}/`);
});

test("refuses a data directory that group or others can look into, and says how to close it", async () => {
  await using temporary = await temporaryDirectory();
  for (const mode of [0o750, 0o701, 0o755, 0o770]) {
    await chmod(temporary.path, mode);
    await assert.rejects(openDataDirectory(temporary.path), saying("open to others", `chmod 700 ${temporary.path}`));
    assert.equal(await modeOf(temporary.path), mode);
  }
});

test("refuses a data directory that is a file, lies below one, or cannot be made", async () => {
  await using temporary = await temporaryDirectory();
  const file = join(temporary.path, "file");
  await writeFile(file, "");
  await assert.rejects(openDataDirectory(file), saying(file, "is not a directory"));
  await assert.rejects(openDataDirectory(join(file, "data")), saying("cannot be made", "ENOTDIR"));
  await assert.rejects(openDataDirectory("/proc/cinnabar"), saying("/proc/cinnabar", "cannot be made"));
});

test("writes a file whole, for its owner alone, and leaves nothing else behind", async () => {
  await using temporary = await temporaryDirectory();
  const path = join(temporary.path, "file");
  await writeFile(path, "old", { mode: 0o644 });
  await writeFileAtomically(path, "new");
  assert.equal(await readFile(path, "utf8"), "new");
  assert.equal(await modeOf(path), 0o600);
  await writeFileAtomically(path, "public", { mode: 0o644 });
  assert.equal(await modeOf(path), 0o644);
  assert.deepEqual(await readdir(temporary.path), ["file"]);
});

test("leaves no half-written file where writing fails, and says why it does", async () => {
  await using temporary = await temporaryDirectory();
  const path = join(temporary.path, "taken");
  await mkdir(join(path, "inside"), { recursive: true });
  await assert.rejects(writeFileAtomically(path, "x"), saying(`${path} cannot be written`));
  assert.deepEqual(await readdir(temporary.path), ["taken"]);
  await assert.rejects(writeFileAtomically(join(temporary.path, "no", "file"), "x"), saying("ENOENT"));
});

test("puts a full disk into words", () => {
  const error = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  assert.equal(
    fileError("/data/node.json cannot be written", error).message,
    "/data/node.json cannot be written: the disk is full (ENOSPC).",
  );
});

test("names a node once", async () => {
  await using temporary = await temporaryDirectory();
  const nodeId = await loadNodeId(temporary.path);
  assert.match(nodeId, /^[0-9a-f]{32}$/);
  assert.equal(await loadNodeId(temporary.path), nodeId);
  await using another = await temporaryDirectory();
  assert.notEqual(await loadNodeId(another.path), nodeId);
});

test("refuses a damaged node.json rather than becoming another node", async () => {
  await using temporary = await temporaryDirectory();
  const path = join(temporary.path, "node.json");
  for (const damaged of ["", "{", "{}", '{"nodeId":"short"}', '{"nodeId":7}']) {
    await writeFile(path, damaged);
    await assert.rejects(loadNodeId(temporary.path), saying(path, "is damaged"));
    assert.equal(await readFile(path, "utf8"), damaged);
  }
});

test("gives the root's access key its name only once the store knows it", async () => {
  await using temporary = await temporaryDirectory();
  const file = new RootAccessKeyFile(temporary.path);
  assert.equal(await file.read(), undefined);
  assert.equal(await file.rewriteEndpoint("http://127.0.0.1:1"), false);
  await file.keep(KEY);
  assert.equal(await file.read(), undefined);
  assert.deepEqual(await file.readPending(), KEY);
  assert.equal(await modeOf(`${file.path}.pending`), 0o600);
  await file.publish();
  assert.deepEqual(await file.read(), KEY);
  assert.equal(await file.readPending(), undefined);
  assert.equal(await modeOf(file.path), 0o600);
  assert.deepEqual(await readdir(temporary.path), ["root-access-key.json"]);
  await assert.rejects(file.publish(), saying("cannot be written"));
});

test("forgets a pending key that the store never got to know", async () => {
  await using temporary = await temporaryDirectory();
  const file = new RootAccessKeyFile(temporary.path);
  await file.discardPending();
  await file.keep(KEY);
  await file.discardPending();
  assert.deepEqual(await readdir(temporary.path), []);
});

test("rewrites nothing but the endpoint, and only when it changes", async () => {
  await using temporary = await temporaryDirectory();
  const file = new RootAccessKeyFile(temporary.path);
  await file.keep(KEY);
  await file.publish();
  const before = await stat(file.path);
  assert(await file.rewriteEndpoint(KEY.Endpoint));
  assert.equal((await stat(file.path)).ino, before.ino);
  assert(await file.rewriteEndpoint("https://127.0.0.1:43210"));
  assert.deepEqual(JSON.parse(await readFile(file.path, "utf8")), { ...KEY, Endpoint: "https://127.0.0.1:43210" });
  assert.equal(await modeOf(file.path), 0o600);
});

test("never repeats the secret of a damaged root-access-key.json", async () => {
  await using temporary = await temporaryDirectory();
  const file = new RootAccessKeyFile(temporary.path);
  for (const damaged of [`{"AccessKeySecret":"hunter2"`, `{"AccessKeySecret":"hunter2"}`]) {
    await writeFile(file.path, damaged);
    await assert.rejects(file.rewriteEndpoint("http://x"), (error) => {
      assert(error instanceof OperatorError);
      assert(!error.message.includes("hunter2") && error.cause === undefined);
      return true;
    });
    assert.equal(await readFile(file.path, "utf8"), damaged);
  }
});

test("warns while root key or root access key lie beside the data, also behind a link", async () => {
  await using temporary = await temporaryDirectory();
  const directory = join(temporary.path, "data");
  await mkdir(directory);
  const rootAccessKeyPath = join(directory, "root-access-key.json");
  const inside = join(directory, "root.key");
  const outside = join(temporary.path, "root.key");
  const link = join(temporary.path, "link.key");
  const linked = join(temporary.path, "data-link");
  await Promise.all([writeFile(inside, ""), writeFile(outside, ""), symlink(inside, link), symlink(directory, linked)]);
  const warnings = (rootKeyPath: string | undefined, path = directory) =>
    exposureWarnings({ directory: path, rootKeyPath, rootAccessKeyPath });

  assert.deepEqual(await warnings(outside), []);
  assert.deepEqual(await warnings(undefined), []);
  for (const [path, of] of [
    [inside, directory],
    [link, directory],
    [inside, linked],
  ] as const) {
    const [warning = "", ...more] = await warnings(path, of);
    assert.match(warning, /lies beside the data.*--seal file:PATH/);
    assert.deepEqual(more, []);
  }
  await writeFile(rootAccessKeyPath, "{}");
  assert.match((await warnings(outside)).join(), /root-access-key\.json lies beside the data/);
});

test("warns of earlier root keys beside the data, wherever the root key itself is", async () => {
  await using temporary = await temporaryDirectory();
  const directory = join(temporary.path, "data");
  await mkdir(directory);
  const warnings = (rootKeyPath: string | undefined) =>
    exposureWarnings({ directory, rootKeyPath, rootAccessKeyPath: join(directory, "none") });
  const [first, second] = [`root.key.${"A".repeat(22)}`, `mine.${"B".repeat(22)}`].map((name) => join(directory, name));
  assert.ok(first !== undefined && second !== undefined);
  const unrelated = ["root.key.txt", `root.sealed.${"A".repeat(22)}`].map((name) => join(directory, name));
  await Promise.all([first, second, ...unrelated].map((path) => writeFile(path, "")));
  const [warning, ...more] = await warnings(undefined);
  assert.ok(warning?.startsWith(`Earlier root keys lie beside the data: ${first}. Whoever`));
  assert.deepEqual(more, []);
  assert.deepEqual(await warnings(join(temporary.path, "root.key")), [warning]);
  assert.ok((await warnings(join(directory, "mine"))).join().includes(`: ${first}, ${second}. Whoever`));
  assert.ok(!(await warnings(first)).some((text) => text.startsWith("Earlier")), "it is said once");
});

test("warns while checkpoints go to a file beside the data, which need not be there yet", async () => {
  await using temporary = await temporaryDirectory();
  const directory = join(temporary.path, "data");
  await mkdir(join(directory, "below"), { recursive: true });
  const warnings = (checkpointPath: string | undefined) =>
    exposureWarnings({ directory, rootKeyPath: undefined, rootAccessKeyPath: join(directory, "none"), checkpointPath });
  for (const outside of [undefined, join(temporary.path, "checkpoints"), join(temporary.path, "no", "checkpoints")]) {
    assert.deepEqual(await warnings(outside), []);
  }
  for (const inside of [join(directory, "checkpoints"), join(directory, "below", "checkpoints")]) {
    assert.match((await warnings(inside)).join(), /Checkpoints go to .*, beside the data/);
  }
});
