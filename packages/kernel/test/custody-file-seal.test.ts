import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";

import * as fc from "fast-check";

import { FileSeal, RootKey, SealError, type SealErrorCode } from "../src/custody/index.ts";
import { decodeRootKeyFile, encodeRootKeyFile } from "../src/custody/root-key-file.ts";

const MATERIAL = Buffer.from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "hex");
const FILE =
  "cinnabar root key v1\n" +
  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n" +
  `${new RootKey(MATERIAL).checkValue}\n`;

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-seal-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function written(t: TestContext, contents: string, mode = 0o600): Promise<string> {
  const path = join(await directory(t), "root.key");
  await writeFile(path, contents);
  await chmod(path, mode);
  return path;
}

function sealError(code: SealErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof SealError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /0001020304/);
    return true;
  };
}

test("creates a root key file that only its owner may read, and opens it again", async (t) => {
  const folder = await directory(t);
  const seal = new FileSeal(join(folder, "root.key"));
  const created = await seal.create();
  assert.equal((await stat(join(folder, "root.key"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["root.key"]);
  const opened = await seal.open();
  assert.equal(opened?.checkValue, created.checkValue);
  assert.deepEqual(opened?.derive("rowMac").export(), created.derive("rowMac").export());
  assert.equal(seal.kind, "file");
  assert.equal(seal.describe(), `file ${join(folder, "root.key")}`);
});

test("finds no root key where there is no file, and makes none", async (t) => {
  const folder = await directory(t);
  assert.equal(await new FileSeal(join(folder, "root.key")).open(), undefined);
  assert.deepEqual(await readdir(folder), []);
});

test("never overwrites a root key file, whatever is in it", async (t) => {
  const path = await written(t, "precious");
  await assert.rejects(new FileSeal(path).create(), sealError("exists", /exists already/));
  assert.equal(await readFile(path, "utf8"), "precious");
  assert.deepEqual(await readdir(join(path, "..")), ["root.key"]);
});

test("lets exactly one of several creators make the root key", async (t) => {
  const seal = new FileSeal(join(await directory(t), "root.key"));
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => seal.create()));
  const made = results.filter((result) => result.status === "fulfilled");
  assert.equal(made.length, 1);
  assert.equal((await seal.open())?.checkValue, made[0]?.value.checkValue);
});

test("makes every root key anew", async (t) => {
  const folder = await directory(t);
  const first = await new FileSeal(join(folder, "a")).create();
  const second = await new FileSeal(join(folder, "b")).create();
  assert.notEqual(first.checkValue, second.checkValue);
});

for (const mode of [0o640, 0o604, 0o620, 0o660, 0o601]) {
  test(`refuses a root key file of mode ${mode.toString(8)} and says how to mend it`, async (t) => {
    const path = await written(t, FILE, mode);
    await assert.rejects(new FileSeal(path).open(), sealError("exposed", /chmod 600 .*root\.key$/));
  });
}

test("opens a root key file that may only be read, and one behind a symbolic link", async (t) => {
  const path = await written(t, FILE, 0o400);
  await symlink("root.key", `${path}.link`);
  const { checkValue } = new RootKey(MATERIAL);
  assert.equal((await new FileSeal(path).open())?.checkValue, checkValue);
  assert.equal((await new FileSeal(`${path}.link`).open())?.checkValue, checkValue);
});

test("refuses a directory or a named pipe in the place of a root key file", async (t) => {
  const folder = await directory(t);
  await mkdir(join(folder, "folder"), { mode: 0o700 });
  await promisify(execFile)("mkfifo", ["-m", "600", join(folder, "pipe")]);
  for (const name of ["folder", "pipe"]) {
    await assert.rejects(new FileSeal(join(folder, name)).open(), sealError("unknownFormat", /not a regular file/));
  }
});

test("says that a root key file is unreachable where its directory does not exist or is none", async (t) => {
  const path = await written(t, FILE);
  await assert.rejects(new FileSeal(join(path, "root.key")).open(), sealError("unreachable", /could not be opened/));
  await assert.rejects(new FileSeal(join(path, "root.key")).create(), sealError("unreachable", /could not be created/));
});

const DAMAGED: readonly (readonly [string, string, SealErrorCode])[] = [
  ["empty", "", "unknownFormat"],
  ["of a later version", FILE.replace("v1", "v2"), "unknownFormat"],
  ["cut short", FILE.slice(0, -1), "damaged"],
  ["too long", `${FILE}\n`, "damaged"],
  ["cut after its first line", "cinnabar root key v1\n", "damaged"],
  ["in upper case", FILE.replace("0a0b", "0A0B"), "damaged"],
  ["with another key", FILE.replace("0001", "0002"), "damaged"],
  ["with another check value", `${FILE.slice(0, -6)}AAAAA\n`, "damaged"],
];
for (const [what, contents, code] of DAMAGED) {
  test(`refuses a root key file that is ${what}`, async (t) => {
    await assert.rejects(new FileSeal(await written(t, contents)).open(), sealError(code, /root\.key/));
  });
}

test("encodes a root key as the documented three lines", () => {
  assert.equal(encodeRootKeyFile(MATERIAL).toString("latin1"), FILE);
  assert.equal(decodeRootKeyFile(Buffer.from(FILE), "root.key").checkValue, new RootKey(MATERIAL).checkValue);
});

test("decodes every root key file it encodes, and none with one byte changed", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (material, at, change) => {
        const file = encodeRootKeyFile(material);
        assert.equal(decodeRootKeyFile(file, "root.key").checkValue, new RootKey(material).checkValue);
        const index = at % file.length;
        file.writeUInt8(file.readUInt8(index) ^ change, index);
        assert.throws(() => decodeRootKeyFile(file, "root.key"), SealError);
      },
    ),
    { numRuns: 300 },
  );
});
