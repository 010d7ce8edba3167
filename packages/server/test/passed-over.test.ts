import assert from "node:assert/strict";
import { test } from "node:test";
import { Writable } from "node:stream";
import {
  type AccountKeyUse,
  alarm,
  type Backend,
  DatabaseAwayError,
  encodeSystemEvent,
  isId,
  type Metrics,
  newRequestId,
  rotateAccountKey,
  type SqlRow,
  UnknownOutcomeError,
} from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { PassedOver } from "../src/jobs/index.ts";
import { RewrapAccountKeys } from "../src/rotation/index.ts";
import { accountKeyUses } from "../src/tables.ts";
import { Caller, DAY_MILLIS, DestructionRig, REGION } from "./support/destruction-rig.ts";

forEachDatabase((database) => {
  test("a destroyed key that is put back raises an alarm, and holds up no other", async () => {
    await using rig = await DestructionRig.create(database);
    const [first, second] = await rig.serve(async (_node, owner) => {
      const ids = [await owner.createKey(), await owner.createKey()] as const;
      await owner.scheduleDeletion(ids[0], 7);
      await owner.scheduleDeletion(ids[1], 10);
      return ids;
    });
    const keys = (await rig.rows("kms_key")).filter((row) => row["id"] === first);
    const versions = (await rig.rows("key_version")).filter((row) => row["key_id"] === first);
    await rig.advance(8 * DAY_MILLIS);
    await rig.serve((node) => node.jobs.runDue());
    assert.deepEqual(await subjects(rig), [first]);
    await insert(rig.backend, "kms_key", keys);
    await insert(rig.backend, "key_version", versions);
    await rig.advance(3 * DAY_MILLIS);
    const { lines, log } = capture();
    await rig.serve((node) => node.jobs.runDue(), { log });
    assert.ok(lines().some((line) => isAboutPutBack(line, first)));
    assert.deepEqual(await subjects(rig), [first, second].toSorted());
    assert.deepEqual(
      (await rig.rows("kms_key")).map((row) => row["id"]),
      [first],
      "as evidence",
    );
  });

  test("a destroyed account key that is put back raises an alarm, and holds up no other account's", async () => {
    await using rig = await DestructionRig.create(database);
    const other = await rig.addAccount();
    const destruction = { delayMillis: 0, backupRetentionMillis: 35 * DAY_MILLIS };
    await rig.serve(
      async (node, owner) => {
        await owner.scheduleDeletion(await owner.createKey(), 7);
        const stranger = new Caller(node, other);
        await stranger.scheduleDeletion(await stranger.createKey(), 20);
      },
      { destruction },
    );
    const runDue = () => rig.serve((node) => node.jobs.runDue(), { destruction });
    await rig.advance(8 * DAY_MILLIS);
    await runDue();
    await rig.advance(13 * DAY_MILLIS);
    await runDue();
    const mine = (await rig.rows("account_key")).filter(
      (row) => row["account_id"] === rig.owner.accountId && Number(row["version"]) === 1,
    );
    await rig.advance(23 * DAY_MILLIS);
    await runDue();
    assert.deepEqual(await rig.counts("account_key"), [3]);
    await insert(rig.backend, "account_key", mine);
    await rig.advance(13 * DAY_MILLIS);
    const { lines, log } = capture();
    await rig.serve((node) => node.jobs.runDue(), { destruction, log });
    assert.ok(lines().some((line) => isAboutPutBack(line, `${rig.owner.accountId}/1`)));
    assert.ok((await subjects(rig)).includes(`${other.accountId}/1`));
  });

  test("a key that cannot be destroyed, for whatever reason, raises an alarm, and holds up no other", async () => {
    await using rig = await DestructionRig.create(database);
    const [first, second] = await rig.serve(async (_node, owner) => {
      const ids = [await owner.createKey(), await owner.createKey()] as const;
      await owner.scheduleDeletion(ids[0], 7);
      await owner.scheduleDeletion(ids[1], 8);
      return ids;
    });
    await execute(rig.backend, "CREATE TABLE keeper (id TEXT REFERENCES kms_key (id))");
    await execute(rig.backend, `INSERT INTO keeper (id) VALUES ('${first}')`);
    await rig.advance(9 * DAY_MILLIS);
    const { lines, log } = capture();
    await rig.serve(
      async (node) => {
        await node.jobs.runDue();
        assert.deepEqual(await subjects(rig), [second]);
        assert.ok(await isRaised(node.metrics));
        assert.ok(lines().some((line) => line.includes(JSON.stringify(alarm("unfinished-work")).slice(1, -1))));
        assert.equal(node.metrics.tamperedRows.value, 0);
        await execute(rig.backend, "DROP TABLE keeper");
        await node.jobs.runDue();
        assert.ok(!(await isRaised(node.metrics)));
      },
      { log },
    );
    assert.deepEqual(await subjects(rig), [first, second].toSorted());
  });

  test("an account whose keys cannot be wrapped anew holds up no other", async () => {
    await using rig = await DestructionRig.create(database);
    const other = await rig.addAccount();
    await rig.serve(async ({ store, log, metrics, jobs }) => {
      // After this the node's own job rests for minutes.
      await jobs.runDue();
      const accounts = [rig.owner.accountId, other.accountId].filter((id) => isId("Account", id));
      for (const accountId of accounts) {
        await store.control.run(async (transaction) => {
          const data = await rotateAccountKey(transaction, { keys: store.keys, accountId });
          const { now: time, epoch } = transaction;
          const fields = { name: "RotateAccountKey", region: REGION, eventId: newRequestId() } as const;
          return { result: undefined, event: encodeSystemEvent({ ...fields, time, epoch, data, accountId }) };
        });
      }
      // Whichever is the first one.
      const failing = new Set<string>();
      const breaksOnce: AccountKeyUse = {
        table: "access_key",
        column: "secret",
        async rewrap(_transaction, { accountId }) {
          if (failing.size === 0) failing.add(accountId);
          if (failing.has(accountId)) throw new TypeError("this one never works");
          return 0;
        },
        hasOlder: async () => false,
        accountsWithoutVersion: async () => [],
      };
      const job = new RewrapAccountKeys({ store, log, metrics, uses: [breaksOnce, ...accountKeyUses] });
      while (await job.run(new AbortController().signal));
      assert.ok(await isRaised(metrics));
      const done = (await rig.rows("account_key")).filter((row) => row["rewrapped_at"] !== null);
      assert.deepEqual(
        done.map((row) => row["account_id"]),
        accounts.filter((accountId) => !failing.has(accountId)),
      );
    });
  });

  test("nothing is passed over while the store is away", async (context) => {
    await using rig = await DestructionRig.create(database);
    const { lines, log: options } = capture();
    await rig.serve(
      async ({ log, metrics }) => {
        const { backend } = rig;
        const passedOver = new PassedOver({ backend, log, metrics });
        const entry = { fields: { keyId: "one" }, message: "not done" };
        for (const error of [new DatabaseAwayError("away"), new UnknownOutcomeError("unknown")]) {
          await assert.rejects(passedOver.add(error, entry), error);
        }
        const away = context.mock.method(backend, "clock", () => Promise.reject(new DatabaseAwayError("away")));
        await assert.rejects(passedOver.add(new Error("connection reset"), entry), DatabaseAwayError);
        assert.ok(!(await isRaised(metrics)));
        away.mock.restore();
        await passedOver.add(new Error("connection reset"), entry);
        passedOver.endRound();
        assert.ok(await isRaised(metrics), "until a round without any");
        passedOver.endRound();
        assert.ok(!(await isRaised(metrics)));
      },
      { log: options },
    );
    assert.equal(lines().filter((line) => line.includes("not done")).length, 1);
  });
});

async function subjects(rig: DestructionRig): Promise<readonly string[]> {
  return (await rig.rows("destruction")).map((row) => String(row["subject"])).toSorted();
}

/** The sweep raises the same alarm, but cannot know which row it is. */
function isAboutPutBack(line: string, subject: string): boolean {
  return (
    line.includes('"alarm":"tampered-row"') && line.includes(`${subject} was destroyed, and its row put back since`)
  );
}

async function isRaised(metrics: Metrics): Promise<boolean> {
  return (await metrics.expose()).includes('cinnabar_alarm{alarm="unfinished-work"} 1');
}

function execute(backend: Backend, sql: string): Promise<unknown> {
  return backend.transaction("write", (connection) => connection.execute(sql, []));
}

/** As somebody does who writes to the database without Cinnabar. */
async function insert(backend: Backend, table: string, rows: readonly SqlRow[]): Promise<void> {
  assert.ok(rows.length > 0);
  await backend.transaction("write", async (connection) => {
    for (const row of rows) {
      const places = Object.keys(row).map((_name, i) => (backend.kind === "sqlite" ? "?" : `$${i + 1}`));
      await connection.execute(
        `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${places.join()})`,
        Object.values(row),
      );
    }
  });
}

function capture() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines: () => lines, log: { level: "error", destination } as const };
}
