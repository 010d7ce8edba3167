import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Backend, RowInsert, SqlConnection, SqlValue } from "./backend.ts";

/**
 * Kysely on one of our connections. Transactions are begun and ended by the backend, never by Kysely,
 * so that commits, locks and unknown outcomes are handled in one place.
 */
export function kyselyOn<Schema>(kind: Backend["kind"], connection: SqlConnection): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: dialectOf(kind, connection) });
}

/** A compiled INSERT for a batch. */
export function toRowInsert(query: { compile(): CompiledQuery }): RowInsert {
  const compiled = query.compile();
  return { sql: compiled.sql, parameters: compiled.parameters.map(toSqlValue) };
}

function dialectOf(kind: Backend["kind"], connection: SqlConnection): Dialect {
  const createDriver = (): Driver => new ConnectionDriver(connection);
  return kind === "sqlite"
    ? {
        createDriver,
        createAdapter: () => new SqliteAdapter(),
        createQueryCompiler: () => new SqliteQueryCompiler(),
        createIntrospector: (db) => new SqliteIntrospector(db),
      }
    : {
        createDriver,
        createAdapter: () => new PostgresAdapter(),
        createQueryCompiler: () => new PostgresQueryCompiler(),
        createIntrospector: (db) => new PostgresIntrospector(db),
      };
}

class ConnectionDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(connection: SqlConnection) {
    this.#connection = {
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        const result = await connection.execute(query.sql, query.parameters.map(toSqlValue));
        return { rows: typed<R>(result.rows), numAffectedRows: BigInt(result.affected) };
      },
      // oxlint-disable-next-line require-yield -- Kysely's interface asks for a generator; nothing here streams.
      async *streamQuery() {
        throw new Error("streaming queries are not used: page through the rows by key");
      },
    };
  }

  init(): Promise<void> {
    return Promise.resolve();
  }
  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }
  beginTransaction(): Promise<void> {
    return Promise.reject(new Error("begin transactions through the backend"));
  }
  commitTransaction(): Promise<void> {
    return Promise.reject(new Error("commit transactions through the backend"));
  }
  rollbackTransaction(): Promise<void> {
    return Promise.reject(new Error("roll transactions back through the backend"));
  }
  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }
  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** Kysely types rows by the query; the database cannot know better. The one place where that is taken on trust. */
function typed<R>(rows: readonly unknown[]): R[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return rows as R[];
}

function toSqlValue(value: unknown): SqlValue {
  if (value === null || typeof value === "string" || typeof value === "number" || value instanceof Uint8Array) {
    return value;
  }
  throw new TypeError(`a ${typeof value} cannot be stored`);
}
