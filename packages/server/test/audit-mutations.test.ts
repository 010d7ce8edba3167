import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readCheckpointBundle, verifyAudit } from "../src/audit/index.ts";
import { DatabaseLogs } from "../src/audit/database-logs.ts";
import { connectTo } from "../src/audit/sqlite-reader.ts";
import { AuditFixture, writeRichLogs } from "./support/audit-fixture.ts";
import { mutations, Random } from "./support/audit-mutations.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

// oxlint-disable-next-line no-restricted-properties -- the full number takes more than a minute
const COUNT = process.env["CINNABAR_TEST_SLOW"] === "1" ? 10_000 : 2_000;
const SEED = 20261;

test(`finds each of ${COUNT} random single mutations of a stored log against a saved bundle`, () =>
  withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    const { database, verifierKey } = fixture;
    writeRichLogs(fixture);
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
  }));
