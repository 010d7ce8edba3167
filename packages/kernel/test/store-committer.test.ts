import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import type { BatchCommit, BatchOutcome } from "../src/store/backend.ts";
import { MAX_BATCH_EVENTS } from "../src/store/committer.ts";
import { TestDeployment, type TestProcess } from "./support/deployment.ts";
import { correctedIds, readEvents, readLog } from "./support/read-log.ts";
import { type RequestOptions, TestRequest } from "./support/test-request.ts";
import { type Thing, thingKind, thingRow, thingTable } from "./support/thing.ts";

function submit(process: TestProcess, options: RequestOptions = {}): TestRequest {
  const request = new TestRequest(options);
  process.store.committer.submit(request);
  return request;
}

async function answered(requests: readonly TestRequest[]): Promise<void> {
  await Promise.all(requests.map((request) => request.answered));
  assert.ok(requests.every(({ settled }) => settled === 1));
}

/** A request whose answer depends on one thing as the cache has it. */
function dependsOn(process: TestProcess, id: string): RequestOptions & { seen: () => number | undefined } {
  const { cache } = process.store;
  let used: Thing | undefined = cache.peek(thingKind, id);
  return {
    isCurrent: () => used !== undefined && cache.peek(thingKind, id) === used,
    rerun: async () => {
      used = await cache.find(thingKind, id);
    },
    seen: () => used?.row.count,
  };
}

/** A request that makes a thing, or finds that somebody else has. */
function creates(process: TestProcess, id: string): RequestOptions & { made: () => boolean } {
  const { guard, reader, cache } = process.store;
  const inserts = [thingTable.insert(guard, reader, thingRow(id))];
  let made = true;
  return {
    inserts,
    rerun: async (request) => {
      made = (await cache.find(thingKind, id)) === undefined;
      request.inserts = made ? inserts : [];
    },
    made: () => made,
  };
}

/** Lets one batch wait before it reaches the database. */
function holdNextBatch(process: TestProcess): { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  process.interception.commitBatch = async (batch, commit) => {
    process.interception.commitBatch = undefined;
    reached.resolve();
    await released.promise;
    return commit(batch);
  };
  return { reached: reached.promise, release: released.resolve };
}

/** Gives these in the place of the next batches' outcomes; the database does what each says before. */
function script(
  process: TestProcess,
  outcomes: readonly ((
    batch: BatchCommit,
    commit: (batch: BatchCommit) => Promise<BatchOutcome>,
  ) => Promise<BatchOutcome>)[],
): void {
  const rest = [...outcomes];
  process.interception.commitBatch = (batch, commit) => {
    const next = rest.shift();
    return next === undefined ? commit(batch) : next(batch, commit);
  };
}

/** Waits until a session of PostgreSQL does. */
async function untilOneWaits({ backend }: TestDeployment, condition: string): Promise<void> {
  const sessions = `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND ${condition}`;
  while ((await backend.reader.execute(sessions, [])).rows.length === 0);
}

const failed = (): Promise<BatchOutcome> => Promise.resolve({ kind: "failed", cause: new Error("disk full") });
const lost = (): Promise<BatchOutcome> => Promise.resolve({ kind: "unknown", cause: new Error("no answer") });
const lostButDone = async (
  batch: BatchCommit,
  commit: (batch: BatchCommit) => Promise<BatchOutcome>,
): Promise<BatchOutcome> => {
  assert.equal((await commit(batch)).kind, "committed");
  return lost();
};

forEachDatabase((database) => {
  test("what arrives while a batch is in flight is the next one, in the order of arrival", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const held = holdNextBatch(process);
    const first = [submit(process), submit(process)];
    await held.reached;
    const second = Array.from({ length: 40 }, () => submit(process));
    assert.equal(process.store.committer.queued, 40);
    held.release();
    await answered([...first, ...second]);
    const log = await readLog(deployment.backend, process.shard);
    assert.deepEqual(
      log.map(({ events }) => events.map(({ eventId }) => eventId)),
      [first, second].map((requests) => requests.map(({ id }) => id)),
    );
    assert.deepEqual(process.observer.batches, [2, 40]);
  });

  test("who comes from slow work waits for others like it, and for nobody who comes from none", async (t) => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    process.store.committer.expect({ size: 20 });
    // The committer's patience does not end by itself.
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const comeOneByOne = async (count: number): Promise<TestRequest[]> => {
      const requests: TestRequest[] = [];
      for (let i = 0; i < count; i++) {
        requests.push(submit(process, { isPatient: true }));
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
      return requests;
    };
    const [few, many] = [await comeOneByOne(3), await comeOneByOne(5)];
    await answered([...few, ...many]);
    // After a batch of eight, six are waited for, whoever comes.
    process.store.committer.expect({ size: 0 });
    const rest = [submit(process), ...Array.from({ length: 5 }, () => submit(process))];
    await answered(rest);
    process.store.committer.expect({ size: 20 });
    const [slow, fast] = [await comeOneByOne(2), submit(process)];
    await answered([...slow, fast]);
    process.store.committer.expect({ size: 1 });
    await answered(await comeOneByOne(1));
    assert.deepEqual(process.observer.batches, [8, 6, 3, 1]);
  });

  test("an answer goes only when its batch is on record, and before the next one is begun", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const steps: string[] = [];
    process.interception.commitBatch = async (batch, commit) => {
      steps.push(`begin ${batch.row.seq}`);
      const outcome = await commit(batch);
      const { rows } = await deployment.backend.reader.execute(
        `SELECT seq FROM audit_batch WHERE shard = ${batch.row.shard} AND seq = ${batch.row.seq}`,
        [],
      );
      assert.equal(rows.length, 1);
      steps.push(`end ${batch.row.seq}`);
      return outcome;
    };
    const requests: TestRequest[] = [];
    for (let i = 1; i <= 5; i++) {
      const request = submit(process, { onSettle: () => steps.push(`settle ${i}`) });
      requests.push(request);
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await answered(requests);
    let open = false;
    let settled = 0;
    for (const step of steps) {
      if (step.startsWith("begin")) {
        assert.ok(!open, "one batch at a time");
        open = true;
      } else if (step.startsWith("end")) open = false;
      else if (step.startsWith("settle")) {
        assert.ok(!open, "between the commit and the next batch");
        assert.equal(step, `settle ${++settled}`);
      }
    }
  });

  test("the few that came too late for a batch wait for those whom it answers", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const held = holdNextBatch(process);
    const next: TestRequest[] = [];
    const callAgain = (): void => {
      setImmediate(() => next.push(submit(process)));
    };
    const first = Array.from({ length: 32 }, () => submit(process, { onSettle: callAgain }));
    await held.reached;
    const late = Array.from({ length: 3 }, () => submit(process));
    held.release();
    await answered([...first, ...late]);
    await answered(next);
    assert.deepEqual(process.observer.batches, [32, 35]);
  });

  test("who comes alone after many does not wait for others to come", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    await answered(Array.from({ length: 32 }, () => submit(process)));
    await answered([submit(process)]);
    await answered([submit(process)]);
    assert.deepEqual(process.observer.batches, [32, 1, 1]);
  });

  test("a batch holds only so many events", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const requests = Array.from({ length: 2 * MAX_BATCH_EVENTS + 1 }, () => submit(process));
    await answered(requests);
    assert.deepEqual(process.observer.batches, [MAX_BATCH_EVENTS, MAX_BATCH_EVENTS, 1]);
    const events = await readEvents(deployment.backend, process.shard);
    assert.deepEqual(
      events.map(({ eventId }) => eventId),
      requests.map(({ id }) => id),
    );
  });

  test("when the epoch has moved, what depended on the change runs again and the rest does not", async () => {
    await using deployment = await TestDeployment.create(database);
    const [process, other] = [await deployment.open(), await deployment.open()];
    await other.addThings({ id: "a" }, { id: "b" });
    await process.store.cache.refresh();
    await process.store.cache.find(thingKind, "a");
    await process.store.cache.find(thingKind, "b");
    const held = holdNextBatch(process);
    const [onA, onB] = [dependsOn(process, "a"), dependsOn(process, "b")];
    const [a, b, free] = [submit(process, onA), submit(process, onB), submit(process)];
    await held.reached;
    await other.changeThing("a", { count: 7 });
    held.release();
    await answered([a, b, free]);
    assert.deepEqual([a.runs, b.runs, free.runs], [2, 1, 1]);
    assert.equal(onA.seen(), 7);
    assert.equal(process.observer.misses, 1);
    const { value } = other.store.cache.epoch;
    for (const { epoch } of await readEvents(deployment.backend, process.shard)) assert.equal(epoch, value);
  });

  test("a stream of controls, here and elsewhere, starves nobody", async () => {
    await using deployment = await TestDeployment.create(database);
    const [process, other] = [await deployment.open(), await deployment.open()];
    await process.addThings({ id: "a" });
    const done = new AbortController();
    let changes = 0;
    const change = async (by: TestProcess): Promise<void> => {
      for (; !done.signal.aborted; changes++) await by.changeThing("a", { count: changes });
    };
    const streams = Promise.all([change(process), change(other), change(other)]);
    for (let round = 0; round < 10; round++) {
      const dependent = dependsOn(process, "a");
      const request = submit(process, dependent);
      await answered([request]);
      // Run once, sent back twice, then run under the lock.
      assert.ok(request.runs <= 4, `run ${request.runs} times`);
    }
    done.abort();
    await streams;
    assert.ok(changes > 0);
    await readLog(deployment.backend, process.shard);
  });

  test("a batch that misses twice takes the epoch's lock and gets in", async () => {
    await using deployment = await TestDeployment.create(database);
    const [process, other] = [await deployment.open(), await deployment.open()];
    await other.addThings({ id: "a" });
    let batches = 0;
    process.interception.commitBatch = async (batch, commit) => {
      batches++;
      await other.changeThing("a", { count: batches });
      return commit(batch);
    };
    const dependent = dependsOn(process, "a");
    const requests = [submit(process), submit(process, dependent)];
    await answered(requests);
    assert.ok(process.observer.misses >= 2);
    assert.ok(batches <= 6, `${batches} batches`);
    const { rows } = await deployment.backend.reader.execute("SELECT value FROM epoch", []);
    const events = await readEvents(deployment.backend, process.shard);
    assert.equal(events.find(({ eventId }) => eventId === requests[1]?.id)?.epoch, rows[0]?.["value"]);
  });

  test("of two that make the same thing one does, and who only shared its batch notices nothing", async () => {
    await using deployment = await TestDeployment.create(database);
    const [one, two] = [await deployment.open(), await deployment.open()];
    const makers = [creates(one, "a"), creates(one, "a"), creates(one, "b"), creates(two, "a"), creates(two, "b")];
    const requests = makers.map((maker, i) => submit(i < 3 ? one : two, maker));
    const bystanders = [submit(one), submit(two)];
    await answered([...requests, ...bystanders]);
    assert.equal([0, 1, 3].filter((i) => makers[i]?.made()).length, 1);
    assert.equal([2, 4].filter((i) => makers[i]?.made()).length, 1);
    assert.ok(bystanders.every(({ runs }) => runs === 1));
    const ids = [
      ...(await readEvents(deployment.backend, one.shard)),
      ...(await readEvents(deployment.backend, two.shard)),
    ].map(({ eventId }) => eventId);
    assert.deepEqual(ids.toSorted(), [...requests, ...bystanders].map(({ id }) => id).toSorted());
    assert.deepEqual(await deployment.sweep(), { rows: 3, problems: [] });
  });

  test("a row that the database does not take stands in nobody's way", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const { guard, reader } = process.store;
    const insert = thingTable.insert(guard, reader, thingRow("poison"));
    const poison = submit(process, {
      inserts: [
        { ...insert, statement: { ...insert.statement, sql: insert.statement.sql.replace("count", "number") } },
      ],
    });
    const others = [submit(process), submit(process, creates(process, "good"))];
    await answered(others);
    poison.ticket.abandoned = true;
    await answered([submit(process)]);
    assert.equal(poison.settled, 0);
    assert.deepEqual(await deployment.sweep(), { rows: 2, problems: [] });
    assert.ok(!(await readEvents(deployment.backend, process.shard)).some(({ eventId }) => eventId === poison.id));
  });

  test("while the database takes nothing the same batch is offered, without whom was told so", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const [patient, impatient] = [submit(process), submit(process)];
    script(process, [
      failed,
      () => {
        impatient.ticket.abandoned = true;
        assert.equal(process.store.committer.isHealthy, false);
        return failed();
      },
    ]);
    await answered([patient]);
    assert.equal(impatient.settled, 0);
    assert.equal(process.observer.troubles.length, 2);
    assert.equal(process.store.committer.isHealthy, true);
    const log = await readLog(deployment.backend, process.shard);
    assert.deepEqual(
      log.map(({ events }) => events.map(({ eventId }) => eventId)),
      [[patient.id]],
    );
  });

  test("who is told 503 while the batch commits is named by a correction at once", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const held = holdNextBatch(process);
    const [patient, impatient] = [submit(process), submit(process)];
    await held.reached;
    impatient.ticket.abandoned = true;
    held.release();
    await answered([patient]);
    await process.store.committer.drain();
    assert.equal(impatient.settled, 0);
    const events = await readEvents(deployment.backend, process.shard);
    assert.deepEqual(
      events.slice(0, 2).map(({ eventId }) => eventId),
      [patient.id, impatient.id],
    );
    assert.deepEqual(correctedIds(events), [impatient.id]);
  });

  test("a control that was answered 503 is corrected in the process's own log", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    process.store.committer.correct("CONTROL-EVENT");
    await process.store.committer.drain();
    assert.deepEqual(correctedIds(await readEvents(deployment.backend, process.shard)), ["CONTROL-EVENT"]);
  });

  test("an answer that holds only for a time is computed again after it", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const { clock } = process.store;
    const due = clock.now() + 250;
    const until: RequestOptions = {
      window: { from: 0, until: due },
      rerun: (request) => {
        request.window = { from: due, until: Number.MAX_SAFE_INTEGER };
      },
    };
    const early = submit(process, until);
    await answered([early]);
    assert.equal(early.runs, 1);
    assert.ok(clock.now() < due, "the machine is too slow for this test");

    const held = holdNextBatch(process);
    const late = submit(process, {
      ...until,
      isCurrent: ({ window }) => window === undefined || (clock.now() >= window.from && clock.now() < window.until),
    });
    const free = submit(process);
    await held.reached;
    while (clock.now() <= due) await new Promise((resolve) => setTimeout(resolve, 20));
    held.release();
    await answered([late, free]);
    assert.deepEqual([late.runs, free.runs], [2, 1]);
    const last = (await readLog(deployment.backend, process.shard)).at(-1);
    assert.ok((last?.row.time ?? 0) >= due);
  });

  test("an answer that does not hold yet waits for its time", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const { clock } = process.store;
    const from = clock.now() + 100;
    // Computed by a clock that was ahead: the database refuses it until the time has come.
    const request = submit(process, { window: { from, until: Number.MAX_SAFE_INTEGER } });
    await answered([request]);
    assert.ok(clock.now() >= from);
  });

  test("finding another incarnation at its seq, a process stops and answers nothing more", async () => {
    await using deployment = await TestDeployment.create(database);
    const zombie = await deployment.open();
    await answered([submit(zombie)]);
    await using successor = await deployment.open({ node: zombie.node });
    assert.equal(successor.shard, zombie.shard);
    await answered([submit(successor)]);
    const request = submit(zombie);
    await zombie.store.committer.drain();
    assert.deepEqual(zombie.observer.fences, [`another process has written batch 2 of shard ${zombie.shard}`]);
    assert.equal(request.settled, 0);
    submit(zombie);
    assert.equal(zombie.observer.fences.length, 1);
    assert.equal((await readLog(deployment.backend, zombie.shard)).length, 3);
  });

  test("a process whose last batch is gone from the store stops, whether the epoch has moved or not", async () => {
    for (const epochMoves of [false, true]) {
      await using deployment = await TestDeployment.create(database);
      const process = await deployment.open();
      await using other = await deployment.open();
      await answered([submit(process)]);
      await answered([submit(process)]);
      if (epochMoves) await other.addThings({ id: "a" });
      await deployment.backend.transaction("write", async (connection) => {
        await connection.execute(`DELETE FROM audit_batch WHERE shard = ${process.shard} AND seq = 2`, []);
      });
      const request = submit(process);
      await process.store.committer.drain();
      assert.match(process.observer.fences.join(), /batch 2 of shard \d+, which .* had committed, is no longer/);
      assert.equal(request.settled, 0);
    }
  });

  test("a process whose shard was closed stops", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    await answered([submit(process)]);
    await deployment.backend.transaction("write", async (connection) => {
      await connection.execute(`UPDATE shard SET closed = 1 WHERE id = ${process.shard}`, []);
    });
    submit(process);
    await process.store.committer.drain();
    assert.deepEqual(process.observer.fences, [`shard ${process.shard} was closed`]);
  });

  test("draining waits for what is being run again as well", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const rerun = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const request = submit(process, {
      isCurrent: ({ runs }) => runs > 1,
      rerun: () => {
        begun.resolve();
        return rerun.promise;
      },
    });
    await begun.promise;
    const drained = process.store.committer.drain();
    await answered([submit(process)]);
    assert.equal(request.settled, 0);
    rerun.resolve();
    await drained;
    assert.equal(request.settled, 1);
    assert.ok((await readLog(deployment.backend, process.shard)).every(({ events }) => events.length > 0));
  });

  if (database.name === "sqlite") {
    test("after a commit that the disk did not confirm the process ends", async () => {
      await using deployment = await TestDeployment.create(database);
      const process = await deployment.open();
      script(process, [lostButDone]);
      const request = submit(process);
      await process.store.committer.drain();
      assert.deepEqual(process.observer.fences, ["the disk did not confirm a commit"]);
      assert.equal(request.settled, 0);
      await process.crash();
    });
  } else {
    test("a batch that stands after all is answered as it stands, once a later commit has confirmed it", async () => {
      await using deployment = await TestDeployment.create(database);
      const [process, other] = [await deployment.open(), await deployment.open()];
      await process.store.cache.refresh();
      await process.addThings({ id: "a" });
      await process.store.cache.find(thingKind, "a");
      const dependent = dependsOn(process, "a");
      const [request, impatient] = [submit(process, dependent), submit(process)];
      script(process, [
        async (batch, commit) => {
          await lostButDone(batch, commit);
          impatient.ticket.abandoned = true;
          await other.changeThing("a", { count: 9 });
          return lost();
        },
        (batch, commit) => {
          assert.equal(batch.row.seq, 2);
          assert.equal(batch.row.eventCount, 1, "the correction, and no request");
          assert.equal(request.settled, 0, "not before the confirmation");
          return commit(batch);
        },
      ]);
      await answered([request]);
      assert.deepEqual([request.runs, impatient.settled], [1, 0]);
      assert.equal(dependent.seen(), 0, "the answer is what stands on record");
      await process.store.committer.drain();
      const log = await readLog(deployment.backend, process.shard);
      const events = log.flatMap(({ events }) => events);
      assert.equal(events.filter(({ eventId }) => eventId === request.id).length, 1);
      assert.deepEqual(correctedIds(events), [impatient.id]);
      await other.close();
    });

    test("a batch that does not stand is put on record once, by the next try", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      const [request, impatient] = [submit(process), submit(process, creates(process, "never"))];
      script(process, [
        () => {
          impatient.ticket.abandoned = true;
          return lost();
        },
        lost,
        lostButDone,
      ]);
      await answered([request]);
      await process.store.committer.drain();
      const events = await readEvents(deployment.backend, process.shard);
      assert.deepEqual(
        events.map(({ eventId }) => eventId),
        [request.id],
      );
      assert.equal(await process.store.cache.find(thingKind, "never"), undefined);
      assert.deepEqual((await deployment.sweep()).problems, []);
    });

    test("a statement that outlives its connection loses against the next try, or wins, but never both", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      for (const lateWins of [true, false]) {
        const late: { statement?: () => Promise<BatchOutcome> } = {};
        script(process, [
          (batch, commit) => {
            late.statement = () => commit(batch);
            return lost();
          },
          async (batch, commit) => {
            if (lateWins) assert.equal((await late.statement?.())?.kind, "committed");
            return commit(batch);
          },
        ]);
        const request = submit(process, creates(process, `late ${lateWins}`));
        await answered([request]);
        if (!lateWins) assert.equal((await late.statement?.())?.kind, "conflict");
        const events = await readEvents(deployment.backend, process.shard);
        assert.equal(events.filter(({ eventId }) => eventId === request.id).length, 1);
      }
      assert.deepEqual(await deployment.sweep(), { rows: 3, problems: [] });
    });

    test("a session that is terminated between batches costs a round trip and nothing else", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      for (let i = 0; i < 3; i++) {
        await answered([submit(process, creates(process, `${i}`)), submit(process)]);
        await deployment.backend.reader.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
          [],
        );
      }
      await answered([submit(process)]);
      const events = await readEvents(deployment.backend, process.shard);
      assert.equal(events.length, 7);
      assert.deepEqual(await deployment.sweep(), { rows: 4, problems: [] });
    });

    test("a control returns only when every batch that passed the check before it is on record", async () => {
      await using deployment = await TestDeployment.create(database);
      const [process, other] = [await deployment.open(), await deployment.open()];
      await process.store.cache.refresh();
      // A trigger that makes the commit of a batch take a while, after its statement has passed the check.
      await deployment.backend.transaction("write", async (connection) => {
        await connection.execute(
          "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'",
          [],
        );
        await connection.execute(
          `CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.shard = ${process.shard}) EXECUTE FUNCTION dawdle()`,
          [],
        );
      });
      const request = submit(process);
      await untilOneWaits(deployment, "wait_event = 'PgSleep'");
      await other.addThings({ id: "a" });
      const events = await readEvents(deployment.backend, process.shard);
      assert.deepEqual(
        events.map(({ eventId }) => eventId),
        [request.id],
        "who looks now finds it",
      );
      await answered([request]);
      assert.equal(process.observer.misses, 0);
    });

    test("a batch that waited for a control reads the tag anew", async () => {
      await using deployment = await TestDeployment.create(database);
      const [process, other] = [await deployment.open(), await deployment.open()];
      await other.addThings({ id: "a" });
      await process.store.cache.refresh();
      await process.store.cache.find(thingKind, "a");
      const dependent = dependsOn(process, "a");
      const submitted = Promise.withResolvers<TestRequest>();
      other.interception.beforeCommit = async () => {
        other.interception.beforeCommit = undefined;
        submitted.resolve(submit(process, dependent));
        await untilOneWaits(deployment, "wait_event_type = 'Lock' AND query LIKE 'INSERT INTO audit_batch%'");
      };
      await other.changeThing("a", { count: 1 });
      const request = await submitted.promise;
      await answered([request]);
      assert.deepEqual([request.runs, dependent.seen(), process.observer.misses], [2, 1, 1]);
    });

    test("a batch that waits for a row of a control does not keep the control waiting", async () => {
      await using deployment = await TestDeployment.create(database);
      const [process, other] = [await deployment.open(), await deployment.open()];
      await other.addThings({ id: "a" });
      await process.store.cache.refresh();
      await answered([submit(process)]);
      const startedAt = performance.now();
      const maker = creates(process, "a");
      const deleted = Promise.withResolvers<TestRequest>();
      await other.store.control.run(async (transaction) => {
        const thing = await transaction.find(thingKind, "a");
        assert.ok(thing);
        await transaction.write(thingTable.delete(transaction.guard, transaction.db, thing));
        transaction.touch(thingKind, "a");
        deleted.resolve(submit(process, maker));
        // Until the batch waits for the row that is about to go.
        for (let waiting = 0; waiting === 0;) {
          const { rows } = await deployment.backend.reader.execute(
            "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE 'insert into \"thing\"%'",
            [],
          );
          waiting = rows.length;
        }
        return { result: undefined, event: "{}" };
      });
      await answered([await deleted.promise]);
      assert.ok(maker.made());
      // PostgreSQL looks for deadlocks after a second.
      assert.ok(performance.now() - startedAt < 1000, "nobody had to break a deadlock");
      assert.deepEqual((await deployment.sweep()).problems, []);
    });
  }
});
