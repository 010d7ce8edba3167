import type {
  Backend,
  BatchCommit,
  BatchOutcome,
  EscalatedBatch,
  SqlConnection,
  SqlResult,
  SqlValue,
} from "../../src/store/backend.ts";

type Transaction = <T>(mode: "write" | "snapshot", body: (connection: SqlConnection) => Promise<T>) => Promise<T>;

/** What a test does instead of, before or after what the database does. Each may be set and cleared at any time. */
export interface Interception {
  commitBatch?:
    | ((batch: BatchCommit, commit: (batch: BatchCommit) => Promise<BatchOutcome>) => Promise<BatchOutcome>)
    | undefined;
  /** Called before a batch takes the epoch's lock. */
  beforeEscalation?: (() => Promise<void>) | undefined;
  /** Called inside write transactions, before COMMIT; if it throws they roll back. */
  beforeCommit?: (() => Promise<void>) | undefined;
  afterCommit?: (() => Promise<void>) | undefined;
  /** Called before every read outside transactions. */
  read?: ((sql: string) => Promise<void>) | undefined;
  /** Milliseconds by which the database's clock is to seem wrong. */
  clockShift?: number;
}

/** A real database with a test between it and the store. */
export class InterceptedBackend implements Backend {
  readonly kind: Backend["kind"];
  readonly reader: SqlConnection;
  readonly interception: Interception = {};
  readonly #inner: Backend;
  readonly #isShared: boolean;
  #cut = false;

  /** @param options.isShared - whether somebody else closes `inner`. */
  constructor(inner: Backend, options: { isShared: boolean }) {
    this.#inner = inner;
    this.#isShared = options.isShared;
    this.kind = inner.kind;
    this.reader = {
      execute: async (sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> => {
        this.#assertConnected();
        await this.interception.read?.(sql);
        return inner.reader.execute(sql, parameters);
      },
    };
  }

  transaction: Transaction = async (mode, body) => {
    this.#assertConnected();
    const { beforeCommit, afterCommit } = this.interception;
    const result = await this.#inner.transaction(mode, async (connection) => {
      const value = await body(connection);
      if (mode === "write") await beforeCommit?.();
      return value;
    });
    if (mode === "write") await afterCommit?.();
    return result;
  };

  async commitBatch(batch: BatchCommit): Promise<BatchOutcome> {
    if (this.#cut) return { kind: "failed", cause: new Error("cut off") };
    const commit = (batch: BatchCommit): Promise<BatchOutcome> => this.#inner.commitBatch(batch);
    const { commitBatch } = this.interception;
    return commitBatch === undefined ? commit(batch) : commitBatch(batch, commit);
  }

  async escalate<T>(body: (batch: EscalatedBatch) => Promise<T>): Promise<T> {
    this.#assertConnected();
    await this.interception.beforeEscalation?.();
    return this.#inner.escalate(body);
  }

  async clock(): Promise<number> {
    this.#assertConnected();
    return (await this.#inner.clock()) + (this.interception.clockShift ?? 0);
  }

  async eraseRemnants(tables: readonly string[]): Promise<boolean> {
    this.#assertConnected();
    return this.#inner.eraseRemnants(tables);
  }

  async close(): Promise<void> {
    if (!this.#cut) await this.cutOff();
  }

  /** From now on nothing reaches the database: to everybody else the process is dead. */
  async cutOff(): Promise<void> {
    this.#cut = true;
    if (!this.#isShared) await this.#inner.close();
  }

  #assertConnected(): void {
    if (this.#cut) throw new Error("cut off");
  }
}
