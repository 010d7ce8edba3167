import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatCheckpointBundle, readCheckpointBundle, verifyAudit } from "../src/audit/index.ts";
import { DatabaseLogs } from "../src/audit/database-logs.ts";
import { connectTo } from "../src/audit/sqlite-reader.ts";
import { AuditFixture, writeRetainedLogs, writeRichLogs } from "./support/audit-fixture.ts";
import { mutations, Random } from "./support/audit-mutations.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

// oxlint-disable-next-line no-restricted-properties -- the full number takes more than a minute
const COUNT = process.env["CINNABAR_TEST_SLOW"] === "1" ? 10_000 : 1_000;
const SEED = 20261;

for (const [title, writeLogs] of [
  ["a stored log", writeRichLogs],
  ["a stored log of which retention dropped bodies", writeRetainedLogs],
] as const) {
  test(`finds each of ${COUNT} random single mutations of ${title} against a saved bundle`, () =>
    findsEachMutation(writeLogs));
}

function findsEachMutation(writeLogs: (fixture: AuditFixture) => void): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    const { database, verifierKey } = fixture;
    writeLogs(fixture);
    const source = new DatabaseLogs(connectTo(database));
    const savedCheckpoints = await readCheckpointBundle({ source, verifierKey });
    const verify = () => verifyAudit({ source, verifierKey, savedCheckpoints });
    const untouched = await verify();
    const random = new Random(SEED);
    const names = Object.keys(mutations);
    for (let number = 0; number < COUNT; number++) {
      const name = names[number % names.length]!;
      database.exec("BEGIN");
      const change = mutations[name]!(database, random);
      const { ok } = await verify();
      database.exec("ROLLBACK");
      assert.equal(ok, false, `mutation ${number}, ${name}: ${change}`);
    }
    assert.deepEqual(await verify(), untouched);
    assert.equal(untouched.ok, true);
  });
}

const COMMAND_COUNT = 20;
const command = fileURLToPath(new URL("../../cli/bin/cinnabar.js", import.meta.url));

test(`finds each of ${COMMAND_COUNT} random single mutations through the command line`, () =>
  withTemporaryDirectory(async (directory) => {
    const [original, copy, checkpoints] = ["original.db", "copy.db", "checkpoints"].map((name) =>
      join(directory, name),
    );
    assert.ok(original !== undefined && copy !== undefined && checkpoints !== undefined);
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    const { database, verifierKey } = fixture;
    writeRichLogs(fixture);
    const source = new DatabaseLogs(connectTo(database));
    writeFileSync(checkpoints, formatCheckpointBundle(await readCheckpointBundle({ source, verifierKey })));
    database.exec(`VACUUM INTO '${original}'`);
    const verify = () => {
      const args = [
        "audit",
        "verify",
        "--database",
        `sqlite:${copy}`,
        "--key",
        verifierKey,
        "--checkpoint",
        checkpoints,
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { env: {}, encoding: "utf8" });
      return { status, output: stdout + stderr };
    };
    const random = new Random(SEED);
    const names = Object.keys(mutations);
    copyFileSync(original, copy);
    assert.match(verify().output, /The audit log is intact/);
    for (let number = 0; number < COMMAND_COUNT; number++) {
      copyFileSync(original, copy);
      const name = names[number % names.length]!;
      const mutated = new DatabaseSync(copy);
      const change = mutations[name]!(mutated, random);
      mutated.close();
      const { status, output } = verify();
      assert.equal(status, 1, `mutation ${number}, ${name}: ${change}\n${output}`);
      assert.doesNotMatch(output, /The audit log is intact/);
    }
  }));
