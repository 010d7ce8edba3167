import {
  batchHeader,
  type BatchRow,
  MalformedBatchError,
  openEvents,
  readBatchRow,
  type SqlConnection,
  type SqlRow,
  STORED_SUM_BYTES,
} from "@cinnabar/kernel";
import { HASH_BYTES, InclusionProver, MerkleError, type StoredEntry } from "@cinnabar/merkle-log";
import {
  type BatchRange,
  type DeploymentClaim,
  type LogBatch,
  type LogDamage,
  type LogListing,
  type LogSource,
  type SharedLogs,
  type StoredCheckpoint,
  unreadable,
  UnreadableLogError,
  WHOLE_LOG,
} from "./log-source.ts";
import { withSnapshot } from "./snapshot.ts";

/** Batches read with one statement: at most some ten megabytes. */
const PAGE_BATCHES = 64;
const INCARNATION_BYTES = 16;

// Integers come as text, so that one which no JavaScript number holds does not end the reading.
const INTEGER_COLUMNS = ["shard", "seq", "first_index", "event_count", "epoch", "time"];
const BYTE_COLUMNS = ["incarnation", "events", "leaves", "frontier", "sum"];
const COLUMNS = [...INTEGER_COLUMNS.map(asText), ...BYTE_COLUMNS].join(", ");
const MAX_SEQ = Number.MAX_SAFE_INTEGER;
// SQLite stores any type in any column: only rows whose seq is an integer can be paged through by it.
const IS_WHOLE = "seq = cast(seq AS bigint)";

/**
 * Runs `body` on the logs of a database as they stand at one moment. Reads only; a server may be running or not.
 *
 * @param url - `sqlite:PATH`, or `postgres://…` for a PostgreSQL primary.
 * @throws OperatorError if the database cannot be read.
 */
export function withDatabaseLogs<T>(url: string, body: (source: LogSource) => Promise<T>): Promise<T> {
  return withSnapshot(url, (connection) => body(new DatabaseLogs(connection, url)));
}

/** The logs as tables; `connection` is in a transaction in which every statement sees the same state of the store. */
export class DatabaseLogs implements LogSource {
  readonly shared: SharedLogs | undefined;
  readonly #connection: SqlConnection;

  /** @param url - of the same database, if it can be opened once more. */
  constructor(connection: SqlConnection, url?: string) {
    this.#connection = connection;
    this.shared = url === undefined ? undefined : { url, lastSeq: (shard) => this.#lastSeq(shard) };
  }

  async deployment(): Promise<DeploymentClaim> {
    const [row] = await this.#select("SELECT origin, verifier_key FROM deployment WHERE id = 1");
    const { origin, verifier_key: verifierKey } = row ?? {};
    if (typeof origin !== "string" || typeof verifierKey !== "string") {
      throw new UnreadableLogError("the store does not say which deployment it is");
    }
    return { origin, verifierKey };
  }

  async list(): Promise<LogListing> {
    const damage: LogDamage[] = [];
    const shards: number[] = [];
    for (const row of await this.#select(
      `SELECT ${asText("shard")} FROM (SELECT DISTINCT shard FROM audit_batch) AS shards ORDER BY shards.shard`,
    )) {
      const shard = toInteger(row["shard"]);
      if (typeof shard === "number" && shard >= 0) shards.push(shard);
      else damage.push(unreadable(`batches stand in a log ${String(row["shard"])}, which cannot be`));
    }
    const checkpoints: StoredCheckpoint[] = [];
    for (const row of await this.#select(
      `SELECT ${asText("shard")}, ${asText("size")}, note FROM checkpoint ORDER BY checkpoint.shard`,
    )) {
      const [shard, size, note] = [toInteger(row["shard"]), toInteger(row["size"]), row["note"]];
      if (typeof shard === "number" && shard >= 0 && typeof size === "number" && typeof note === "string") {
        checkpoints.push({ shard, size, note });
      } else {
        damage.push(unreadable(`a stored checkpoint of the log ${String(row["shard"])} cannot be read`));
      }
    }
    return { shards, checkpoints, damage };
  }

  async *read(shard: number, range: BatchRange = WHOLE_LOG): AsyncGenerator<LogBatch | LogDamage> {
    if (range.after === 0) {
      const [count] = await this.#select(
        `SELECT cast(count(*) AS text) AS strays FROM audit_batch
         WHERE shard = ${shard} AND NOT (seq > 0 AND seq <= ${MAX_SEQ} AND ${IS_WHOLE})`,
      );
      const strays = Number(count?.["strays"]);
      if (strays > 0) yield unreadable(`${strays} batches have a seq that cannot be`);
    }
    const last = Math.min(range.last, MAX_SEQ);
    for (let { after } = range; ;) {
      // With a second lower bound on seq, SQLite would go through every row before the page to find it.
      const rows = await this.#select(
        `SELECT ${COLUMNS} FROM audit_batch WHERE shard = ${shard} AND seq > ${after} AND seq <= ${last} AND ${IS_WHOLE}
         ORDER BY audit_batch.seq LIMIT ${PAGE_BATCHES}`,
      );
      for (const row of rows) yield* readRow(row);
      if (rows.length < PAGE_BATCHES) return;
      after = Number(rows.at(-1)?.["seq"]);
    }
  }

  async inclusionProof(shard: number, leaf: { index: number; size: number }): Promise<Uint8Array[]> {
    const prover = new InclusionProver(leaf);
    for (let after = 0; !prover.isComplete;) {
      const rows = await this.#select(
        `SELECT ${asText("seq")}, leaves FROM audit_batch
         WHERE shard = ${shard} AND seq > ${after} AND seq <= ${MAX_SEQ} AND ${IS_WHOLE}
         ORDER BY audit_batch.seq LIMIT ${PAGE_BATCHES}`,
      );
      for (const { leaves } of rows) if (leaves instanceof Uint8Array) prover.add(splitHashes(leaves));
      if (rows.length < PAGE_BATCHES) break;
      after = Number(rows.at(-1)?.["seq"]);
    }
    if (!prover.isComplete) throw new MerkleError("malformed-proof", `there are no ${leaf.size} leaves`);
    return prover.finish();
  }

  async certificates(): Promise<readonly string[]> {
    const rows = await this.#select(
      "SELECT certificate FROM destruction ORDER BY destruction.destroyed_at, destruction.subject",
    );
    return rows.map(({ certificate }) => String(certificate));
  }

  async #lastSeq(shard: number): Promise<number> {
    const [row] = await this.#select(
      `SELECT cast(max(seq) AS text) AS last FROM audit_batch
       WHERE shard = ${shard} AND seq > 0 AND seq <= ${MAX_SEQ} AND ${IS_WHOLE}`,
    );
    return Number(row?.["last"] ?? 0);
  }

  async #select(sql: string): Promise<readonly SqlRow[]> {
    try {
      return (await this.#connection.execute(sql, [])).rows;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnreadableLogError(`the database cannot be read: ${reason}`, { cause });
    }
  }
}

function* readRow(raw: SqlRow): Generator<LogBatch | LogDamage> {
  const seq = Number(raw["seq"]);
  let row: BatchRow;
  try {
    row = readBatchRow(withIntegers(raw));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    yield unreadable(error.message, seq);
    return;
  }
  if (row.incarnation.length !== INCARNATION_BYTES) {
    yield unreadable(`the incarnation has ${row.incarnation.length} bytes, not ${INCARNATION_BYTES}`, seq);
  }
  if (row.sum.length !== STORED_SUM_BYTES) {
    yield unreadable(`the set hash's sum has ${row.sum.length} bytes, not ${STORED_SUM_BYTES}`, seq);
  }
  const leafHashes = splitHashes(row.leaves);
  if (row.leaves.length !== (row.eventCount + 1) * HASH_BYTES) {
    yield unreadable(`${row.leaves.length} bytes of leaf hashes stand with ${row.eventCount} events`, seq);
  }
  let events: string[] | undefined;
  let isDropped = false;
  try {
    events = openEvents(row);
    isDropped = events === undefined;
  } catch (error) {
    if (!(error instanceof MalformedBatchError)) throw error;
    yield unreadable(error.message, seq);
  }
  // Without the events, their stored hashes let everything after them be compared all the same.
  const leaves: StoredEntry[] =
    events === undefined
      ? leafHashes.slice(0, -1).map((leafHash) => ({ leafHash }))
      : events.map((event, index) => ({ entry: Buffer.from(event), leafHash: leafHashes[index] }));
  leaves.push({ entry: batchHeader(row, row.events), leafHash: leafHashes[leaves.length] });
  yield { kind: "batch", place: placeOf(row), events, isDropped, leaves, frontier: row.frontier };
}

function placeOf(row: BatchRow): LogBatch["place"] {
  const { shard, seq, firstIndex, eventCount, epoch, time } = row;
  return { shard, seq, incarnation: Buffer.from(row.incarnation).toString("hex"), firstIndex, eventCount, epoch, time };
}

function splitHashes(leaves: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(leaves.length / HASH_BYTES) }, (_, index) =>
    leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
}

function asText(column: string): string {
  return `cast(${column} AS text) AS ${column}`;
}

function withIntegers(row: SqlRow): SqlRow {
  const converted: Record<string, SqlRow[string]> = { ...row };
  for (const name of INTEGER_COLUMNS) converted[name] = toInteger(row[name]);
  return converted;
}

/** A safe integer as a number; whatever else stands there, as it is. */
function toInteger(value: SqlRow[string] | undefined): SqlRow[string] {
  if (value === undefined) return null;
  const integer = typeof value === "string" && /^(?:0|-?[1-9][0-9]*)$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(integer) ? integer : value;
}
