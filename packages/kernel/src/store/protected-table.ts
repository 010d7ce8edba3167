import { timingSafeEqual } from "node:crypto";
import { lengthPrefixed } from "@cinnabar/crypto";
import { type Kysely, sql } from "kysely";
import type { RowInsert, SqlRow, SqlValue } from "./backend.ts";
import { toRowInsert } from "./kysely-dialect.ts";
import { type RowGuard, TamperedRowError } from "./row-guard.ts";

export type ColumnKind = "text" | "integer" | "bytes";
type Nullable<Kind extends ColumnKind> = `${Kind}?`;
/** A column's type; a question mark says that it may be null. */
export type ColumnType = ColumnKind | Nullable<ColumnKind>;

type ValueOf<Type extends ColumnType> = Type extends "text"
  ? string
  : Type extends "integer"
    ? number
    : Type extends "bytes"
      ? Uint8Array
      : Type extends "text?"
        ? string | null
        : Type extends "integer?"
          ? number | null
          : Uint8Array | null;

export type Columns = Readonly<Record<string, ColumnType>>;

/** The contents of a row, without its revision and MAC. */
export type RowOf<C extends Columns> = { readonly [Name in keyof C]: ValueOf<C[Name]> };

/** A row that was read and whose MAC holds. Only such a row can be changed or deleted. */
export interface Verified<Row> {
  readonly row: Row;
  /** Counts the changes of this row, from 1. */
  readonly revision: number;
}

/** How a change of protected rows changes the set hash's sum. */
export interface RowChange {
  readonly statement: RowInsert;
  readonly sumDelta: bigint;
}

/** A protected table as the sweep sees it, whatever its columns are. */
export interface SweptTable {
  readonly name: string;
  /** Columns of the primary key, in order. */
  readonly identity: readonly string[];
  /** Columns of bytes: what is wrapped under some key is in one of these. */
  readonly bytesColumns: readonly string[];
  /** Checks a row's MAC and gives what the row contributes to the set hash. @throws {@link TamperedRowError} */
  verifyElement(guard: RowGuard, raw: object): bigint;
}

/**
 * A table whose rows decide something: every read checks the row's MAC, every write makes it and says what it adds
 * to the set hash. Repositories go through it and cannot forget either.
 */
export class ProtectedTable<C extends Columns> implements SweptTable {
  readonly name: string;
  readonly #columns: C;
  readonly #names: readonly (keyof C & string)[];
  readonly #identity: readonly (keyof C & string)[];

  constructor(name: string, definition: { columns: C; identity: readonly (keyof C & string)[] }) {
    this.name = name;
    this.#columns = definition.columns;
    this.#names = Object.keys(definition.columns);
    this.#identity = definition.identity;
  }

  get identity(): readonly string[] {
    return this.#identity;
  }

  get bytesColumns(): readonly string[] {
    return this.#names.filter((name) => this.#columns[name]?.startsWith("bytes"));
  }

  /**
   * Checks a row that was read with all its columns.
   *
   * @param asked - what it was looked for by. A database whose operators, views or indexes were changed can answer with
   * another row as it was written, which no sweep sees: what decides by a row must say which one it asked for.
   * @throws {@link TamperedRowError} if the MAC does not hold, or it is another row.
   */
  verify(guard: RowGuard, raw: object, asked: Partial<RowOf<C>> = {}): Verified<RowOf<C>> {
    const { row, revision, encoded, mac } = this.#read(raw);
    const right = guard.mac(encoded);
    if (mac.length !== right.length || !timingSafeEqual(mac, right)) {
      throw new TamperedRowError(this.name, "a row does not carry its MAC");
    }
    for (const name of this.#names) {
      if (asked[name] !== undefined && asked[name] !== row[name]) {
        throw new TamperedRowError(this.name, `the database answered with a row of another ${name} than was asked for`);
      }
    }
    return { row, revision };
  }

  /** As {@link verify}, and gives what the row contributes to the set hash. */
  verifyElement(guard: RowGuard, raw: object): bigint {
    this.verify(guard, raw);
    return guard.element(this.#read(raw).encoded);
  }

  insert(guard: RowGuard, db: Kysely<unknown>, row: RowOf<C>): RowChange {
    const revision = 1;
    const encoded = this.#encode(row, revision);
    const names = [...this.#names, "revision", "mac"];
    const values: SqlValue[] = [...this.#names.map((name) => row[name]), revision, guard.mac(encoded)];
    const statement = sql`insert into ${sql.table(this.name)} (${sql.join(names.map((name) => sql.ref(name)))}) values (${sql.join(values)})`;
    return { statement: compile(db, statement), sumDelta: guard.element(encoded) };
  }

  /** Replaces a row's content; the identity stays. The statement touches one row, or the row has changed meanwhile. */
  update(guard: RowGuard, db: Kysely<unknown>, old: Verified<RowOf<C>>, row: RowOf<C>): RowChange {
    const revision = old.revision + 1;
    const encoded = this.#encode(row, revision);
    const assignments = this.#names
      .filter((name) => !this.#identity.includes(name))
      .map((name) => sql`${sql.ref(name)} = ${row[name]}`);
    const statement = sql`update ${sql.table(this.name)} set ${sql.join([
      ...assignments,
      sql`revision = ${revision}`,
      sql`mac = ${guard.mac(encoded)}`,
    ])} where ${this.#isRow(old)}`;
    const sumDelta = guard.element(encoded) - guard.element(this.#encode(old.row, old.revision));
    return { statement: compile(db, statement), sumDelta };
  }

  delete(guard: RowGuard, db: Kysely<unknown>, old: Verified<RowOf<C>>): RowChange {
    const statement = sql`delete from ${sql.table(this.name)} where ${this.#isRow(old)}`;
    return { statement: compile(db, statement), sumDelta: -guard.element(this.#encode(old.row, old.revision)) };
  }

  #isRow(old: Verified<RowOf<C>>) {
    const conditions = this.#identity.map((name) => sql`${sql.ref(name)} = ${old.row[name]}`);
    return sql.join([...conditions, sql`revision = ${old.revision}`], sql` and `);
  }

  /**
   * Table, revision and every column that has a value, with its type: injective, because each part has its length
   * before it. A column without a value is left out, so that a later version can add one and old rows still hold.
   */
  #encode(row: RowOf<C>, revision: number): Buffer {
    const parts: (string | Uint8Array)[] = [this.name, String(revision)];
    for (const name of this.#names) {
      const value: SqlValue = row[name];
      if (value !== null) parts.push(name, typeof value, toPart(value));
    }
    return lengthPrefixed(parts);
  }

  #read(raw: object): { row: RowOf<C>; revision: number; encoded: Buffer; mac: Uint8Array } {
    const source: SqlRow = { ...raw };
    // Made at once: an object that is given so many members one by one takes four times the memory, and thousands are kept.
    const copy = Object.fromEntries(
      this.#names.map((name): [string, SqlValue] => {
        const value = source[name];
        if (value === undefined || !hasType(value, this.#columns[name])) {
          throw new TamperedRowError(this.name, `column ${name} has a value of a wrong type`);
        }
        return [name, value];
      }),
    );
    const { revision, mac } = source;
    if (typeof revision !== "number" || !(mac instanceof Uint8Array)) {
      throw new TamperedRowError(this.name, "a row has no revision or no MAC");
    }
    // Every column was compared with its declared type just above.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const row = copy as RowOf<C>;
    return { row, revision, encoded: this.#encode(row, revision), mac };
  }
}

function compile(db: Kysely<unknown>, statement: ReturnType<typeof sql>): RowInsert {
  return toRowInsert({ compile: () => statement.compile(db) });
}

function toPart(value: string | number | Uint8Array): string | Uint8Array {
  return typeof value === "number" ? String(value) : value;
}

function hasType(value: SqlValue, type: ColumnType | undefined): boolean {
  switch (type) {
    case "text?":
      return value === null || typeof value === "string";
    case "integer?":
      return value === null || Number.isSafeInteger(value);
    case "bytes?":
      return value === null || value instanceof Uint8Array;
    case "text":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "bytes":
      return value instanceof Uint8Array;
    case undefined:
      return false;
  }
}
