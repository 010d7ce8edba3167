import {
  type Backend,
  type BatchCommit,
  type BatchOutcome,
  type EscalatedBatch,
  type SqlConnection,
  UnknownOutcomeError,
} from "../backend.ts";
import { Mutex } from "../mutex.ts";
import { SqliteError, SqliteThread, type ThreadConnection } from "./sqlite-thread.ts";

const SQLITE_IOERR = 10;

/**
 * The embedded store: one file, written by one thread and read by another.
 *
 * `synchronous = FULL` in WAL mode: a commit returns after the log of the write is on disk.
 */
export class SqliteBackend implements Backend {
  readonly kind = "sqlite";
  readonly #path: string;
  readonly #writeThread: SqliteThread;
  readonly #readThread: SqliteThread;
  readonly #writer: ThreadConnection;
  readonly #writing = new Mutex();
  readonly reader: ThreadConnection;

  private constructor(parts: {
    path: string;
    writeThread: SqliteThread;
    readThread: SqliteThread;
    writer: ThreadConnection;
    reader: ThreadConnection;
  }) {
    this.#path = parts.path;
    this.#writeThread = parts.writeThread;
    this.#readThread = parts.readThread;
    this.#writer = parts.writer;
    this.reader = parts.reader;
  }

  /** Opens the file, making it if it is not there. @throws {@link SqliteError} if it is no database of ours. */
  static async open(path: string): Promise<SqliteBackend> {
    const writeThread = new SqliteThread();
    const readThread = new SqliteThread();
    try {
      const writer = await writeThread.open(path, { readOnly: false });
      const reader = await readThread.open(path, { readOnly: true });
      return new SqliteBackend({ path, writeThread, readThread, writer, reader });
    } catch (error) {
      await Promise.all([writeThread.terminate(), readThread.terminate()]);
      throw error;
    }
  }

  async transaction<T>(mode: "write" | "snapshot", body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    if (mode === "write") return this.#writing.run(() => inTransaction(this.#writer, "BEGIN IMMEDIATE", body));
    const connection = await this.#readThread.open(this.#path, { readOnly: true });
    try {
      return await inTransaction(connection, "BEGIN", body);
    } finally {
      await connection.close();
    }
  }

  async commitBatch(batch: BatchCommit): Promise<BatchOutcome> {
    try {
      return await this.#writing.run(() => this.#writer.commitBatch(batch, { begin: true }));
    } catch (cause) {
      return { kind: "unknown", cause };
    }
  }

  async escalate<T>(body: (batch: EscalatedBatch) => Promise<T>): Promise<T> {
    return this.#writing.run(async () => {
      await this.#writer.execute("BEGIN IMMEDIATE", []);
      let open = true;
      try {
        return await body({
          connection: this.#writer,
          commit: async (batch) => {
            open = false;
            return this.#writer.commitBatch(batch, { begin: false });
          },
        });
      } finally {
        if (open) await this.#writer.execute("ROLLBACK", []);
      }
    });
  }

  clock(): Promise<number> {
    return Promise.resolve(Date.now());
  }

  async eraseRemnants(): Promise<boolean> {
    return this.#writing.run(() => this.#writer.emptyLog());
  }

  async close(): Promise<void> {
    await this.#writing.run(async () => {
      await this.reader.close();
      await this.#writer.close();
    });
    await Promise.all([this.#writeThread.terminate(), this.#readThread.terminate()]);
  }
}

async function inTransaction<T>(
  connection: ThreadConnection,
  begin: string,
  body: (connection: SqlConnection) => Promise<T>,
): Promise<T> {
  await connection.execute(begin, []);
  let result: T;
  try {
    result = await body(connection);
  } catch (error) {
    await rollBack(connection);
    throw error;
  }
  try {
    await connection.execute("COMMIT", []);
  } catch (error) {
    // After an I/O error the frames may be in the log of writes and be recovered at the next start.
    if (error instanceof SqliteError && (error.errcode ?? 0) % 256 === SQLITE_IOERR) {
      throw new UnknownOutcomeError("SQLite could not confirm the commit", { cause: error });
    }
    await rollBack(connection);
    throw error;
  }
  return result;
}

async function rollBack(connection: ThreadConnection): Promise<void> {
  try {
    await connection.execute("ROLLBACK", []);
  } catch (error) {
    // SQLite has rolled back by itself on some errors: then there is no transaction to end.
    if (!(error instanceof SqliteError && error.message.includes("no transaction"))) throw error;
  }
}
