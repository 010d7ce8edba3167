import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditReport, readCheckpointBundle, verifyAudit, withDatabaseLogs } from "../src/audit/index.ts";
import { AuditFixture, insertBatch, writeRichLogs } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

/** A long log with everything that is noted, closed and opened again in its middle. */
function writeLongLogs(fixture: AuditFixture): void {
  writeRichLogs(fixture);
  fixture.openShard(2);
  for (let batch = 0; batch < 20; batch++) {
    fixture.calls(2, 1 + (batch % 3));
    if (batch % 5 === 0) fixture.checkpoint();
    if (batch % 7 === 0) fixture.controlCall("DisableKey");
    if (batch === 8) fixture.closeShard(2);
    if (batch === 8) fixture.openShard(2);
    if (batch === 14) fixture.reopenAfterCrash(2);
    if (batch === 16) fixture.append(2, [fixture.systemEvent("CorrectAnswers", { answered: 503, eventIds: ["A"] })]);
  }
}

interface Rig {
  readonly fixture: AuditFixture;
  readonly verify: (batchesPerThread?: number) => Promise<AuditReport>;
}

function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const path = join(directory, "cinnabar.db");
    using fixture = await AuditFixture.create(path);
    writeLongLogs(fixture);
    const { verifierKey } = fixture;
    const url = `sqlite:${path}`;
    const savedCheckpoints = await withDatabaseLogs(url, (source) => readCheckpointBundle({ source, verifierKey }));
    fixture.calls(2, 3);
    fixture.calls(2, 1);
    await body({
      fixture,
      verify: (batchesPerThread) =>
        withDatabaseLogs(url, (source) =>
          verifyAudit({
            source,
            verifierKey,
            savedCheckpoints,
            ...(batchesPerThread !== undefined && { batchesPerThread }),
          }),
        ),
    });
  });
}

test("several threads come to the same report as one", () =>
  withRig(async ({ verify }) => {
    const alone = await verify();
    assert.equal(alone.ok, true);
    assert.ok(alone.logs[2]!.batches > 25);
    assert.deepEqual([...new Set(alone.logs[2]!.notes.map(({ kind }) => kind))], ["in-doubt", "corrected", "unsigned"]);
    for (const batchesPerThread of [3, 8]) assert.deepEqual(await verify(batchesPerThread), alone);
  }));

test("several threads find the same as one, wherever it is", () =>
  withRig(async ({ fixture, verify }) => {
    const { database } = fixture;
    const last = 29;
    const changes = [
      ...[1, 14, last].map((seq) => `DELETE FROM audit_batch WHERE shard = 2 AND seq = ${seq}`),
      "UPDATE audit_batch SET time = time + 1 WHERE shard = 2 AND seq = 15",
      "UPDATE audit_batch SET frontier = (SELECT frontier FROM audit_batch WHERE shard = 2 AND seq = 16) WHERE shard = 2 AND seq = 15",
      "UPDATE audit_batch SET events = x'01' WHERE shard = 2 AND seq = 25",
      "UPDATE audit_batch SET seq = 'x' WHERE shard = 2 AND seq = 20",
      "UPDATE audit_batch SET seq = 1000000 WHERE shard = 2 AND seq = 29",
    ];
    for (const change of changes) {
      const undo = backUp(fixture);
      database.exec(change);
      const alone = await verify();
      assert.equal(alone.ok, false, change);
      assert.deepEqual(await verify(6), alone, change);
      undo();
    }
    assert.equal((await verify(6)).ok, true);
  }));

test("a log that was made anew from a point on is found, though each part is right in itself", () =>
  withRig(async ({ fixture, verify }) => {
    fixture.database.exec("DELETE FROM audit_batch WHERE shard = 2 AND seq > 14");
    const alone = await verify();
    assert.deepEqual(await verify(5), alone);
    assert.ok(alone.logs[2]!.findings.some(({ kind }) => kind === "truncated"));
    insertBatch(fixture.database, fixture.seal(2, [fixture.callEvent("Encrypt")]));
    assert.deepEqual(await verify(5), await verify());
  }));

/** Other threads see only what is committed, so a change cannot be rolled back. */
function backUp({ database }: AuditFixture): () => void {
  database.exec("DROP TABLE IF EXISTS audit_backup; CREATE TABLE audit_backup AS SELECT * FROM audit_batch");
  return () => database.exec("DELETE FROM audit_batch; INSERT INTO audit_batch SELECT * FROM audit_backup");
}
