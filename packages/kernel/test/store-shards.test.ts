import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { TestDeployment, type TestProcess } from "./support/deployment.ts";
import { controlEventNames, readEvents, readLog } from "./support/read-log.ts";
import { TestRequest } from "./support/test-request.ts";

async function answer(process: TestProcess): Promise<void> {
  const request = new TestRequest();
  process.store.committer.submit(request);
  await request.answered;
}

forEachDatabase((database) => {
  test("a node has its own shard again at every start, and others have others", async () => {
    await using deployment = await TestDeployment.create(database);
    const [first, other] = await Promise.all([deployment.open(), deployment.open()]);
    assert.notEqual(first.shard, other.shard);
    assert.ok(first.shard > 0 && other.shard > 0);
    await answer(first);
    await first.close();
    const again = await deployment.open({ node: first.node });
    assert.equal(again.shard, first.shard);
    assert.equal(again.store.committer.shard.seq, 2);
    assert.notDeepEqual(again.store.committer.shard.incarnation, first.store.committer.shard.incarnation);
    await answer(again);
    const log = await readLog(deployment.backend, again.shard);
    assert.equal(log.length, 2, "a clean end leaves no marker");
    assert.ok(log.every(({ events }) => events[0]?.eventName === undefined));
  });

  test("opening and closing are events of the control log, with the shard's last head", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    await answer(process);
    const { frontier, incarnation } = process.store.committer.shard;
    await process.close();
    assert.deepEqual(await controlEventNames(deployment.backend), ["InitDeployment", "OpenShard", "CloseShard"]);
    const [, opened, closed] = await readEvents(deployment.backend, CONTROL_SHARD);
    assert.deepEqual(opened?.additionalEventData, {
      closedBefore: true,
      epoch: 2,
      incarnation: Buffer.from(incarnation).toString("hex"),
      node: process.node,
      shard: process.shard,
    });
    assert.deepEqual(closed?.additionalEventData, {
      epoch: 3,
      lastSeq: 1,
      root: frontier.root().toString("base64"),
      shard: process.shard,
      size: frontier.size,
    });
  });

  test("after a crash the successor marks the last batch as in doubt, by the store's time", async () => {
    await using deployment = await TestDeployment.create(database, { clockOffset: 86_400_000 });
    const process = await deployment.open();
    await answer(process);
    await answer(process);
    await process.crash();
    const successor = await deployment.open({ node: process.node });
    await answer(successor);
    const log = await readLog(deployment.backend, process.shard);
    const marker = log[2]?.events[0];
    assert.equal(marker?.eventName, "MarkCrash");
    assert.deepEqual(marker.additionalEventData, {
      epoch: successor.store.cache.epoch.value,
      inDoubtSeq: 2,
      shard: process.shard,
    });
    assert.ok((log[2]?.row.time ?? 0) > Date.now() + 80_000_000);
    const { shard } = successor.store.committer;
    assert.deepEqual(Buffer.from(log[2]?.row.incarnation ?? []), Buffer.from(shard.incarnation));
    const opened = (await readEvents(deployment.backend, CONTROL_SHARD)).at(-1);
    assert.equal(opened?.additionalEventData?.["closedBefore"], false);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("a crash before the first batch leaves nothing in doubt", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    await process.crash();
    const successor = await deployment.open({ node: process.node });
    assert.equal(successor.store.committer.shard.seq, 1);
    assert.deepEqual(await readLog(deployment.backend, successor.shard), []);
  });

  test("a process that was replaced while alive is fenced, and cannot close what is not its own", async () => {
    await using deployment = await TestDeployment.create(database);
    const zombie = await deployment.open();
    await answer(zombie);
    const successor = await deployment.open({ node: zombie.node });
    await assert.rejects(zombie.close(), /belongs to another process now/);
    const { rows } = await deployment.backend.reader.execute(`SELECT closed FROM shard WHERE id = ${zombie.shard}`, []);
    assert.equal(rows[0]?.["closed"], 0);
    await answer(successor);
    assert.deepEqual(successor.observer.fences, []);
    await zombie.crash();
  });

  test("a zombie that writes on while its successor takes over gets in whole or not at all", async () => {
    await using deployment = await TestDeployment.create(database);
    const zombie = await deployment.open();
    await answer(zombie);
    const done = new AbortController();
    const requests: TestRequest[] = [];
    const writer = (async () => {
      while (!done.signal.aborted && zombie.observer.fences.length === 0) {
        const request = new TestRequest();
        requests.push(request);
        zombie.store.committer.submit(request);
        await Promise.race([request.answered, new Promise((resolve) => setTimeout(resolve, 50))]);
      }
    })();
    const successor = await deployment.open({ node: zombie.node });
    await answer(successor);
    await zombie.store.committer.drain();
    done.abort();
    await writer;
    const log = await readLog(deployment.backend, zombie.shard);
    const marker = log.findIndex(({ events }) => events[0]?.eventName === "MarkCrash");
    assert.equal(log[marker]?.events[0]?.additionalEventData?.["inDoubtSeq"], marker);
    const before = new Set(log.slice(0, marker).flatMap(({ events }) => events.map(({ eventId }) => eventId)));
    for (const { id, settled } of requests) assert.equal(settled === 1, before.has(id));
    const incarnations = log.map(({ row }) => Buffer.from(row.incarnation).toString("hex"));
    assert.equal(new Set(incarnations.slice(0, marker)).size, 1);
    assert.equal(new Set(incarnations.slice(marker)).size, 1);
    await zombie.crash();
  });

  test("what was corrected too late for an answer is on record before the shard is closed", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    // As the pipeline does when a request was answered 503 while its control transaction ran.
    void process.addThings({ id: "a" }).then(() => process.store.committer.correct("LATE"));
    await process.close();
    assert.equal((await readEvents(deployment.backend, process.shard)).at(-1)?.eventName, "CorrectAnswers");
  });

  test("a store sealed under another root key is refused, and its shards stay as they are", async () => {
    await using deployment = await TestDeployment.create(database);
    await using other = await TestDeployment.create(database);
    const [row] = (await deployment.backend.reader.execute("SELECT value FROM epoch", [])).rows;
    await assert.rejects(deployment.open({ rootKey: other.rootKey }), /root key/);
    assert.deepEqual((await deployment.backend.reader.execute("SELECT value FROM epoch", [])).rows, [row]);
  });
});
