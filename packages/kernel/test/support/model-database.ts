import { DatabaseSync, type StatementSync } from "node:sqlite";
import {
  type Backend,
  type BatchCommit,
  type BatchOutcome,
  type EscalatedBatch,
  type SqlConnection,
  type SqlResult,
  type SqlRow,
  type SqlValue,
  UnknownOutcomeError,
} from "../../src/store/backend.ts";
import { BATCH_COLUMNS, batchParameters } from "../../src/store/batch-columns.ts";
import { sameTag } from "../../src/store/entity-cache.ts";
import { Mutex } from "../../src/store/mutex.ts";

/** What becomes of a commit: done and said, not done and said, or either of them and the answer is lost. */
export type Fate = "done" | "failed" | "refused" | "lost-done" | "lost" | "lost-until-later";

/** The tables of an initialised store, from which every seed's database is made. */
export interface Snapshot {
  readonly schema: readonly string[];
  readonly rows: ReadonlyMap<string, readonly SqlRow[]>;
}

/** The database behind the randomised processes: in memory, with fates by script. It speaks as PostgreSQL does. */
export class ModelDatabase {
  readonly #database = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  /** Held by control transactions and escalated batches. */
  readonly #epochLock = new Mutex();
  /** Held by whoever reads or writes, so that nobody sees half a transaction. */
  readonly #rowLock = new Mutex();
  readonly #late: (() => Promise<BatchOutcome>)[] = [];

  constructor(snapshot?: Snapshot) {
    for (const sql of snapshot?.schema ?? []) this.#database.exec(sql);
    for (const [table, rows] of snapshot?.rows ?? []) {
      for (const row of rows) {
        const names = Object.keys(row);
        const places = names.map(() => "?").join(", ");
        const values = names.map((name) => row[name] ?? null);
        this.#database.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`).run(...values);
      }
    }
  }

  snapshot(): Snapshot {
    const tables = this.#database.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all();
    return {
      schema: tables.map(({ sql }) => String(sql)),
      rows: new Map(tables.map(({ name }) => [String(name), this.#execute(`SELECT * FROM ${String(name)}`, []).rows])),
    };
  }

  /** One process's way to it; `batch` and `control` say what becomes of its next commit. */
  connect(options: { kind: Backend["kind"]; batch: () => Fate; control: () => Fate }): Backend {
    const reader = {
      execute: (sql: string, parameters: readonly SqlValue[]) => this.#alone(() => this.#execute(sql, parameters)),
    };
    return {
      kind: options.kind,
      reader,
      transaction: (mode, body) => this.#transaction(mode === "write" ? options.control() : "done", body),
      commitBatch: (batch) => this.#commit(options.batch(), batch),
      escalate: (body) => this.#epochLock.run(() => body(this.#escalated(options, reader))),
      clock: () => Promise.resolve(Date.now()),
      eraseRemnants: () => Promise.resolve(true),
      close: () => Promise.resolve(),
    };
  }

  /** Statements that outlived their connections get to run. */
  async runLateStatements(): Promise<void> {
    for (const statement of this.#late.splice(0)) await statement();
  }

  #escalated(options: { batch: () => Fate }, connection: SqlConnection): EscalatedBatch {
    // A lost statement would keep the lock: here it is decided at once.
    const fate = (): Fate => {
      const next = options.batch();
      return next === "lost-until-later" ? "lost" : next;
    };
    return { connection, commit: (batch) => this.#commit(fate(), batch) };
  }

  #transaction<T>(fate: Fate, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#epochLock.run(() =>
      this.#alone(async () => {
        if (fate === "failed") throw new Error("no connection");
        this.#database.exec("BEGIN");
        try {
          const execute = (sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> =>
            Promise.resolve(this.#execute(sql, parameters));
          const result = await body({ execute });
          if (fate === "lost") throw new UnknownOutcomeError("no answer");
          this.#database.exec("COMMIT");
          if (fate === "lost-done") throw new UnknownOutcomeError("no answer");
          return result;
        } catch (error) {
          if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
          throw error;
        }
      }),
    );
  }

  async #commit(fate: Fate, batch: BatchCommit): Promise<BatchOutcome> {
    await new Promise((resolve) => setImmediate(resolve));
    const cause = new Error(fate);
    const now = (): Promise<BatchOutcome> => this.#alone(() => this.#insert(batch));
    switch (fate) {
      case "done":
        return now();
      case "refused":
        return { kind: "refused" };
      case "failed":
        return { kind: "failed", cause };
      case "lost-done":
        await now();
        return { kind: "unknown", cause };
      case "lost":
        return { kind: "unknown", cause };
      case "lost-until-later":
        this.#late.push(now);
        return { kind: "unknown", cause };
    }
  }

  #insert(batch: BatchCommit): BatchOutcome {
    const { row, tag, window } = batch;
    const shard = this.#execute(`SELECT tag FROM shard WHERE id = ${row.shard} AND closed = 0`, []).rows[0];
    const last = this.#execute(`SELECT max(seq) AS seq FROM audit_batch WHERE shard = ${row.shard}`, []).rows[0];
    const time = Math.max(Date.now(), row.time);
    if (!sameTag(shard?.["tag"] as Uint8Array, tag) || (last?.["seq"] ?? 0) !== row.seq - 1) return { kind: "refused" };
    if (window !== undefined && (time < window.from || time >= window.until)) return { kind: "refused" };
    this.#database.exec("BEGIN");
    try {
      for (const insert of batch.inserts) this.#execute(insert.sql, insert.parameters);
    } catch {
      this.#database.exec("ROLLBACK");
      return { kind: "conflict" };
    }
    const places = BATCH_COLUMNS.map(() => "?").join(", ");
    this.#execute(`INSERT INTO audit_batch (${BATCH_COLUMNS.join(", ")}) VALUES (${places})`, batchParameters(row));
    this.#database.exec("COMMIT");
    return { kind: "committed", time };
  }

  #alone<T>(body: () => T | Promise<T>): Promise<T> {
    return this.#rowLock.run(() => Promise.resolve(body()));
  }

  /** Takes both dialects: `?`, and `$1` with row locks that are not needed here. */
  #execute(sql: string, parameters: readonly SqlValue[]): SqlResult {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql.replace(/ for update$/, ""));
      this.#statements.set(sql, statement);
    }
    const isNumbered = sql.includes("$1");
    const named = Object.fromEntries(parameters.map((value, i) => [`$${i + 1}`, value]));
    if (statement.columns().length === 0) {
      const { changes } = isNumbered ? statement.run(named) : statement.run(...parameters);
      return { rows: [], affected: Number(changes) };
    }
    const rows = isNumbered ? statement.all(named) : statement.all(...parameters);
    return { rows: rows as SqlRow[], affected: rows.length };
  }
}
