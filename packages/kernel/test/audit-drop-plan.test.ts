import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Frontier } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import { sealBatch } from "../src/audit/batch-codec.ts";
import { planDrop } from "../src/audit/drop-plan.ts";
import type { SqlConnection, SqlResult } from "../src/store/backend.ts";
import { insertBatchRow } from "../src/store/batch-rows.ts";
import { kyselyOn } from "../src/store/kysely-dialect.ts";
import { STORED_SUM_BYTES } from "../src/store/row-guard.ts";
import type { KernelSchema } from "../src/store/schema.ts";
import { TestDeployment } from "./support/deployment.ts";

const SHARD = 1;
const NO_LIMITS = { batches: 1000, bytes: Infinity };

/** Appends batches to a log of their own. */
async function append({ backend }: TestDeployment, batches: readonly (readonly string[])[]): Promise<void> {
  const incarnation = randomBytes(16);
  let frontier = Frontier.empty();
  await backend.transaction("write", async (connection) => {
    for (const [index, events] of batches.entries()) {
      const place = {
        shard: SHARD,
        seq: index + 1,
        incarnation,
        epoch: 1,
        time: index,
        sum: randomBytes(STORED_SUM_BYTES),
      };
      const sealed = sealBatch(place, { frontier, events });
      frontier = sealed.frontier;
      await insertBatchRow(kyselyOn<KernelSchema>(backend.kind, connection), sealed.row);
    }
  });
}

forEachDatabase((database) => {
  test("judging a page of full batches lets the rest of the event loop go on", async () => {
    await using deployment = await TestDeployment.create(database);
    const event = () => JSON.stringify({ random: randomBytes(400).toString("hex") });
    await append(
      deployment,
      Array.from({ length: 65 }, () => Array.from({ length: 512 }, event)),
    );
    const { backend, guard } = deployment;
    const answers = new Map<string, SqlResult>();
    const reader: SqlConnection = {
      async execute(sql, parameters) {
        const question = JSON.stringify([sql, parameters]);
        const answer = answers.get(question) ?? (await backend.reader.execute(sql, parameters));
        answers.set(question, answer);
        return answer;
      },
    };
    const remembering = new Proxy(backend, {
      get: (target, name): unknown => (name === "reader" ? reader : Reflect.get(target, name, target)),
    });
    const scope = { shard: SHARD, after: 0, last: 64, before: Infinity };
    const planned = () => planDrop({ backend: remembering, guard }, scope, NO_LIMITS);
    await planned();
    // What was read is there at once: the second time, only judging can make way.
    let [turns, isOver] = [0, false];
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const plan = await planned();
    isOver = true;
    assert.equal(plan.batches.length, 64);
    assert.ok(turns > 16, `${turns} turns`);
  });

  test("a text that is no event is damage, and what stands beside it goes", async () => {
    await using deployment = await TestDeployment.create(database);
    await append(deployment, [["{}"], ["AliyunServiceEvent {"], ["{}"], ["{}"]]);
    const plan = await planDrop(deployment, { shard: SHARD, after: 0, last: 3, before: Infinity }, NO_LIMITS);
    assert.deepEqual([plan.damaged, plan.batches.map(({ seq }) => seq)], [[2], [1, 3]]);
  });
});
