import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import {
  exportAudit,
  ExportedLogs,
  proveEvent,
  readCheckpointBundle,
  verifyAudit,
  verifyEventProof,
  withDatabaseLogs,
} from "../src/audit/index.ts";
import { AuditedStore, recordCall, recordControl } from "./support/audited-store.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

forEachDatabase((database) => {
  test("verifies and exports what the processes of a deployment wrote, against a bundle saved while one of them ran", async () => {
    await using instance = await database.create();
    await using audited = await AuditedStore.create(instance.url);
    const { url, verifierKey } = audited;
    const node = randomBytes(16).toString("hex");

    const first = await audited.open({ node });
    await recordCall(first);
    await recordControl(first);
    await recordCall(first);
    await first.close();
    const again = await audited.open({ node });
    await recordCall(again);
    const other = await audited.open();
    await Promise.all(Array.from({ length: 20 }, () => recordCall(other)));
    await other.close();

    const savedCheckpoints = await withDatabaseLogs(url, (source) => readCheckpointBundle({ source, verifierKey }));
    await again.close();
    await withDatabaseLogs(url, (source) =>
      withTemporaryDirectory(async (directory) => {
        const report = await verifyAudit({ source, verifierKey, savedCheckpoints });
        assert.deepEqual(
          report.logs.map(({ name, findings, notes }) => ({ name, findings, notes })),
          ["control", "shard-1", "shard-2"].map((name) => ({ name, findings: [], notes: [] })),
        );
        assert.deepEqual(report.findings, []);
        assert.deepEqual(
          report.logs.map(({ events }) => events),
          [8, 3, 20],
        );
        await exportAudit({ source, directory });
        assert.deepEqual(
          await verifyAudit({ source: new ExportedLogs(directory), verifierKey, savedCheckpoints }),
          report,
        );
      }),
    );
  });

  test("proves an event, and verifies with several threads", async () => {
    await using instance = await database.create();
    await using audited = await AuditedStore.create(instance.url);
    const { url, verifierKey } = audited;
    const store = await audited.open();
    const events: string[] = [];
    for (let batch = 0; batch < 30; batch++) events.push(await recordCall(store));
    await store.close();
    const event = events[17] ?? "";
    const { eventId } = JSON.parse(event) as { eventId: string };
    await withDatabaseLogs(url, async (source) => {
      const proof = await proveEvent({ source, verifierKey, wanted: { eventId } });
      assert.deepEqual(verifyEventProof(proof, verifierKey), { log: "shard-1", index: 34, size: 60, eventId, event });
      let steps = 0;
      const onProgress = ({ log }: { log: string }) => (steps += log === "shard-1" ? 1 : 0);
      const report = await verifyAudit({ source, verifierKey, batchesPerThread: 10, onProgress });
      assert.equal(steps < 30, availableParallelism() > 1, `${steps} steps`);
      assert.deepEqual(report, await verifyAudit({ source, verifierKey }));
      assert.equal(report.ok, true);
    });
  });
});
