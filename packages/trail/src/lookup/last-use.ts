import { ApiError, type RequestContext } from "@cinnabar/kernel";
import { readLogHeads } from "../follower/log-heads.ts";
import { toSeconds } from "../events/event-record.ts";
import { ColumnCache } from "./column-cache.ts";
import { searchEvents } from "./search-events.ts";
import { HISTORY_SECONDS } from "./time-range.ts";

/** How long one call searches, in milliseconds: a request is given up after less than two seconds. */
const SEARCH_MILLIS = 1_000;

/** Finds in the audit log when AccessKeys were used last, with the memory that its calls share. */
export class LastUseFinder {
  readonly #cache = new ColumnCache();

  /**
   * When an AccessKey of an account last signed a call, whatever came of it, in store milliseconds of whole seconds;
   * `undefined` if it did not within the last 90 days.
   *
   * @throws ApiError `ServiceUnavailableTemporary` if the log is too long to be searched in time.
   */
  async find(
    context: RequestContext,
    { accountId, accessKeyId }: { readonly accountId: string; readonly accessKeyId: string },
  ): Promise<number | undefined> {
    const deadline = performance.now() + SEARCH_MILLIS;
    const heads = await readLogHeads(context.log);
    // Other nodes' clocks may be ahead of this one's.
    const to = Math.floor(Math.max(context.now, ...heads.map(({ time }) => time)) / 1000);
    const { events, next } = await searchEvents({
      db: context.log,
      cache: this.#cache,
      heads,
      query: {
        accountId,
        attributes: [{ name: "EventAccessKeyId", value: accessKeyId }],
        direction: "BACKWARD",
        from: to - HISTORY_SECONDS,
        to,
      },
      page: { limit: 1, after: undefined, deadline },
    });
    const [event] = events;
    if (event !== undefined) return toSeconds(event.eventTime) * 1000;
    if (next === undefined) return undefined;
    throw new ApiError("ServiceUnavailableTemporary", "The audit log could not be searched in time. Try again later.");
  }
}
