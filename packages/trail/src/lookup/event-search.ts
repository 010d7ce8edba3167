import { ApiError, type RequestContext } from "@cinnabar/kernel";
import type { Attribute } from "../events/attributes.ts";
import type { EventRecord } from "../events/event-record.ts";
import { readLogHeads } from "../follower/log-heads.ts";
import { ColumnCache } from "./column-cache.ts";
import { digestQuery, encodeNextToken, nextToken } from "./next-token.ts";
import { searchEvents } from "./search-events.ts";
import { HISTORY_SECONDS, type TimeRange } from "./time-range.ts";

/** Searches the trails of accounts for operations that make something else of the events, with the memory that its calls share. */
export class EventSearch {
  readonly #cache = new ColumnCache();

  /**
   * The last seconds up to now, as far as events can be looked up at all: no event that is on record now is beyond.
   *
   * @param seconds - how long it is to be; the longest there is if left out.
   */
  async lastSeconds(context: RequestContext, seconds: number = HISTORY_SECONDS): Promise<TimeRange> {
    const heads = await readLogHeads(context.log);
    // Other nodes' clocks may be ahead of this one's.
    const to = Math.floor(Math.max(context.now, ...heads.map(({ time }) => time)) / 1000);
    return { from: to - Math.min(seconds, HISTORY_SECONDS), to };
  }

  /**
   * A part of the events of an account's trail that have all of these attributes, each as that account may see it, the newest
   * first.
   *
   * @param query.after - the `next` of the part before it, of the same query.
   * @param query.deadline - when to stop, by `performance.now()`.
   * @throws ApiError `InvalidParameter` if `after` is not of this query, `ServiceUnavailableTemporary` while the index is
   * being made.
   */
  async search(
    context: RequestContext,
    query: {
      readonly accountId: string;
      readonly attributes: readonly Attribute[];
      readonly range: TimeRange;
      readonly limit: number;
      readonly after?: string | undefined;
      readonly deadline: number;
    },
  ): Promise<{ readonly events: readonly EventRecord[]; readonly next: string | undefined }> {
    const { accountId, attributes, range, limit, after: token, deadline } = query;
    const wanted = { accountId, attributes, direction: "BACKWARD" } as const;
    const digest = digestQuery(wanted);
    const place = token === undefined ? undefined : nextToken.safeParse(token).data;
    if (token !== undefined && !(place?.digest === digest && place.from === range.from && place.to === range.to)) {
      throw new ApiError("InvalidParameter", "The specified parameter is not valid. It is not of this search.");
    }
    const { events, next } = await searchEvents({
      db: context.log,
      cache: this.#cache,
      heads: await readLogHeads(context.log),
      query: { ...wanted, ...range },
      page: { limit, after: place?.after, deadline },
    });
    return { events, next: next && encodeNextToken({ ...range, after: next, digest }) };
  }
}
