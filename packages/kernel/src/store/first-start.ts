import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, SqlConnection } from "./backend.ts";

/** Of the advisory lock: the bytes of "cinna". */
const FIRST_START_LOCK = 0x63_69_6e_6e_61;
const POLL_MILLIS = 100;

/**
 * The timeouts, in a server's settings or a role's, that would end the transaction for what it is there for: it waits while
 * `body` runs elsewhere. Servers before PostgreSQL 17 know the first alone.
 */
const WITHOUT_TIMEOUTS = `SELECT set_config(name, '0', true) FROM pg_settings
  WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')`;

/**
 * Runs `body` while no other process does on the same PostgreSQL database, so that of several first starts one makes the
 * deployment, with its root key and its account, and the others find it made. An embedded database has the lock of its
 * data directory.
 *
 * @param options.waiting - called once if another process is at it.
 */
export async function aloneAtFirstStart<T>(
  backend: Backend,
  options: { readonly waiting: () => void; readonly body: () => Promise<T> },
): Promise<T> {
  const { waiting, body } = options;
  if (backend.kind === "sqlite") return body();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // The lock is the transaction's, which nothing else happens in: it ends with the session, however that ends. So what `body`
  // came to stands even if this transaction fails then: there is nothing of it to be committed.
  const lock = backend.transaction("write", async (connection) => {
    await connection.execute(WITHOUT_TIMEOUTS, []);
    if (!(await tryLock(connection))) {
      waiting();
      do await sleep(POLL_MILLIS);
      while (!(await tryLock(connection)));
    }
    await body().then(resolve, reject);
  });
  await Promise.allSettled([promise, lock.catch(reject)]);
  return promise;
}

async function tryLock(connection: SqlConnection): Promise<boolean> {
  const { rows } = await connection.execute(
    "SELECT CASE WHEN pg_try_advisory_xact_lock($1::bigint) THEN 1 ELSE 0 END AS taken",
    [FIRST_START_LOCK],
  );
  return rows[0]?.["taken"] === 1;
}
