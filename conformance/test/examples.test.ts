import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Deployment } from "../src/deployment.ts";

/** What the story of a vendor tells, in order, and what others see of it. */
const STORY = [
  "The customer has made a key, and lets the vendor's role encrypt with it.",
  "The vendor has encrypted order 1001, and read it again.",
  "The vendor has encrypted order 1002, and read it again.",
  "The customer has cut the vendor off.",
  "The vendor's next call: Forbidden.KeyNotFound.",
];
const SEEN = [
  "The auditor sees: Decrypt of order 1001 by orders as encryptor.",
  "The auditor sees: Decrypt of order 1002 by orders as encryptor.",
  "The auditor sees: Encrypt of order 1001 by orders as encryptor.",
  "The auditor sees: Encrypt of order 1002 by orders as encryptor.",
  "Without the vendor's statement, 2 calls of Kms.Decrypt: NewlyRefused.",
  "Without the vendor's statement, 2 calls of Kms.Encrypt: NewlyRefused.",
];

const FOLDER = fileURLToPath(new URL("../../examples/", import.meta.url));
const CINNABAR = fileURLToPath(new URL("../../packages/cli/bin/cinnabar.js", import.meta.url));

for (const tls of [false, true]) {
  describe(`examples over ${tls ? "https" : "http"}`, () => {
    let deployment: Deployment;

    before(async () => {
      deployment = await Deployment.start({ tls });
    });
    after(() => deployment[Symbol.asyncDispose]());

    for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".mjs"))) {
      test(`${file} runs as it is, given the file with the root's AccessKey`, async () => {
        const { directory } = deployment;
        const { stdout } = await promisify(execFile)(
          process.execPath,
          [join(FOLDER, file), join(directory, "root-access-key.json")],
          { env: tls ? { NODE_EXTRA_CA_CERTS: join(directory, "ca.pem") } : {} },
        );
        assert.equal(stdout, `Hello from ${file.slice(0, file.lastIndexOf("."))}.\n`);
      });
    }

    test("isv/story.mjs tells how a vendor uses a customer's key, until it is cut off", async () => {
      const { directory } = deployment;
      const vendor = join(directory, "vendor.json");
      const create = [CINNABAR, "account", "create", "-o", vendor, "--data", directory];
      await promisify(execFile)(process.execPath, create, { env: {} });
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(FOLDER, "isv", "story.mjs"), join(directory, "root-access-key.json"), vendor],
        { env: tls ? { NODE_EXTRA_CA_CERTS: join(directory, "ca.pem") } : {} },
      );
      const lines = stdout.trimEnd().split("\n");
      const isInOrder = (line: string) => !/^(The auditor sees|Without the vendor)/.test(line);
      assert.deepEqual(lines.filter(isInOrder), STORY);
      // Events of one second come in no order that all logs share.
      assert.deepEqual(lines.filter((line) => !isInOrder(line)).toSorted(), SEEN);
    });
  });
}

test("testing/secret-notes.test.mjs tests a program with the official client on an emulator", async () => {
  const file = join(FOLDER, "testing", "secret-notes.test.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap", file], { env: {} });
  assert.match(stdout, /^# tests 5\n(?:.*\n)*# pass 5$/m);
});
