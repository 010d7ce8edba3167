import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { formatCheckpointBundle, parseCheckpointBundle, readCheckpointBundle } from "../src/audit/index.ts";
import { DatabaseLogs } from "../src/audit/database-logs.ts";
import { connectTo } from "../src/audit/sqlite-reader.ts";
import { OperatorError } from "../src/operator-error.ts";
import { AuditFixture, writeRichLogs } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const note = (text: string) => `${text}\n1\nAAAA\n\n\u2014 name c2lnbmF0dXJl\n`;
const bundle = [
  { shard: 0, note: note("a/control") },
  { shard: 2, note: note("a/shard/2") },
  { shard: 10, note: note("a/shard/10") },
];

test("writes checkpoints in the order of their logs and reads them back", () => {
  const text = formatCheckpointBundle(bundle.toReversed());
  assert.deepEqual(parseCheckpointBundle(text), bundle);
  assert.equal(formatCheckpointBundle(parseCheckpointBundle(text)), text);
  assert.deepEqual(parseCheckpointBundle(formatCheckpointBundle([])), []);
});

test("refuses a bundle that was cut off anywhere", () => {
  const text = formatCheckpointBundle(bundle);
  const inLastNote = text.indexOf("log shard-10\n") + "log shard-10\n".length;
  for (let end = 0; end < text.length; end++) {
    // Where whole lines of the last note are missing, its signature no longer holds.
    if (end > inLastNote && text[end - 1] === "\n") continue;
    assert.throws(() => parseCheckpointBundle(text.slice(0, end)), OperatorError, `cut at ${end}`);
  }
});

test("refuses a bundle of another form", () => {
  const text = formatCheckpointBundle(bundle);
  const others = [
    text.replace("v1", "v2"),
    text.replace("logs 3", "logs 2"),
    text.replace("logs 3", "logs 03"),
    text.replace("log control\n", ""),
    text.replace("log shard-2\n", "log shard-02\n"),
    text.replace("log shard-2\n", "log shard-11\n"),
    text.replace("log shard-2\n", "log control\n"),
    text.replace("log shard-2\n", "log other\n"),
    text.replace("log control\n", "\nlog control\n"),
  ];
  for (const other of others) assert.throws(() => parseCheckpointBundle(other), OperatorError, other);
});

test("takes from a store the newest signed note of every log, and refuses one that is not valid", () =>
  withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    writeRichLogs(fixture);
    const { database, verifierKey } = fixture;
    const source = new DatabaseLogs(connectTo(database));
    const saved = await readCheckpointBundle({ source, verifierKey });
    assert.deepEqual(
      saved,
      [0, 1, 2, 3].map((shard) => ({ shard, note: fixture.note(shard) })),
    );
    database.exec("UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE shard = 3) WHERE shard = 2");
    await assert.rejects(readCheckpointBundle({ source, verifierKey }), /checkpoint of shard-2 is not valid/);
  }));
