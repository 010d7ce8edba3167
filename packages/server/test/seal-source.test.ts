import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { OperatorError } from "../src/operator-error.ts";
import { parseSeal, parseSecretInput, SecretReader } from "../src/seal/index.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

test("reads every form of a seal, and puts what has no path into the data directory", () => {
  const seals: readonly (readonly [string, object])[] = [
    ["file", { kind: "file", path: "data/root.key" }],
    ["file:/safe/a:b", { kind: "file", path: "/safe/a:b" }],
    ["passphrase", { kind: "passphrase", path: "data/root.sealed" }],
    ["passphrase:/safe/sealed", { kind: "passphrase", path: "/safe/sealed" }],
    ["shamir", { kind: "shamir", path: "data/root.sealed", counts: undefined }],
    ["shamir:/safe/sealed", { kind: "shamir", path: "/safe/sealed", counts: undefined }],
    ["shamir:3of5", { kind: "shamir", path: "data/root.sealed", counts: { threshold: 3, shares: 5 } }],
    ["shamir:2of255:/safe/s", { kind: "shamir", path: "/safe/s", counts: { threshold: 2, shares: 255 } }],
    ["kms:/etc/kms.json", { kind: "kms", path: "data/root.sealed", settings: "/etc/kms.json" }],
    ["env:ROOT_KEY_FILE", { kind: "env", variable: "ROOT_KEY_FILE" }],
    ["command:/bin/get  root-key", { kind: "command", command: ["/bin/get", "root-key"] }],
  ];
  for (const [text, expected] of seals) assert.deepEqual(parseSeal(text)("data"), expected, text);
});

for (const text of [
  "",
  "files",
  "file:",
  "shamir:1of3",
  "shamir:4of3",
  "shamir:2of256",
  "kms",
  "env",
  "env:A-B",
  "env:CINNABAR_SEAL",
  "command",
  "command: ",
  "passphrase:",
]) {
  test(`refuses "${text}" as a seal`, () => assert.throws(() => parseSeal(text), RangeError));
}

test("reads where a secret comes from", () => {
  assert.deepEqual(parseSecretInput("terminal"), { kind: "terminal" });
  assert.deepEqual(parseSecretInput("file:/run/secrets/p"), { kind: "file", path: "/run/secrets/p" });
  assert.deepEqual(parseSecretInput("fd:3"), { kind: "fd", fd: 3 });
  for (const text of ["", "file:", "fd:", "fd:x", "hunter2 hunter2"]) assert.equal(parseSecretInput(text), undefined);
});

test("reads a passphrase without its line end, and shares line by line", async (t) => {
  const path = join(await temporaryDirectory(t), "secret");
  const given = async (contents: string) => {
    await writeFile(path, contents);
    return new SecretReader({ kind: "file", path });
  };
  for (const contents of ["two words", "two words\n", "two words\r\n"]) {
    using reader = await given(contents);
    assert.equal(Buffer.from((await reader.passphrase("?")).bytes).toString(), "two words");
  }
  for (const contents of ["", "\n", "\r\n"]) {
    using reader = await given(contents);
    await assert.rejects(reader.passphrase("?"), OperatorError);
  }
  using reader = await given("one\r\n\ntwo\nthree");
  for (const expected of ["one", "two", "three"]) {
    assert.equal(await reader.hasMoreShares(), true);
    assert.equal(Buffer.from((await reader.share("?")).bytes).toString(), expected);
  }
  assert.equal(await reader.hasMoreShares(), false);
  await assert.rejects(reader.share("?"), /not enough shares/);
  using missing = new SecretReader({ kind: "file", path: `${path}.missing` });
  await assert.rejects(missing.passphrase("?"), /secret.missing cannot be read/);
});
