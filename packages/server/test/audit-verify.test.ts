import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { CONTROL_SHARD } from "@cinnabar/kernel";
import { MerkleError, NoteSigner } from "@cinnabar/merkle-log";
import {
  type AuditReport,
  readCheckpointBundle,
  type SavedCheckpoint,
  verifyAudit,
  withDatabaseLogs,
} from "../src/audit/index.ts";
import { DatabaseLogs } from "../src/audit/database-logs.ts";
import { connectTo } from "../src/audit/sqlite-reader.ts";
import { OperatorError } from "../src/operator-error.ts";
import { AuditFixture, insertBatch, ORIGIN, writeRichLogs } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

/** Runs a test on logs that nothing has been written into but the deployment's first event. */
function withFixture(body: (fixture: AuditFixture) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    await body(fixture);
  });
}

function verify(fixture: AuditFixture, savedCheckpoints: readonly SavedCheckpoint[] = []): Promise<AuditReport> {
  const source = new DatabaseLogs(connectTo(fixture.database));
  return verifyAudit({ source, verifierKey: fixture.verifierKey, savedCheckpoints });
}

function save(fixture: AuditFixture): Promise<SavedCheckpoint[]> {
  const source = new DatabaseLogs(connectTo(fixture.database));
  return readCheckpointBundle({ source, verifierKey: fixture.verifierKey });
}

/** The findings as `log: kind`, without repetition. */
function kinds({ logs, findings }: AuditReport): string[] {
  return [
    ...new Set([
      ...findings.map(({ kind }) => `store: ${kind}`),
      ...logs.flatMap(({ name, findings }) => findings.map(({ kind }) => `${name}: ${kind}`)),
    ]),
  ];
}

function notes({ logs }: AuditReport): string[] {
  return logs.flatMap(({ name, notes }) => notes.map(({ kind, batch }) => `${name}: ${kind} ${batch ?? ""}`.trim()));
}

test("finds nothing in sound logs, and says what is in doubt, corrected or empty", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    const report = await verify(fixture, await save(fixture));
    assert.deepEqual(kinds(report), []);
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.logs.map(({ name, batches, events, size, signedSize }) => [name, batches, events, size, signedSize]),
      [
        ["control", 13, 13, 26, 26],
        ["shard-1", 10, 27, 37, 37],
        ["shard-2", 6, 9, 15, 15],
        ["shard-3", 2, 7, 9, 9],
        ["shard-4", 0, 0, 0, 0],
      ],
    );
    assert.deepEqual(notes(report), [
      "shard-1: in-doubt 3",
      "shard-1: corrected 5",
      "shard-1: in-doubt 10",
      "shard-4: empty",
    ]);
    assert.equal(report.limits.length, 1);
  }));

test("reports its progress after every batch", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    const seen = new Map<string, number>();
    let calls = 0;
    await verifyAudit({
      source: new DatabaseLogs(connectTo(fixture.database)),
      verifierKey: fixture.verifierKey,
      onProgress: ({ log, events }) => {
        calls += 1;
        seen.set(log, events);
      },
    });
    assert.equal(calls, 31);
    assert.deepEqual(Object.fromEntries(seen), { control: 13, "shard-1": 27, "shard-2": 9, "shard-3": 7 });
  }));

test("reads a SQLite store beside a process that writes it, and after the last one has let it go", () =>
  withTemporaryDirectory(async (directory) => {
    const path = join(directory, "cinnabar.db");
    const fixture = await AuditFixture.create(path);
    const { verifierKey } = fixture;
    const count = () =>
      withDatabaseLogs(`sqlite:${path}`, async (source) => {
        const [control] = (await verifyAudit({ source, verifierKey })).logs;
        return control?.events;
      });
    assert.equal(await count(), 1);
    await withDatabaseLogs(`sqlite:${path}`, async (source) => {
      assert.equal((await verifyAudit({ source, verifierKey })).logs[0]?.events, 1);
      fixture.controlCall("DisableKey");
      assert.equal((await verifyAudit({ source, verifierKey })).logs[0]?.events, 1, "one moment's view");
    });
    assert.equal(await count(), 2);
    fixture[Symbol.dispose]();
    assert.equal(await count(), 2);
    await assert.rejects(
      withDatabaseLogs(`sqlite:${join(directory, "other.db")}`, () => Promise.resolve()),
      OperatorError,
    );
  }));

test("says which leaves no signed checkpoint covers", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    fixture.calls(1, 2);
    const report = await verify(fixture);
    assert.equal(report.ok, true);
    assert.ok(notes(report).includes("shard-1: unsigned"));
    const { size, signedSize } = report.logs[1]!;
    assert.deepEqual([size, signedSize], [40, 37]);
  }));

test("needs a saved checkpoint to find a log that was cut short together with its stored checkpoint", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    fixture.calls(1, 2);
    fixture.checkpoint();
    const { size } = fixture.log(1).frontier;
    const old = fixture.note(1);
    fixture.calls(1, 2);
    fixture.checkpoint();
    const saved = await save(fixture);
    fixture.database.exec("DELETE FROM audit_batch WHERE shard = 1 AND seq = 2");
    fixture.database.prepare("UPDATE checkpoint SET note = ?, size = ? WHERE shard = 1").run(old, size);
    const without = await verify(fixture);
    assert.equal(without.ok, true);
    assert.equal(without.limits.length, 2);
    assert.deepEqual(kinds(await verify(fixture, saved)), ["shard-1: old-checkpoint", "shard-1: truncated"]);
  }));

test("finds a missing log by the control log alone, if it was closed", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    const saved = await save(fixture);
    fixture.database.exec(
      "DELETE FROM audit_batch WHERE shard IN (1, 3); DELETE FROM checkpoint WHERE shard IN (1, 3)",
    );
    assert.deepEqual(kinds(await verify(fixture)), ["shard-3: missing-log", "shard-3: closed-log-differs"]);
    assert.deepEqual(kinds(await verify(fixture, saved)), [
      "shard-1: old-checkpoint",
      "shard-1: missing-log",
      "shard-1: truncated",
      "shard-3: old-checkpoint",
      "shard-3: missing-log",
      "shard-3: closed-log-differs",
      "shard-3: truncated",
    ]);
  }));

test("finds a missing control log", () =>
  withFixture(async (fixture) => {
    fixture.database.exec("DELETE FROM audit_batch");
    assert.deepEqual(kinds(await verify(fixture)), ["store: deployment-mismatch", "control: missing-log"]);
  }));

test("finds batches that were written after a log was closed, though everything in them is right", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    fixture.calls(3, 1);
    assert.deepEqual(kinds(await verify(fixture)), ["shard-3: closed-log-differs"]);
  }));

test("finds a log, and a process, that the control log did not open", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    fixture.calls(7, 1);
    fixture.log(1).incarnation = Buffer.alloc(16, 7);
    fixture.calls(1, 1);
    assert.deepEqual(kinds(await verify(fixture)), ["shard-1: unknown-log", "shard-7: unknown-log"]);
  }));

test("finds an epoch that goes back, that the control log has not, or that an event does not share", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    const append = (epoch: number, eventEpoch = epoch) => {
      const row = fixture.seal(1, [fixture.callEvent("Encrypt", eventEpoch)], epoch);
      insertBatch(fixture.database, row);
    };
    append(2);
    append(1);
    append(2, 1);
    append(3);
    const { findings } = (await verify(fixture)).logs[1]!;
    assert.deepEqual(
      findings.map(({ kind, batch }) => [kind, batch]),
      [
        ["epoch-mismatch", 2],
        ["epoch-mismatch", 3],
        ["epoch-mismatch", 4],
      ],
    );
  }));

test("takes an event for the system's own only by its type, which no caller chooses", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    for (const name of ["CloseShard", "OpenShard", "InitDeployment", "MarkCrash", "CorrectAnswers"]) {
      fixture.controlCall(name);
      fixture.append(1, [fixture.callEvent(name)]);
    }
    fixture.append(1, [fixture.systemEvent("CloseShard", { shard: 1, lastSeq: 1, size: 2, root: "" })]);
    fixture.checkpoint();
    const report = await verify(fixture);
    assert.deepEqual(kinds(report), []);
    assert.deepEqual(notes(report), ["shard-1: in-doubt 6"]);
  }));

test("finds an event that is not canonical JSON, or no event", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    const event = fixture.callEvent("Encrypt");
    fixture.append(1, [event, event.replace(":", ": "), "[]", "{}"]);
    const { findings } = (await verify(fixture)).logs[1]!;
    assert.deepEqual(
      findings.map(({ kind, batch }) => [kind, batch]),
      Array.from({ length: 3 }, () => ["malformed-event", 1]),
    );
  }));

test("refuses a malformed verifier key, and trusts nothing that another key has signed", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    const source = new DatabaseLogs(connectTo(fixture.database));
    await assert.rejects(verifyAudit({ source, verifierKey: "key" }), MerkleError);
    const other = new NoteSigner({ name: ORIGIN, key: generateKeyPairSync("ed25519").privateKey });
    const report = await verifyAudit({ source, verifierKey: other.verifierKey });
    assert.equal(report.findings.length, 2, "the store's row and its first event name another key");
    assert.ok(report.logs.slice(0, 4).every(({ signedSize }) => signedSize === 0));
    assert.equal(kinds(report).filter((kind) => kind.endsWith("invalid-checkpoint")).length, 4);
  }));

test("makes findings of what no column should hold", () =>
  withFixture(async (fixture) => {
    writeRichLogs(fixture);
    const { database } = fixture;
    const changes = [
      "UPDATE audit_batch SET seq = 'x' WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET seq = 2.5 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET seq = 1152921504606846976 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET seq = 0 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET shard = -1 WHERE shard = 1 AND seq = 10",
      "UPDATE audit_batch SET shard = 'x' WHERE shard = 1 AND seq = 10",
      "UPDATE audit_batch SET epoch = 1152921504606846976 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET events = 1152921504606846976 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET event_count = 9007199254740991 WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET frontier = 'x' WHERE shard = 1 AND seq = 2",
      "UPDATE audit_batch SET leaves = x'', events = x'01' WHERE shard = 0",
      "UPDATE checkpoint SET size = 1152921504606846976 WHERE shard = 1",
      "UPDATE checkpoint SET shard = -1 WHERE shard = 1",
      "UPDATE checkpoint SET note = x'00' WHERE shard = 1",
      "DELETE FROM deployment",
      "DROP TABLE audit_batch",
      "DROP TABLE checkpoint",
      "DROP TABLE deployment",
    ];
    const saved = await save(fixture);
    for (const change of changes) {
      database.exec("BEGIN");
      database.exec(change);
      assert.equal((await verify(fixture, saved)).ok, false, change);
      database.exec("ROLLBACK");
    }
    assert.equal((await verify(fixture, saved)).ok, true);
  }));

test("keeps the first thousand findings of a log and counts the rest", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    fixture.append(1, Array(1200).fill("{}"));
    const { findings, omittedFindings } = (await verify(fixture)).logs[1]!;
    assert.deepEqual([findings.length, omittedFindings], [1000, 200]);
  }));

test("reads a log of many pages", () =>
  withFixture(async (fixture) => {
    fixture.openShard(1);
    fixture.database.exec("BEGIN");
    for (let batch = 0; batch < 200; batch++) fixture.calls(1, 1);
    fixture.checkpoint();
    fixture.database.exec("COMMIT");
    const report = await verify(fixture, await save(fixture));
    assert.deepEqual(kinds(report), []);
    assert.equal(report.logs[1]?.batches, 200);
    fixture.database.exec("DELETE FROM audit_batch WHERE shard = 1 AND seq = 64");
    const { findings } = (await verify(fixture)).logs[1]!;
    assert.equal(findings[0]?.kind, "out-of-sequence");
    assert.equal(findings[0]?.batch, 65);
  }));

test("has the control log first", () =>
  withFixture(async (fixture) => {
    assert.equal((await verify(fixture)).logs[CONTROL_SHARD]?.name, "control");
  }));
