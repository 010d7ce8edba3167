import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { BATCH_COLUMNS, batchParameters } from "../batch-columns.ts";
import type { BatchCommit, BatchOutcome, SqlResult, SqlRow, SqlValue } from "../backend.ts";
import type { NumberedRequest, ThreadFailure, ThreadReply, ThreadRequest } from "./protocol.ts";

/**
 * A thread that owns SQLite connections, so that a disk that hangs never hangs the event loop.
 * The writing thread has one connection, the reading thread one for single reads and one per snapshot.
 */

const STATEMENT_CACHE_SIZE = 256;
/** How long a statement waits for another process that writes, in milliseconds. */
const BUSY_TIMEOUT_MILLIS = 5_000;
const SQLITE_BUSY = 5;
const SQLITE_NOMEM = 7;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;

interface Connection {
  readonly database: DatabaseSync;
  readonly statements: Map<string, StatementSync>;
}

const connections = new Map<number, Connection>();

function open(path: string, readOnly: boolean): Connection {
  const database = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MILLIS });
  if (!readOnly) {
    database.exec("PRAGMA journal_mode = WAL");
    // FULL syncs the write-ahead log at every commit: an answer may leave only after that (P2, P4).
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA wal_autocheckpoint = 4000");
    // What is deleted is overwritten with zeros in the file: wrapped key material and secrets must not outlive their rows.
    database.exec("PRAGMA secure_delete = ON");
  }
  database.exec("PRAGMA foreign_keys = ON");
  return { database, statements: new Map() };
}

function connectionOf(id: number): Connection {
  const connection = connections.get(id);
  if (connection === undefined) throw new Error(`SQLite connection ${id} is not open`);
  return connection;
}

function prepare(connection: Connection, sql: string): StatementSync {
  let statement = connection.statements.get(sql);
  if (statement === undefined) {
    statement = connection.database.prepare(sql);
    if (connection.statements.size >= STATEMENT_CACHE_SIZE) connection.statements.clear();
    connection.statements.set(sql, statement);
  }
  return statement;
}

function toSqlValue(value: unknown): SqlValue {
  if (value === null || typeof value === "string" || typeof value === "number" || value instanceof Uint8Array) {
    return value;
  }
  if (typeof value === "bigint") {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  }
  throw new TypeError(`SQLite returned a ${typeof value}, which no column of ours holds`);
}

function execute(connection: Connection, sql: string, parameters: readonly SqlValue[]): SqlResult {
  const statement = prepare(connection, sql);
  if (statement.columns().length === 0) {
    return { rows: [], affected: Number(statement.run(...parameters).changes) };
  }
  const rows = readAll(statement, parameters).map((row): SqlRow => {
    const copy: Record<string, SqlValue> = {};
    for (const [name, value] of Object.entries(row)) copy[name] = toSqlValue(value);
    return copy;
  });
  return { rows, affected: rows.length };
}

function readAll(statement: StatementSync, parameters: readonly SqlValue[]): Record<string, SQLOutputValue>[] {
  try {
    return statement.all(...parameters);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_OUT_OF_RANGE")) throw error;
    // Nothing of ours is beyond 2^53. Who reads the row finds a text where an integer belongs.
    statement.setReadBigInts(true);
    try {
      return statement.all(...parameters);
    } finally {
      statement.setReadBigInts(false);
    }
  }
}

const INSERT_BATCH = `INSERT INTO audit_batch (${BATCH_COLUMNS.join(", ")}) VALUES (${BATCH_COLUMNS.map(() => "?").join(", ")})`;
const READ_LAST_SEQ = "SELECT seq FROM audit_batch WHERE shard = ? ORDER BY seq DESC LIMIT 1";
const READ_SHARD =
  "SELECT s.tag AS tag, e.time AS time, e.clock_offset AS clock_offset FROM shard s, epoch e WHERE s.id = ? AND s.closed = 0 AND e.id = 1 AND e.tag = s.tag";

/** The primary code of SQLite's extended result code (its low byte). */
function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined;
}

function commitBatch(connection: Connection, batch: BatchCommit, begin: boolean): BatchOutcome {
  const { database } = connection;
  let stage: "checking" | "inserting" | "committing" = "checking";
  try {
    if (begin) database.exec("BEGIN IMMEDIATE");
    const shard = prepare(connection, READ_SHARD).get(batch.row.shard);
    if (shard === undefined || !(shard["tag"] instanceof Uint8Array) || !sameBytes(shard["tag"], batch.tag)) {
      database.exec("ROLLBACK");
      return { kind: "refused" };
    }
    // The greatest time seen so far is the least that may be: the batch row carries what this process has seen.
    const time = Math.max(Date.now() + Number(shard["clock_offset"]), Number(shard["time"]), batch.row.time);
    if (batch.window !== undefined && (time < batch.window.from || time >= batch.window.until)) {
      database.exec("ROLLBACK");
      return { kind: "refused" };
    }
    const last = prepare(connection, READ_LAST_SEQ).get(batch.row.shard);
    if ((last?.["seq"] ?? 0) !== batch.row.seq - 1) {
      database.exec("ROLLBACK");
      return { kind: "refused" };
    }
    prepare(connection, INSERT_BATCH).run(...batchParameters(batch.row));
    stage = "inserting";
    for (const insert of batch.inserts) prepare(connection, insert.sql).run(...insert.parameters);
    stage = "committing";
    database.exec("COMMIT");
    return { kind: "committed", time };
  } catch (error) {
    const code = primaryCode(error);
    const cause = failureOf(error);
    if (stage === "committing" && code !== SQLITE_FULL && code !== SQLITE_BUSY) return { kind: "unknown", cause };
    // A full disk may have rolled the transaction back already.
    if (database.isTransaction) database.exec("ROLLBACK");
    return stage === "inserting" && !isTrouble(code) ? { kind: "conflict" } : { kind: "failed", cause };
  }
}

/** Whether the database is to blame, not what it was given. */
function isTrouble(code: number | undefined): boolean {
  return code === SQLITE_BUSY || code === SQLITE_NOMEM || code === SQLITE_IOERR || code === SQLITE_FULL;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function failureOf(error: unknown): ThreadFailure {
  const message = error instanceof Error ? error.message : String(error);
  const errcode =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
  return { message, errcode };
}

/** Moves everything from the log of writes to the file and empties the log, if nobody else reads or writes. */
function emptyLog({ database }: Connection): SqlResult {
  // Whoever reads an older state still needs the log, and calls must not wait until that is done. These pragmas act when
  // they are compiled, so they are never taken from the cache.
  database.exec("PRAGMA busy_timeout = 0");
  try {
    const row = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    return { rows: [{ busy: toSqlValue(row?.["busy"]) }], affected: 0 };
  } finally {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MILLIS}`);
  }
}

function handle(request: ThreadRequest): SqlResult | BatchOutcome | null {
  switch (request.op) {
    case "open":
      connections.set(request.connection, open(request.path, request.readOnly));
      return null;
    case "close":
      connectionOf(request.connection).database.close();
      connections.delete(request.connection);
      return null;
    case "emptyLog":
      return emptyLog(connectionOf(request.connection));
    case "execute":
      return execute(connectionOf(request.connection), request.sql, request.parameters);
    case "batch":
      return commitBatch(connectionOf(request.connection), request.batch, request.begin);
  }
}

const port = parentPort;
if (port === null) throw new Error("the SQLite thread must be started as a worker");
port.on("message", ({ id, request }: NumberedRequest) => {
  let reply: ThreadReply;
  try {
    reply = { id, result: handle(request) };
  } catch (error) {
    reply = { id, failure: failureOf(error) };
  }
  port.postMessage(reply);
});
