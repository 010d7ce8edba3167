import assert from "node:assert/strict";
import { test } from "node:test";
import { NoteVerifier, openCheckpoint } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import { Checkpointer, logOrigin, parseLogOrigin } from "../src/audit/checkpointer.ts";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { loadDeployment } from "../src/store/deployment.ts";
import { TestDeployment } from "./support/deployment.ts";
import { readLog } from "./support/read-log.ts";
import { TestRequest } from "./support/test-request.ts";

forEachDatabase((database) => {
  test("closing signs the last head of the control log and of the process's own", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    const request = new TestRequest();
    process.store.committer.submit(request);
    await request.answered;
    await process.close();
    const { verifier_key, origin } = await loadDeployment(deployment.backend, deployment.guard);
    const verifier = NoteVerifier.parse(verifier_key);
    const { rows } = await deployment.backend.reader.execute("SELECT * FROM checkpoint ORDER BY shard", []);
    assert.deepEqual(
      rows.map(({ shard }) => shard),
      [CONTROL_SHARD, process.shard],
    );
    for (const { shard, size, note } of rows) {
      const log = await readLog(deployment.backend, Number(shard));
      const checkpoint = openCheckpoint(String(note), verifier, logOrigin(origin, Number(shard)));
      const last = log.at(-1)?.row;
      assert.equal(checkpoint.size, size);
      assert.equal(size, (last?.firstIndex ?? 0) + (last?.eventCount ?? 0) + 1);
      const told = process.observer.checkpoints.findLast((signed) => signed.shard === Number(shard));
      assert.equal(told?.note, note, "the observer is told what is stored");
    }
  });

  test("a smaller head never replaces a larger one", async () => {
    await using deployment = await TestDeployment.create(database);
    const one = await deployment.open();
    await deployment.backend.transaction("write", async (connection) => {
      await connection.execute("INSERT INTO checkpoint (shard, size, note) VALUES (0, 1000, 'larger')", []);
    });
    await one.close();
    const { rows } = await deployment.backend.reader.execute("SELECT size, note FROM checkpoint WHERE shard = 0", []);
    assert.deepEqual({ ...rows[0] }, { size: 1000, note: "larger" });
  });

  test("does not sign a control log that does not end with the epoch's own entry", async () => {
    await using deployment = await TestDeployment.create(database);
    const { store } = await deployment.open();
    const { backend, guard } = deployment;
    const checkpointer = () => new Checkpointer({ backend, guard, signer: store.signer });
    const [honest] = await checkpointer().run(undefined);
    assert.ok(honest !== undefined);
    const change = (sql: string) =>
      backend.transaction("write", async (connection) => {
        await connection.execute(sql, []);
      });
    await change("CREATE TABLE kept_epoch AS SELECT * FROM epoch");
    await change("CREATE TABLE kept_batch AS SELECT * FROM audit_batch WHERE shard = 0");
    const last = "shard = 0 AND seq = (SELECT value FROM epoch)";
    for (const forgery of [
      `UPDATE audit_batch SET seq = seq + 1 WHERE ${last}`,
      `UPDATE audit_batch SET incarnation = (SELECT incarnation FROM kept_batch WHERE seq = 1) WHERE ${last}`,
      `UPDATE audit_batch SET sum = (SELECT sum FROM kept_batch WHERE seq = 1) WHERE ${last}`,
      "UPDATE epoch SET time = time + 1",
      "UPDATE epoch SET value = 1, tag = (SELECT incarnation FROM kept_batch WHERE seq = 1), sum = (SELECT sum FROM kept_batch WHERE seq = 2)",
    ]) {
      await change(forgery);
      await assert.rejects(checkpointer().run(undefined), { name: "TamperedRowError" }, forgery);
      await change("DELETE FROM audit_batch WHERE shard = 0");
      await change("INSERT INTO audit_batch SELECT * FROM kept_batch");
      await change("DELETE FROM epoch");
      await change("INSERT INTO epoch SELECT * FROM kept_epoch");
    }
    assert.deepEqual(await checkpointer().run(undefined), [honest]);
  });
});

test("the origin of a log's checkpoints names the log, and nothing else does", () => {
  for (const shard of [CONTROL_SHARD, 1, 42]) assert.equal(parseLogOrigin("a/b", logOrigin("a/b", shard)), shard);
  for (const line of [
    "",
    "a/b",
    "a/b/",
    "a/b/shard/",
    "a/b/shard/0",
    "a/b/shard/01",
    "a/b/shard/1.5",
    "a/b/shard/-1",
  ]) {
    assert.equal(parseLogOrigin("a/b", line), undefined, line);
  }
  assert.equal(parseLogOrigin("a", logOrigin("a/b", 1)), undefined);
});
