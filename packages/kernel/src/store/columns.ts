import { type RawBuilder, sql } from "kysely";
import type { Backend } from "./backend.ts";

/** The three column types of the store, in each database's words. Text compares by its bytes on both. */
export interface ColumnTypes {
  readonly text: RawBuilder<unknown>;
  /** Integers up to 2^53 - 1. */
  readonly integer: RawBuilder<unknown>;
  readonly bytes: RawBuilder<unknown>;
}

export function columnTypes(kind: Backend["kind"]): ColumnTypes {
  return kind === "sqlite"
    ? { text: sql`text`, integer: sql`integer`, bytes: sql`blob` }
    : { text: sql`text collate "C"`, integer: sql`bigint`, bytes: sql`bytea` };
}
