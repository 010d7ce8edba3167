import { Worker } from "node:worker_threads";
import type { BatchCommit, BatchOutcome, SqlConnection, SqlResult, SqlValue } from "../backend.ts";
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

interface Waiting {
  readonly resolve: (result: SqlResult | BatchOutcome | null) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of a thread that owns SQLite connections. Calls are answered in order. */
export class SqliteThread {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url));
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
    return new ThreadConnection(connection, (request) => this.#call(request));
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #call(request: ThreadRequest): Promise<SqlResult | BatchOutcome | null> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request } satisfies NumberedRequest);
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

/** One SQLite connection inside a {@link SqliteThread}. */
export class ThreadConnection implements SqlConnection {
  readonly #id: number;
  readonly #call: (request: ThreadRequest) => Promise<SqlResult | BatchOutcome | null>;

  constructor(id: number, call: (request: ThreadRequest) => Promise<SqlResult | BatchOutcome | null>) {
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
    const result = await this.#call({ op: "batch", connection: this.#id, batch, begin: options.begin });
    if (result === null || !("kind" in result)) throw new Error("the SQLite thread gave another call's answer");
    return result;
  }

  async close(): Promise<void> {
    await this.#call({ op: "close", connection: this.#id });
  }
}
