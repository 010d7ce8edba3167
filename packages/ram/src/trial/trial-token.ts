import { z } from "zod";
import type { SecondsRange } from "./recorded-calls.ts";

/** Where a trial's page ended, and which trial it was of. Opaque to callers, yet only a place: who makes one up learns nothing. */
export interface TrialPlace {
  readonly range: SecondsRange;
  /** The search that goes on, counted from 0. */
  readonly search: number;
  /** Where it goes on; `undefined` for its beginning. */
  readonly after: string | undefined;
  /** Of what is tried. */
  readonly digest: string;
}

const MAX_CHARACTERS = 1_024;
/** The end of the year 9999, in seconds since 1970. */
const MAX_SECONDS = 253_402_300_799;
/** How far events can be looked up. */
const MAX_RANGE_SECONDS = 90 * 24 * 60 * 60;
const seconds = z.int().min(0).max(MAX_SECONDS);
const fields = z.tuple([
  z.literal(1),
  seconds,
  seconds,
  z.int().min(0),
  z.string().max(MAX_CHARACTERS).nullable(),
  z.string(),
]);

/** A NextToken of a trial. */
export const trialToken: z.ZodType<TrialPlace> = z.string().transform((token, { issues }) => {
  const place = token.length <= MAX_CHARACTERS ? decode(token) : undefined;
  if (place !== undefined && encodeTrialToken(place) === token) return place;
  issues.push({ code: "custom", input: token, message: "It must be the NextToken of an earlier answer." });
  return z.NEVER;
});

function decode(token: string): TrialPlace | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    return undefined;
  }
  const parsed = fields.safeParse(json);
  if (!parsed.success) return undefined;
  const [, from, to, search, after, digest] = parsed.data;
  if (to < from || to - from > MAX_RANGE_SECONDS) return undefined;
  return { range: { from, to }, search, after: after ?? undefined, digest };
}

export function encodeTrialToken({ range: { from, to }, search, after, digest }: TrialPlace): string {
  return Buffer.from(JSON.stringify([1, from, to, search, after ?? null, digest])).toString("base64url");
}
