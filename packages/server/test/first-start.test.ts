import assert from "node:assert/strict";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { aloneAtFirstStart, type Backend } from "@cinnabar/kernel";
import { ServerProcess, sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { openDatabase } from "../src/database.ts";
import { cinnabar } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const skip = skipWithout("postgresql");
const COUNT_OTHERS = `SELECT count(*) AS others FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%pg_try_advisory_xact_lock%'`;
const COUNT_LOCKS = `SELECT count(*) AS locks FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
/** Ends the sessions that hold such a lock, and returns when they are gone. */
const END_LOCKS = COUNT_LOCKS.replace(
  "count(*) AS locks",
  "CASE WHEN pg_terminate_backend(pid, 10000) THEN 1 END AS ended",
);

interface FirstStart {
  readonly database: string;
  /** Two data directories that are not there yet, side by side. */
  readonly directories: readonly [string, string];
  /** Runs two processes, which both find the database empty before either makes a deployment in it. */
  readonly together: <T>(one: () => Promise<T>, other: () => Promise<T>) => Promise<[T, T]>;
}

async function firstStart(context: TestContext): Promise<FirstStart> {
  const server = await sharedPostgres();
  const database = await server.createDatabase();
  const backend = await openDatabase(database);
  context.after(async () => {
    await backend.close();
    await server.dropDatabase(database);
  });
  const directory = await temporaryDirectory(context);
  return {
    database,
    directories: [join(directory, "a"), join(directory, "b")],
    together: (one, other) =>
      new Promise((resolve, reject) => {
        const body = async (): Promise<void> => {
          Promise.all([one(), other()]).then(resolve, reject);
          while (!(await areWaiting(backend))) await sleep(10);
        };
        aloneAtFirstStart(backend, { waiting: () => undefined, body }).catch(reject);
      }),
  };
}

async function areWaiting(backend: Backend): Promise<boolean> {
  const { rows } = await backend.reader.execute(COUNT_OTHERS, []);
  // One more is ours, which is in the middle of its transaction.
  return Number(rows[0]?.["others"]) >= 3;
}

test(
  "however long the database lets transactions wait, nobody else comes in before a first start has ended",
  { skip },
  async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    try {
      {
        await using owner = await opened(database);
        const { rows } = await owner.backend.reader.execute("SELECT current_database() AS name", []);
        const sql = `ALTER DATABASE "${String(rows[0]?.["name"])}" SET idle_in_transaction_session_timeout = '50ms'`;
        await owner.backend.reader.execute(sql, []);
      }
      await using node = await opened(database);
      const body = async () => {
        await sleep(500);
        return (await node.backend.reader.execute(COUNT_LOCKS, [])).rows[0]?.["locks"];
      };
      assert.equal(await aloneAtFirstStart(node.backend, { waiting: () => undefined, body }), 1);
    } finally {
      await server.dropDatabase(database);
    }
  },
);

test("what a first start came to stands, whether it keeps its lock to the end or not", { skip }, async () => {
  const server = await sharedPostgres();
  const database = await server.createDatabase();
  try {
    await using node = await opened(database);
    const start = <T>(body: () => Promise<T>) => aloneAtFirstStart(node.backend, { waiting: () => undefined, body });
    const loseLock = () => node.backend.reader.execute(END_LOCKS, []);
    const made = await start(async () => {
      await loseLock();
      return "made";
    });
    assert.equal(made, "made");
    const failed = start(async () => {
      await loseLock();
      throw new RangeError("no seal");
    });
    await assert.rejects(failed, new RangeError("no seal"));
    assert.equal(await start(() => Promise.resolve("again")), "again");
  } finally {
    await server.dropDatabase(database);
  }
});

async function opened(database: string): Promise<AsyncDisposable & { readonly backend: Backend }> {
  const backend = await openDatabase(database);
  return { backend, [Symbol.asyncDispose]: () => backend.close() };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

test(
  "of two first starts at once with one seal, one makes the deployment, and both serve it",
  { skip },
  async (context) => {
    const { database, directories, together } = await firstStart(context);
    const [a, b] = directories;
    const rootKeyFile = join(a, "..", "root.key");
    // The one that makes the deployment is not known before.
    const credentials = { accessKeyId: "nobody", accessKeySecret: "nothing" };
    const start = (data: string) => () => ServerProcess.start({ data, database, rootKeyFile, credentials });
    const [one, other] = await together(start(a), start(b));
    await using nodes = new AsyncDisposableStack();
    nodes.use(one);
    nodes.use(other);

    const [maker, ...more] = (
      await Promise.all([a, b].map(async (data) => ((await isThere(join(data, "root-access-key.json"))) ? data : [])))
    ).flat();
    assert.ok(maker !== undefined && more.length === 0, "one of them has the root's AccessKey");
    assert.match(await readFile(join(maker, "root-access-key.json"), "utf8"), /"AccessKeySecret"/);
    for (const data of [a, b]) {
      const names = await readdir(data);
      assert.ok(!names.some((name) => /root\.key|pending/.test(name)), names.join());
      assert.ok(names.includes("audit-verifier.vkey"));
    }
    for (const { output } of [one, other]) {
      assert.match(output, /another process is making this deployment: waiting for it/);
      assert.match(output, /"msg":"PostgreSQL does not replicate: no standby has what is acknowledged"/);
      assert.match(output, /^ {2}Database +postgres\S+, not replicated$/m);
    }
  },
);

test(
  "who is late at a first start and has another seal is told what to do, and leaves nothing",
  { skip },
  async (context) => {
    const { database, directories, together } = await firstStart(context);
    const [a, b] = directories;
    const init = (data: string) => () => cinnabar(["init", `--data=${data}`, `--database=${database}`]);
    const ended = await together(init(a), init(b));
    const late = ended.findIndex(({ code }) => code !== 0);
    const lateEnd = ended[late];
    const lateData = directories[late];
    assert.ok(lateEnd !== undefined && lateData !== undefined, "both say that they made it");
    assert.equal(lateEnd.code, 1);
    assert.match(lateEnd.stderr, /^Another process is making this deployment: waiting for it\.$/m);
    assert.match(
      lateEnd.stderr,
      /^cinnabar: The store is sealed under the root key \S+, and there is none in file \S+\. Name the right one with --seal; nothing was changed\.$/m,
    );
    assert.deepEqual(await readdir(lateData), ["lock.db", "node.json"]);
    assert.equal(ended[1 - late]?.code, 0, ended[1 - late]?.stderr);
    assert.match(ended[1 - late]?.stdout ?? "", /^The store is made\.$/m);
  },
);
