import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Deployment } from "../src/deployment.ts";

const FOLDER = fileURLToPath(new URL("../../examples/", import.meta.url));

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
  });
}

test("testing/secret-notes.test.mjs tests a program with the official client on an emulator", async () => {
  const file = join(FOLDER, "testing", "secret-notes.test.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap", file], { env: {} });
  assert.match(stdout, /^# tests 5\n(?:.*\n)*# pass 5$/m);
});
