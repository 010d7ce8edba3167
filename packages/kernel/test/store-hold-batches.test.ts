import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { TestDeployment, controlEvent } from "./support/deployment.ts";
import { TestRequest } from "./support/test-request.ts";

forEachDatabase((database) => {
  test("a control transaction that holds batches sees all that were answered, and no other one is before it is over", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    const submit = (): TestRequest => {
      const request = new TestRequest();
      two.store.committer.submit(request);
      return request;
    };
    const before = submit();
    await before.answered;

    const during = { request: before };
    const [epoch, seen] = await one.store.control.run(async (transaction) => {
      await transaction.holdBatches();
      during.request = submit();
      if (deployment.backend.kind === "postgresql") await untilSomebodyWaits();
      assert.equal(during.request.settled, 0);
      const log = transaction.kernel.selectFrom("audit_batch").selectAll().where("shard", "=", two.shard);
      const result = [transaction.epoch, await log.execute()] as const;
      return { result, event: controlEvent("holds batches") };
    });
    assert.deepEqual(
      seen.map(({ seq }) => seq),
      [1],
    );
    await during.request.answered;
    const { rows } = await deployment.backend.reader.execute(
      `SELECT epoch FROM audit_batch WHERE shard = ${two.shard} AND seq = 2`,
      [],
    );
    assert.equal(rows[0]?.["epoch"], epoch, "it was validated anew");

    /** A batch that is not held would be there instead, and nobody would wait. */
    async function untilSomebodyWaits(): Promise<void> {
      for (;;) {
        const { rows: waiting } = await deployment.backend.reader.execute(
          "SELECT 1 FROM pg_locks WHERE NOT granted",
          [],
        );
        if (waiting.length > 0 || during.request.settled > 0) return;
      }
    }
  });
});
