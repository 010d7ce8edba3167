import {
  ApiError,
  type DeclaredOperation,
  defineOperation,
  integerText,
  oneOf,
  optional,
  optionalRecords,
} from "@cinnabar/kernel";
import { formatTimestamp } from "@cinnabar/rpc";
import { z } from "zod";
import { readLogHeads } from "../follower/log-heads.ts";
import type { ColumnCache } from "./column-cache.ts";
import { lookupAttributes } from "./lookup-attributes.ts";
import { digestQuery, encodeNextToken, nextToken, type PagePlace } from "./next-token.ts";
import { DIRECTIONS } from "./position.ts";
import { searchEvents } from "./search-events.ts";
import { assertOrder, instant, type TimeRange, toTimeRange } from "./time-range.ts";

/** Events of a page (ActionTrail, "LookupEvents"). */
const MAX_RESULTS = 50;
const DEFAULT_RESULTS = 20;
/** How long one call searches, in milliseconds: a request is given up after less than two seconds. */
const SEARCH_MILLIS = 1_000;

/** LookupEvents, with the memory that its calls share. */
export function lookupEvents(cache: ColumnCache): DeclaredOperation {
  return defineOperation({
    product: "Actiontrail",
    version: "2020-07-06",
    name: "LookupEvents",
    summary: "Finds events of the account's audit log.",
    kind: "read",
    throttlingClass: "LookupEvents",
    queue: "lookup",
    readWrite: "Read",
    parameters: {
      LookupAttribute: optionalRecords({
        schema: lookupAttributes,
        refusedAs: "InvalidQueryParameter",
        description: "What the events must have, each condition by Key and Value; the first two count. All by default.",
      }),
      StartTime: optional({
        schema: instant,
        refusedAs: "InvalidParameterStartTime",
        description: "The first second, within the last 90 days. With EndTime or not at all; 7 days ago by default.",
      }),
      EndTime: optional({
        schema: instant,
        refusedAs: "InvalidParameterEndTime",
        description: "The last second, at most 30 days after StartTime. Now by default.",
      }),
      Direction: optional({
        schema: oneOf(DIRECTIONS),
        refusedAs: "InvalidQueryParameter",
        description: "FORWARD for the oldest events first, BACKWARD (the default) for the newest.",
      }),
      MaxResults: optional({
        schema: integerText({ min: 1, max: MAX_RESULTS }),
        refusedAs: "InvalidQueryParameter",
        description: `The most events of an answer, from 1 to ${MAX_RESULTS}. ${DEFAULT_RESULTS} by default.`,
      }),
      NextToken: optional({
        schema: nextToken,
        refusedAs: "InvalidQueryParameter",
        description: "The NextToken of the page before, with the other parameters as they were.",
      }),
    },
    result: z.object({
      Events: z.array(z.record(z.string(), z.unknown())),
      /** Left out on the last page. */
      NextToken: z.string().optional(),
      StartTime: z.string(),
      EndTime: z.string(),
    }),
    recordedResult: [],
    errors: [
      "InvalidParameterCombination",
      "InvalidQueryParameter",
      "InvalidParameterEndTime",
      "InvalidParameterStartTime",
    ],
    target: () => undefined,
    access: ({ principal: { accountId } }) => [
      { action: "actiontrail:LookupEvents", resource: "*", accountId, hiddenAs: "NoPermission" },
    ],
    async handle(context, parameters) {
      const {
        LookupAttribute: attributes = [],
        Direction: direction = "BACKWARD",
        MaxResults: limit = DEFAULT_RESULTS,
        NextToken: place,
      } = parameters;
      const deadline = performance.now() + SEARCH_MILLIS;
      const { accountId } = context.principal;
      const digest = digestQuery({ accountId, attributes, direction });
      const heads = await readLogHeads(context.log);
      // Other nodes' clocks may be ahead of this one's: no event that is on record is beyond the range.
      const now = Math.floor(Math.max(context.now, ...heads.map(({ time }) => time)) / 1000);
      const { StartTime, EndTime } = parameters;
      const range =
        place === undefined ? toTimeRange({ StartTime, EndTime, now }) : rangeOf(place, { digest, ...parameters });
      const { events, next } = await searchEvents({
        db: context.log,
        cache,
        heads,
        query: { accountId, attributes, direction, ...range },
        page: { limit, after: place?.after, deadline },
      });
      return {
        result: {
          Events: events,
          ...(next !== undefined && { NextToken: encodeNextToken({ ...range, after: next, digest }) }),
          StartTime: formatTimestamp(range.from * 1000),
          EndTime: formatTimestamp(range.to * 1000),
        },
      };
    },
  });
}

/** The range of the query that a token belongs to. @throws ApiError if it is not the one of this call. */
function rangeOf(
  { from, to, digest }: PagePlace,
  call: {
    readonly digest: string;
    readonly StartTime: number | undefined;
    readonly EndTime: number | undefined;
  },
): TimeRange {
  const { StartTime = from, EndTime = to } = call;
  if (digest !== call.digest || StartTime !== from || EndTime !== to) {
    throw new ApiError(
      "InvalidQueryParameter",
      'The specified query parameter is invalid. "NextToken": It is of a query with other parameters.',
    );
  }
  assertOrder({ from, to });
  return { from, to };
}
