import {
  type EntityFinder,
  type EntityKind,
  type EntityReader,
  type RequestContext,
  type RowGuard,
  type Touched,
} from "@cinnabar/kernel";
import { sql } from "kysely";
import { readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import { type AccessPlace, accessEntityId, placeOf } from "./access-row.ts";

/** Entities of one kind that a process keeps in memory at most. */
const CACHED_ENTITIES = 10_000;

/** Checks that a row is authentic and the one that was asked for, and says what it holds. @throws TamperedRowError */
type OpenRow<Entity> = (
  guard: RowGuard,
  raw: object,
  asked: { readonly account_id: string; readonly name?: string },
) => Entity;

/** What accounts have under names of their own: a protected table with the columns account_id, name and created_at. */
export class NamedEntities<Entity extends object> {
  readonly #table: string;
  readonly #open: OpenRow<Entity>;
  readonly #kind: EntityKind<Entity>;

  /**
   * @param options.kind - the kind's name in the cache.
   * @param options.weigh - bytes that an entity takes, about.
   * @param options.open - reads a row.
   */
  constructor({
    kind: name,
    table,
    weigh,
    open,
  }: {
    readonly kind: string;
    readonly table: string;
    readonly weigh: (entity: Entity) => number;
    readonly open: OpenRow<Entity>;
  }) {
    this.#table = table;
    this.#open = open;
    this.#kind = {
      name,
      capacity: CACHED_ENTITIES,
      weigh,
      load: async ({ db, guard }, id) => {
        const { accountId, name } = placeOf(id);
        const { rows } = await sql<object>`
          select * from ${sql.table(table)} where account_id = ${accountId} and name = ${name}
        `.execute(db);
        return rows[0] && open(guard, rows[0], { account_id: accountId, name });
      },
    };
  }

  find(finder: EntityFinder, place: AccessPlace): Entity | undefined | Promise<Entity | undefined> {
    return finder.find(this.#kind, accessEntityId(place));
  }

  /** What its making, its change or its end makes others forget. */
  touched(place: AccessPlace): Touched {
    return { kind: this.#kind, id: accessEntityId(place) };
  }

  /** A page of the caller's account's, the oldest first. */
  async list(
    context: RequestContext,
    page: Page,
  ): Promise<{ readonly entities: readonly Entity[]; readonly total: number }> {
    const { accountId } = context.principal;
    const entries = sql`from ${sql.table(this.#table)} where account_id = ${accountId}`;
    const { rows, total } = await readPage(context, { page, entries, thenBy: "name" });
    return { entities: rows.map((raw) => this.#open(context.guard, raw, { account_id: accountId })), total };
  }

  /** All of an account's, in no order. */
  async all({ db, guard }: EntityReader, accountId: string): Promise<readonly Entity[]> {
    const { rows } = await sql<object>`
      select * from ${sql.table(this.#table)} where account_id = ${accountId}
    `.execute(db);
    return rows.map((raw) => this.#open(guard, raw, { account_id: accountId }));
  }
}
