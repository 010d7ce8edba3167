import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { logOrigin, openEvents, readBatchRow } from "@cinnabar/kernel";
import {
  decodeEntryBundle,
  leafHash,
  NoteVerifier,
  openCheckpoint,
  rootAt,
  tileHashReader,
  tilePath,
} from "@cinnabar/merkle-log";
import { ExportedLogs, exportAudit, readCheckpointBundle, verifyAudit } from "../src/audit/index.ts";
import { OperatorError } from "../src/operator-error.ts";
import { AuditFixture, ORIGIN, writeRetainedLogs, writeRichLogs } from "./support/audit-fixture.ts";
import { withRig } from "./support/audit-rig.ts";

/** A log of more than 256 leaves, with some leaves after its checkpoint. */
function writeLongLog(fixture: AuditFixture): void {
  fixture.openShard(1);
  for (let batch = 0; batch < 30; batch++) fixture.calls(1, 9);
  fixture.checkpoint();
  fixture.calls(1, 3);
}

async function filesBelow(directory: string): Promise<string[]> {
  const items = await readdir(directory, { recursive: true, withFileTypes: true });
  return items.filter((item) => item.isFile()).map((item) => join(item.parentPath, item.name));
}

test("exports logs that verify from the files as from the database", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    const savedCheckpoints = await readCheckpointBundle({ source, verifierKey });
    const progress: string[] = [];
    const logs = await exportAudit({ source, directory, onProgress: ({ log }) => progress.push(log) });
    assert.deepEqual(
      logs.map(({ name, size, events, signedSize }) => [name, size, events, signedSize]),
      [
        ["shard-1", 37, 27, 37],
        ["shard-2", 15, 9, 15],
        ["shard-3", 9, 7, 9],
        ["control", 26, 13, 26],
      ],
    );
    assert.equal(progress.length, 31);
    assert.deepEqual(
      await verifyAudit({ source: new ExportedLogs(directory), verifierKey, savedCheckpoints }),
      await verifyAudit({ source, verifierKey, savedCheckpoints }),
    );
    assert.deepEqual(
      await readCheckpointBundle({ source: new ExportedLogs(directory), verifierKey }),
      savedCheckpoints,
    );
  }));

test("exports the layout of C2SP tlog-tiles: any reader of it comes to the signed root, and to the entries", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeLongLog(fixture);
    await exportAudit({ source, directory });
    const log = join(directory, "shard-1");
    const note = await readFile(join(log, "checkpoint"));
    const { size, root } = openCheckpoint(note, NoteVerifier.parse(fixture.verifierKey), logOrigin(ORIGIN, 1));
    assert.equal(size, 300);
    const readTile = (path: string) => readFile(join(log, path));
    const readHash = tileHashReader({ size, readTile });
    assert.deepEqual(await rootAt(readHash, size), root);
    for (const [index, width] of [
      [0, 256],
      [1, 44],
    ] as const) {
      const bundle = decodeEntryBundle(await readTile(tilePath({ level: "entries", index, width })), width);
      for (const [position, entry] of bundle.entries()) {
        assert.deepEqual(await readHash(0, index * 256 + position), leafHash(entry));
      }
    }
  }));

test("exports what no checkpoint covers yet, and says how much it is", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeLongLog(fixture);
    fixture.openShard(2);
    fixture.calls(2, 1);
    const logs = await exportAudit({ source, directory });
    assert.deepEqual(
      logs.map(({ name, size, signedSize }) => [name, size, signedSize]),
      [
        ["shard-1", 304, 300],
        ["shard-2", 2, 0],
        ["control", 6, 4],
      ],
    );
    const { verifierKey } = fixture;
    const report = await verifyAudit({ source: new ExportedLogs(directory), verifierKey });
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.logs.map(({ size, signedSize }) => [size, signedSize]),
      [
        [6, 4],
        [304, 300],
        [2, 0],
      ],
    );
  }));

test("writes the events as lines of JSON where asked, readable by their owner alone", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    await exportAudit({ source, directory, withEvents: true });
    const path = join(directory, "shard-2", "events.ndjson");
    const rows = fixture.database.prepare("SELECT * FROM audit_batch WHERE shard = 2 ORDER BY seq").all();
    const events = rows.flatMap((row) => openEvents(readBatchRow(row as Parameters<typeof readBatchRow>[0])) ?? []);
    assert.equal(await readFile(path, "utf8"), events.map((event) => `${event}\n`).join(""));
    for (const file of await filesBelow(directory)) assert.equal((await stat(file)).mode & 0o777, 0o600, file);
  }));

test("says of the lines of JSON that they are not verified", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    for (const [name, withEvents] of [
      ["with", true],
      ["without", false],
    ] as const) {
      await exportAudit({ source, directory: join(directory, name), withEvents });
      const report = await verifyAudit({ source: new ExportedLogs(join(directory, name)), verifierKey });
      assert.equal(report.ok, true);
      assert.equal(
        report.limits.some((limit) => limit.startsWith("events.ndjson is for reading")),
        withEvents,
      );
    }
  }));

for (const [title, writeLogs] of [
  ["finds any exported file changed, cut, emptied or missing", writeRichLogs],
  ["finds the same in what remains of bundles that lack dropped entries", writeRetainedLogs],
] as const) {
  test(title, () => findsAnyFile(writeLogs));
}

function findsAnyFile(writeLogs: (fixture: AuditFixture) => void): Promise<void> {
  return withRig(async ({ fixture, source, directory }) => {
    writeLogs(fixture);
    writeLongLog(fixture);
    const { verifierKey } = fixture;
    const savedCheckpoints = await readCheckpointBundle({ source, verifierKey });
    await exportAudit({ source, directory });
    const isOk = async () =>
      (await verifyAudit({ source: new ExportedLogs(directory), verifierKey, savedCheckpoints })).ok;
    assert.equal(await isOk(), true);
    const files = await filesBelow(directory);
    // The end that was not signed yet is vouched for by nothing: without its files the log is shorter.
    const unsigned = files
      .filter((file) => /shard-1\/(?:tile\/entries|remains)\/.*\.p\/\d+$/.test(file))
      .toSorted()
      .slice(-1);
    assert.ok(files.length >= 15, `${files.length} files`);
    for (const file of files) {
      const content = await readFile(file);
      const changed = Buffer.from(content);
      changed[changed.length >> 1]! ^= 1;
      for (const bytes of [changed, content.subarray(0, -1), Buffer.alloc(0)]) {
        await writeFile(file, bytes);
        assert.equal(await isOk(), false, `${file} with ${bytes.length} bytes`);
      }
      await rm(file);
      if (!unsigned.includes(file)) assert.equal(await isOk(), false, `${file} missing`);
      await writeFile(file, content);
    }
    assert.equal(await isOk(), true);
  });
}

test("an entry bundle that was kept from an earlier export takes the place of what remains of it", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    const [early, late] = [join(directory, "early"), join(directory, "late")];
    await exportAudit({ source, directory: early });
    // The third is its process's last batch, which is never dropped.
    fixture.drop(1, [
      [1, 2],
      [4, 5],
    ]);
    const logs = await exportAudit({ source, directory: late });
    assert.equal(logs.find(({ name }) => name === "shard-1")?.minimumIndex, 256);
    const read = async () => {
      const { ok, logs } = await verifyAudit({ source: new ExportedLogs(late), verifierKey });
      assert.equal(ok, true);
      return logs.find(({ name }) => name === "shard-1");
    };
    assert.equal((await read())?.droppedEvents, 9);
    await cp(join(early, "shard-1/tile/entries"), join(late, "shard-1/tile/entries"), { recursive: true });
    const restored = await read();
    assert.equal(restored?.droppedEvents, 0);
    assert.ok(restored?.notes.some(({ kind }) => kind === "restored"));
  }));

test("finds an exported log that is missing, or stands in another's place", () =>
  withRig(async ({ fixture, source, directory }) => {
    writeRichLogs(fixture);
    const { verifierKey } = fixture;
    const savedCheckpoints = await readCheckpointBundle({ source, verifierKey });
    await exportAudit({ source, directory });
    const verify = () => verifyAudit({ source: new ExportedLogs(directory), verifierKey, savedCheckpoints });
    for (const log of ["control", "shard-1", "shard-3"]) {
      await rename(join(directory, log), join(directory, "aside"));
      const { logs } = await verify();
      const kinds = logs.find(({ name }) => name === log)?.findings.map(({ kind }) => kind);
      assert.ok(kinds?.includes("missing-log"), log);
      await rename(join(directory, "aside"), join(directory, log));
    }
    await rename(join(directory, "shard-2"), join(directory, "shard-5"));
    assert.equal((await verify()).ok, false);
  }));

test("makes a finding of a directory that is not there, or is another one", () =>
  withRig(async ({ fixture, directory }) => {
    const verify = () => verifyAudit({ source: new ExportedLogs(directory), verifierKey: fixture.verifierKey });
    for (const detail of [
      `there is no directory ${directory}`,
      `the directory ${directory} has none of the exported logs`,
    ]) {
      const { ok, findings } = await verify();
      assert.equal(ok, false);
      assert.deepEqual(findings[0], { kind: "unreadable", detail, batch: undefined });
      await mkdir(directory, { recursive: true });
    }
  }));

test("finds entries without a batch's header", () =>
  withRig(async ({ fixture, source, directory }) => {
    fixture.openShard(1);
    fixture.calls(1, 3);
    await exportAudit({ source, directory });
    const bundle = join(directory, "shard-1/tile/entries/000.p/4");
    const bytes = await readFile(bundle);
    const entries = decodeEntryBundle(bytes, 4);
    await writeFile(join(directory, "shard-1/tile/entries/000.p/3"), bytes.subarray(0, -2 - entries[3]!.length));
    await rm(bundle);
    const report = await verifyAudit({ source: new ExportedLogs(directory), verifierKey: fixture.verifierKey });
    const kinds = report.logs[1]?.findings.map(({ kind }) => kind);
    assert.deepEqual(kinds, ["unreadable", "tile-mismatch"]);
  }));

test("refuses a directory that is not empty, a batch that cannot be read, and an event too long for the layout", () =>
  withRig(async ({ fixture, source, directory }) => {
    fixture.openShard(1);
    fixture.calls(1, 1);
    await exportAudit({ source, directory });
    await assert.rejects(exportAudit({ source, directory }), /is not empty/);
    fixture.append(1, [`{"a":"${"x".repeat(65_536)}"}`]);
    await assert.rejects(exportAudit({ source, directory: `${directory}-2` }), OperatorError);
    fixture.database.exec("UPDATE audit_batch SET events = x'01' WHERE shard = 1 AND seq = 1");
    await assert.rejects(exportAudit({ source, directory: `${directory}-3` }), /batch 1 of shard-1: .*audit verify/);
  }));
