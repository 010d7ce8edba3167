import { randomBytes, randomUUID } from "node:crypto";
import { Frontier } from "@cinnabar/merkle-log";
import { sealBatch } from "../audit/batch-codec.ts";
import { encodeSystemEvent } from "../audit/system-event.ts";
import type { Backend } from "./backend.ts";
import { insertBatchRow } from "./batch-rows.ts";
import { CONTROL_SHARD } from "./control.ts";
import { type DeploymentRow, deploymentTable } from "./deployment.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { RowChange } from "./protected-table.ts";
import { addSums, type RowGuard } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { epochSumPlace } from "./sum-places.ts";

/**
 * Makes an empty store into a deployment: its description, the rows of its first account, the first epoch and the
 * first entry of the control log, all in one transaction. Fails, and changes nothing, if another node was faster.
 */
export async function initStore(options: {
  backend: Backend;
  guard: RowGuard;
  /** Without `wrapped_keys` a store whose keys are derived from its root key. */
  deployment: Omit<DeploymentRow, "id" | "created_at" | "wrapped_keys"> & Partial<Pick<DeploymentRow, "wrapped_keys">>;
  /** Rows of other tables that belong to the beginning. */
  rows: readonly RowChange[];
  /** Milliseconds that the store's time is to be ahead of the database's clock; 0 but in tests. */
  clockOffset: number;
}): Promise<void> {
  const { backend, guard } = options;
  const now = (await backend.clock()) + options.clockOffset;
  await backend.transaction("write", async (connection) => {
    const db = kyselyOn<KernelSchema>(backend.kind, connection);
    const changes = [
      deploymentTable.insert(guard, kyselyOn(backend.kind, connection), {
        id: 1,
        wrapped_keys: null,
        ...options.deployment,
        created_at: now,
      }),
      ...options.rows,
    ];
    let total = 0n;
    for (const { statement, sumDelta } of changes) {
      await connection.execute(statement.sql, statement.parameters);
      total = addSums(total, sumDelta);
    }
    const epoch = {
      value: 1,
      tag: randomBytes(16),
      time: now,
      clock_offset: options.clockOffset,
      clock_epoch: 0,
      changes: null,
    };
    const sum = guard.protectSum(total, epochSumPlace(epoch));
    await db
      .insertInto("epoch")
      .values({ id: 1, ...epoch, sum })
      .execute();
    const event = encodeSystemEvent({
      name: "InitDeployment",
      region: options.deployment.region,
      eventId: randomUUID().toUpperCase(),
      time: now,
      epoch: epoch.value,
      data: { origin: options.deployment.origin, verifierKey: options.deployment.verifier_key },
    });
    const { row } = sealBatch(
      { shard: CONTROL_SHARD, seq: epoch.value, incarnation: epoch.tag, epoch: epoch.value, time: now, sum },
      { frontier: Frontier.empty(), events: [event] },
    );
    await insertBatchRow(db, row);
  });
}
