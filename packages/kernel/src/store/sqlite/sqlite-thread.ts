import {
  type BatchCommit,
  type BatchOutcome,
  DatabaseAwayError,
  type SqlConnection,
  type SqlResult,
  type SqlValue,
} from "../backend.ts";
import { compactBatch } from "./compact-batch.ts";
import { takeSqliteThread } from "./early-threads.ts";
import type { NumberedRequest, ThreadFailure, ThreadReply, ThreadRequest } from "./protocol.ts";

/** A statement that SQLite refused; `errcode` is its extended result code. */
export class SqliteError extends Error {
  override readonly name = "SqliteError";
  readonly errcode: number | undefined;

  constructor(failure: ThreadFailure) {
    super(failure.message);
    this.errcode = failure.errcode;
  }
}

/** Calls that may wait for an answer: more mean that the disk hangs, and must not fill the memory. */
const MAX_WAITING = 10_000;

interface Waiting {
  readonly resolve: (result: SqlResult | BatchOutcome | null) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of a thread that owns SQLite connections. Calls are answered in order. */
export class SqliteThread {
  readonly #worker = takeSqliteThread();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #lastConnection = 0;
  #ended: Error | undefined;

  constructor() {
    this.#worker.on("message", (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on("error", (error: Error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(new Error("the SQLite thread has ended")));
  }

  async open(path: string, options: { readOnly: boolean }): Promise<ThreadConnection> {
    const connection = ++this.#lastConnection;
    await this.#call({ op: "open", connection, path, readOnly: options.readOnly });
    return new ThreadConnection(connection, (request, transfer) => this.#call(request, transfer));
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #call(request: ThreadRequest, transfer: readonly ArrayBuffer[] = []): Promise<SqlResult | BatchOutcome | null> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(new DatabaseAwayError("the disk does not answer"));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request } satisfies NumberedRequest, transfer);
    });
  }

  #settle(reply: ThreadReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if ("failure" in reply) waiting.reject(new SqliteError(reply.failure));
    else waiting.resolve(reply.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}

type Call = (request: ThreadRequest, transfer?: readonly ArrayBuffer[]) => Promise<SqlResult | BatchOutcome | null>;

/** One SQLite connection inside a {@link SqliteThread}. */
export class ThreadConnection implements SqlConnection {
  readonly #id: number;
  readonly #call: Call;

  constructor(id: number, call: Call) {
    this.#id = id;
    this.#call = call;
  }

  async execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    const result = await this.#call({ op: "execute", connection: this.#id, sql, parameters });
    if (result === null || "kind" in result) throw new Error("the SQLite thread gave another call's answer");
    return result;
  }

  /** With `begin` the batch is a transaction of its own; without, it ends the one that is open. */
  async commitBatch(batch: BatchCommit, options: { begin: boolean }): Promise<BatchOutcome> {
    const compact = compactBatch(batch);
    const request = { op: "batch", connection: this.#id, batch: compact.batch, begin: options.begin } as const;
    const result = await this.#call(request, [compact.bytes]);
    if (result === null || !("kind" in result)) throw new Error("the SQLite thread gave another call's answer");
    return result;
  }

  /** Empties the log of writes. @returns false if somebody else reads or writes now. */
  async emptyLog(): Promise<boolean> {
    const result = await this.#call({ op: "emptyLog", connection: this.#id });
    if (result === null || "kind" in result) throw new Error("the SQLite thread gave another call's answer");
    return result.rows[0]?.["busy"] === 0;
  }

  async close(): Promise<void> {
    await this.#call({ op: "close", connection: this.#id });
  }
}
