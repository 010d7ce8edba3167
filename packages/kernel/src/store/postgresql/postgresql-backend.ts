import pg from "pg";
import {
  type Backend,
  type BatchCommit,
  type BatchOutcome,
  DatabaseAwayError,
  type EscalatedBatch,
  type SqlConnection,
  type SqlResult,
  type SqlRow,
  type SqlValue,
  UnknownOutcomeError,
} from "../backend.ts";
import { BATCH_COLUMNS, batchParameters } from "../batch-columns.ts";
import { Mutex } from "../mutex.ts";
import { UnsafeDatabaseError } from "./unsafe-database-error.ts";

/** How long the client waits for a statement before it gives the connection up, in milliseconds. A statement is never cancelled. */
const STATEMENT_PATIENCE_MILLIS = 10_000;
const CONNECT_PATIENCE_MILLIS = 5_000;
const POOL_SIZE = 8;
/** Statements that may wait for a session: more mean that the database hangs, and must not fill the memory. */
const MAX_WAITING = 10_000;

/** SQLSTATEs after which a transaction may simply be run again. */
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";
/** Classes of SQLSTATE that blame a row which was to be inserted: its data, its key, its statement, its size. */
const UNACCEPTABLE_ROW = /^(?:22|23|42|54)/;
/** Classes of SQLSTATE after which the server ends the session. */
const END_OF_SESSION = /^(?:08|57P)/;
/** Classes of SQLSTATE that mean the statement had no effect: the server was there to say so. */
const WITHOUT_EFFECT = /^(?:22|23|25|40001|40P01|42|53|54|55)/;

/** COMMIT rolled back instead, because a statement had failed and nobody had minded. */
class AbortedTransactionError extends Error {
  override readonly name = "AbortedTransactionError";
}

const N = BATCH_COLUMNS.length;
const placeholder = (n: number): string => `$${n}`;
/** `clock_timestamp()` in milliseconds plus the store's offset, never below what this process has seen. */
const STORE_TIME = `greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint + (SELECT clock_offset FROM epoch WHERE id = 1), $${N + 2}::bigint)`;

/**
 * One statement: it locks only the shard's own row and compares the tag that it finds there after the wait.
 * The sub-select on `epoch` keeps the statement's old snapshot and could not do that: it is there for a shard's row
 * that somebody else has given an old tag.
 */
const INSERT_BATCH = `INSERT INTO audit_batch (${BATCH_COLUMNS.join(", ")})
SELECT ${BATCH_COLUMNS.map((_, i) => `${placeholder(i + 1)}${CAST(i)}`).join(", ")}
FROM shard WHERE id = $1 AND tag = $${N + 1}::bytea AND closed = 0
AND (SELECT tag FROM epoch WHERE id = 1) = $${N + 1}::bytea
AND ($2::bigint = 1 OR EXISTS (SELECT 1 FROM audit_batch WHERE shard = $1 AND seq = $2::bigint - 1)) FOR SHARE
ON CONFLICT DO NOTHING RETURNING ${STORE_TIME} AS time`;
const INSERT_BATCH_WITHIN = INSERT_BATCH.replace(
  " FOR SHARE",
  ` AND ${STORE_TIME} >= $${N + 3}::bigint AND ${STORE_TIME} < $${N + 4}::bigint FOR SHARE`,
);

function CAST(column: number): string {
  const name = BATCH_COLUMNS[column];
  const isBytes = ["incarnation", "events", "leaves", "frontier", "sum"].includes(name ?? "");
  return isBytes ? "::bytea" : "::bigint";
}

/** One PostgreSQL session of ours, whose settings were found safe. */
class Session implements SqlConnection {
  readonly client: pg.Client;
  /** A synchronous standby was given up on during a commit: the commit is not known to be replicated. */
  unreplicated = false;
  broken = false;
  /** A statement has succeeded since it was taken from the idle ones. */
  begun = false;

  private constructor(client: pg.Client) {
    this.client = client;
    client.on("error", () => {
      this.broken = true;
    });
    client.on("notice", (notice) => {
      // The text comes in the server's language; the place in its source does not.
      if (notice.routine === "SyncRepWaitForLSN") this.unreplicated = true;
    });
  }

  static async open(url: string): Promise<Session> {
    const client = new pg.Client({
      connectionString: url,
      application_name: "cinnabar",
      connectionTimeoutMillis: CONNECT_PATIENCE_MILLIS,
      query_timeout: STATEMENT_PATIENCE_MILLIS,
      keepAlive: true,
      types: { getTypeParser },
    });
    const session = new Session(client);
    await client.connect();
    try {
      await assertSafe(session);
    } catch (error) {
      await session.end();
      throw error;
    }
    return session;
  }

  async execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    return this.run({ text: sql, values: [...parameters] });
  }

  /** A statement prepared once per connection under `name`. */
  async prepared(name: string, sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    return this.run({ name, text: sql, values: [...parameters] });
  }

  async run(query: pg.QueryConfig): Promise<SqlResult & { readonly command: string }> {
    try {
      const { rows, rowCount, command } = await this.client.query<SqlRow>(query);
      this.begun = true;
      return { rows, affected: rowCount ?? 0, command };
    } catch (error) {
      // What is not an answer of the server (a timeout of ours, a lost socket) leaves the session in the middle of something.
      if (!(error instanceof pg.DatabaseError) || END_OF_SESSION.test(error.code ?? "")) this.broken = true;
      throw error;
    }
  }

  /** @throws {@link AbortedTransactionError} */
  async commit(): Promise<void> {
    const { command } = await this.run({ text: "COMMIT" });
    if (command !== "COMMIT") throw new AbortedTransactionError("one of the transaction's statements had failed");
  }

  async end(): Promise<void> {
    if (this.broken) {
      // `end` would wait for the statement that is still running.
      this.client.end().catch(() => undefined);
      return;
    }
    await this.client.end().catch(() => undefined);
  }
}

const INT8 = 20;
const NUMERIC = 1700;

type TypeParser = (value: string) => unknown;

function getTypeParser(oid: number): TypeParser {
  // pg declares its parsers as giving `any`.
  const parser: unknown = oid === INT8 || oid === NUMERIC ? parseSafeInteger : pg.types.getTypeParser(oid, "text");
  if (!isTypeParser(parser)) throw new TypeError(`pg has no parser for the type ${oid}`);
  return parser;
}

function isTypeParser(value: unknown): value is TypeParser {
  return typeof value === "function";
}

/** Nothing of ours is beyond 2^53. Who reads such a row finds a text where an integer belongs. */
function parseSafeInteger(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** @throws {@link UnsafeDatabaseError} with a sentence that names the setting and the value it must have. */
async function assertSafe(session: Session): Promise<void> {
  const { rows } = await session.execute(
    "SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit, CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS standby",
    [],
  );
  const [row] = rows;
  if (row?.["fsync"] !== "on") throw unsafe("fsync", row?.["fsync"], "on");
  if (row["full_page_writes"] !== "on") throw unsafe("full_page_writes", row["full_page_writes"], "on");
  const commit = row["synchronous_commit"];
  if (commit !== "on" && commit !== "remote_apply") throw unsafe("synchronous_commit", commit, "on or remote_apply");
  if (row["standby"] !== 0) {
    throw new UnsafeDatabaseError("This PostgreSQL server is a standby: --database must name the primary.");
  }
}

function unsafe(setting: string, value: SqlValue | undefined, right: string): UnsafeDatabaseError {
  return new UnsafeDatabaseError(
    `PostgreSQL runs with ${setting} = ${String(value)}: what it acknowledges could be lost. Set ${setting} to ${right} (for the server, the database and the role) and start again.`,
  );
}

/** A PostgreSQL primary, or a distributed database that speaks its protocol. */
export class PostgresqlBackend implements Backend {
  readonly kind = "postgresql";
  readonly #url: string;
  readonly #idle: Session[] = [];
  #open = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #batching = new Mutex();
  #batchSession: Session | undefined;
  readonly reader: SqlConnection;

  private constructor(url: string) {
    this.#url = url;
    this.reader = {
      execute: async (sql, parameters) => {
        try {
          return await this.#withSession((session) => session.execute(sql, parameters));
        } catch (error) {
          if (error instanceof pg.DatabaseError && !END_OF_SESSION.test(error.code ?? "")) throw error;
          throw new DatabaseAwayError("PostgreSQL cannot be reached", { cause: error });
        }
      },
    };
  }

  /** @throws {@link UnsafeDatabaseError} if the server's settings could lose an acknowledged commit. */
  static async open(url: string): Promise<PostgresqlBackend> {
    const backend = new PostgresqlBackend(url);
    await backend.#withSession((session) => session.execute("SELECT 1 AS one", []));
    return backend;
  }

  async transaction<T>(mode: "write" | "snapshot", body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const begin =
      mode === "write" ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    for (;;) {
      try {
        return await this.#withSession((session) => inTransaction(session, begin, body));
      } catch (error) {
        if (!mayRunAgain(error)) throw error;
      }
    }
  }

  async commitBatch(batch: BatchCommit): Promise<BatchOutcome> {
    return this.#batching.run(async () => {
      let session: Session;
      try {
        session = await this.#sessionForBatches();
      } catch (cause) {
        return { kind: "failed", cause };
      }
      if (batch.inserts.length === 0) return insertBatch(session, batch);
      try {
        return await inTransaction(session, "BEGIN ISOLATION LEVEL READ COMMITTED", () =>
          insertBatchWithRows(session, batch),
        );
      } catch (error) {
        return error instanceof RolledBack ? error.outcome : outcomeOf(error, batch);
      }
    });
  }

  async escalate<T>(body: (batch: EscalatedBatch) => Promise<T>): Promise<T> {
    return this.#withSession(async (session) => {
      await session.execute("BEGIN ISOLATION LEVEL READ COMMITTED", []);
      let open = true;
      try {
        await session.execute("SELECT 1 AS one FROM epoch WHERE id = 1 FOR SHARE", []);
        return await body({
          connection: session,
          commit: async (batch) => {
            try {
              const outcome = await insertBatchWithRows(session, batch);
              open = false;
              await session.commit();
              return session.unreplicated
                ? { kind: "unknown", cause: "a synchronous standby did not answer" }
                : outcome;
            } catch (error) {
              if (error instanceof RolledBack) return error.outcome;
              return outcomeOf(error, batch);
            }
          },
        });
      } finally {
        if (open && !session.broken) await session.execute("ROLLBACK", []);
      }
    });
  }

  async clock(): Promise<number> {
    const { rows } = await this.reader.execute(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time",
      [],
    );
    return Number(rows[0]?.["time"]);
  }

  async eraseRemnants(tables: readonly string[]): Promise<boolean> {
    try {
      await this.#withSession((session) => session.execute(`VACUUM ${tables.map(quoted).join(", ")}`, []));
      return true;
    } catch (error) {
      // Databases that only speak the protocol may not know the statement: asking again would not help.
      return error instanceof pg.DatabaseError && !END_OF_SESSION.test(error.code ?? "");
    }
  }

  async close(): Promise<void> {
    await this.#batching.run(async () => {
      await this.#batchSession?.end();
      this.#batchSession = undefined;
    });
    await Promise.all(this.#idle.splice(0).map((session) => session.end()));
  }

  async #sessionForBatches(): Promise<Session> {
    const session = this.#batchSession;
    if (session !== undefined && !session.broken) {
      session.unreplicated = false;
      return session;
    }
    await session?.end();
    this.#batchSession = await Session.open(this.#url);
    return this.#batchSession;
  }

  async #withSession<T>(body: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      const session = await this.#acquire();
      try {
        session.unreplicated = false;
        return await body(session);
      } catch (error) {
        // It had ended while it was idle: its first statement, a read or BEGIN, did nothing.
        if (session.begun || !session.broken) throw error;
      } finally {
        await this.#release(session);
      }
    }
  }

  async #release(session: Session): Promise<void> {
    if (session.broken) {
      this.#open--;
      await session.end();
    } else {
      session.begun = false;
      this.#idle.push(session);
    }
    this.#waiting.shift()?.();
  }

  async #acquire(): Promise<Session> {
    for (;;) {
      const session = this.#idle.pop();
      if (session !== undefined) {
        if (!session.broken) return session;
        this.#open--;
        continue;
      }
      if (this.#open < POOL_SIZE) {
        this.#open++;
        try {
          return await Session.open(this.#url);
        } catch (error) {
          this.#open--;
          this.#waiting.shift()?.();
          throw error;
        }
      }
      if (this.#waiting.length >= MAX_WAITING) throw new DatabaseAwayError("too many statements wait for PostgreSQL");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Ends a batch's transaction that must not commit, with what the committer is to be told. */
class RolledBack extends Error {
  readonly outcome: BatchOutcome;
  constructor(outcome: BatchOutcome) {
    super("the batch was rolled back");
    this.outcome = outcome;
  }
}

async function insertBatch(session: Session, batch: BatchCommit): Promise<BatchOutcome> {
  const parameters = [...batchParameters(batch.row), batch.tag, batch.row.time];
  try {
    const { rows } =
      batch.window === undefined
        ? await session.prepared("insert-batch", INSERT_BATCH, parameters)
        : await session.prepared("insert-batch-within", INSERT_BATCH_WITHIN, [
            ...parameters,
            batch.window.from,
            Math.min(batch.window.until, Number.MAX_SAFE_INTEGER),
          ]);
    const time = rows[0]?.["time"];
    if (typeof time !== "number") return { kind: "refused" };
    if (session.unreplicated) return { kind: "unknown", cause: "a synchronous standby did not answer" };
    return { kind: "committed", time };
  } catch (error) {
    return outcomeOf(error, batch);
  }
}

/**
 * The rows first, as in a control transaction: a batch that held its shard's row while it waits for a row of a
 * control transaction, which in turn waits for the shard's row, would be a deadlock.
 */
async function insertBatchWithRows(session: Session, batch: BatchCommit): Promise<BatchOutcome> {
  for (const insert of batch.inserts) await session.execute(insert.sql, insert.parameters);
  const outcome = await insertBatch(session, batch);
  if (outcome.kind !== "committed") throw new RolledBack(outcome);
  return outcome;
}

/** What an error says about a batch: only an answer of the server proves that nothing was committed. */
function outcomeOf(error: unknown, batch: BatchCommit): BatchOutcome {
  if (error instanceof pg.DatabaseError && error.code !== undefined) {
    if (mayRunAgain(error)) return { kind: "refused", reason: "conflict" };
    if (batch.inserts.length > 0 && UNACCEPTABLE_ROW.test(error.code)) return { kind: "conflict" };
    if (WITHOUT_EFFECT.test(error.code)) return { kind: "failed", cause: error };
  }
  return { kind: "unknown", cause: error };
}

function mayRunAgain(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError && (error.code === SERIALIZATION_FAILURE || error.code === DEADLOCK_DETECTED)
  );
}

async function inTransaction<T>(
  session: Session,
  begin: string,
  body: (connection: SqlConnection) => Promise<T>,
): Promise<T> {
  await session.execute(begin, []);
  let result: T;
  try {
    result = await body(session);
  } catch (error) {
    if (!session.broken) await session.execute("ROLLBACK", []);
    throw error;
  }
  try {
    await session.commit();
  } catch (error) {
    if (error instanceof AbortedTransactionError) throw error;
    if (error instanceof pg.DatabaseError && error.code !== undefined && WITHOUT_EFFECT.test(error.code)) throw error;
    throw new UnknownOutcomeError("PostgreSQL did not confirm the commit", { cause: error });
  }
  if (session.unreplicated) throw new UnknownOutcomeError("a synchronous standby did not answer");
  return result;
}
