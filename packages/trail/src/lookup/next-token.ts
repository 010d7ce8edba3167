import { hash } from "node:crypto";
import { z } from "zod";
import type { EventQuery } from "./event-query.ts";
import type { Position } from "./position.ts";

/** Bytes of the digest that ties a token to its query, in base64url characters. */
const DIGEST_CHARACTERS = 16;
const MAX_TOKEN_CHARACTERS = 256;

/** Where a page ended, and which query it was of. Opaque to callers, yet only a place: who makes one up learns nothing by it. */
export interface PagePlace {
  /** The range of the query's first page, in seconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly after: Position;
  /** Of the account, the attributes and the direction. */
  readonly digest: string;
}

/** The end of the year 9999, in seconds since 1970. */
const MAX_SECONDS = 253_402_300_799;
const seconds = z.int().min(0).max(MAX_SECONDS);
const fields = z.tuple([
  z.literal(1),
  seconds,
  seconds,
  z
    .int()
    .min(0)
    .max(MAX_SECONDS + 1),
  z.int().min(-1),
  z.int().min(0),
  z.int().min(0),
  z.string().length(DIGEST_CHARACTERS),
]);

/** A NextToken. */
export const nextToken: z.ZodType<PagePlace> = z.string().transform((token, { issues }) => {
  const place = token.length <= MAX_TOKEN_CHARACTERS ? decode(token) : undefined;
  if (place !== undefined && encodeNextToken(place) === token) return place;
  issues.push({ code: "custom", input: token, message: "It must be the NextToken of an earlier answer." });
  return z.NEVER;
});

function decode(token: string): PagePlace | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    return undefined;
  }
  const parsed = fields.safeParse(json);
  if (!parsed.success) return undefined;
  const [, from, to, seconds, shard, seq, index, digest] = parsed.data;
  return { from, to, after: { seconds, shard, seq, index }, digest };
}

export function encodeNextToken({ from, to, after, digest }: PagePlace): string {
  const { seconds, shard, seq, index } = after;
  return Buffer.from(JSON.stringify([1, from, to, seconds, shard, seq, index, digest])).toString("base64url");
}

/** What a token's query must have in common with that of the call which brings it. */
export function digestQuery({ accountId, attributes, direction }: Omit<EventQuery, "from" | "to">): string {
  const conditions = attributes.map(({ name, value }) => JSON.stringify([name, value])).toSorted();
  return hash("sha256", JSON.stringify([accountId, direction, conditions]), "base64url").slice(0, DIGEST_CHARACTERS);
}
