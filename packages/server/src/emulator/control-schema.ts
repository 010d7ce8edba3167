import { ERRORS, type ErrorCode } from "@cinnabar/kernel";
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import type { FaultRule } from "./fault-rules.ts";
import { SNAPSHOT_NAME } from "./snapshots.ts";

const MAX_CALLS = 1_000_000;
/** A connection on which nothing moves for longer ends by itself. */
const MAX_LATENCY_MILLIS = 50_000;
const MAX_RETRY_AFTER_MILLIS = 3_600_000;

const DURATION_HINT = "a number of seconds, or a duration such as P366D or PT1H30M (no years and months)";

const duration = z.union(
  [
    z
      .number()
      .min(0)
      .transform((seconds) => Math.round(seconds * 1000)),
    z.string().transform((text, context) => {
      const millis = parseDuration(text);
      if (millis !== undefined) return millis;
      context.addIssue(`not ${DURATION_HINT}`);
      return z.NEVER;
    }),
  ],
  { error: `not ${DURATION_HINT}` },
);

const instant = z.iso
  .datetime({ offset: true, error: "not an instant such as 2030-01-31T00:00:00Z" })
  .transform((text) => Date.parse(text));

/** The body of `POST /emulator/time`. */
export const timeSchema = z.union(
  [
    z.strictObject({ set: instant }).transform(({ set }) => ({ at: set })),
    z.strictObject({ advance: duration }).transform(({ advance }) => ({ byMillis: advance })),
  ],
  {
    error: `neither {"set": INSTANT} nor {"advance": DURATION}: INSTANT is such as 2030-01-31T00:00:00Z, and DURATION ${DURATION_HINT}`,
  },
);

const name = z.stringFormat(
  "snapshot name",
  SNAPSHOT_NAME,
  "not a name of 1 to 64 lower-case letters, digits, points, dashes and underscores",
);

/** The body of `POST /emulator/snapshot`. */
export const snapshotSchema = z.strictObject({ name });

/** The body of `POST /emulator/reset`. */
export const resetSchema = z.strictObject({ to: name.optional() });

const millis = z.int().min(0).max(MAX_LATENCY_MILLIS);

const effect = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({
      kind: z.literal("throttling"),
      retryAfterMillis: z.int().min(1).max(MAX_RETRY_AFTER_MILLIS).default(1000),
    }),
    z.strictObject({
      kind: z.literal("error"),
      code: z.custom<ErrorCode>(
        (code) => typeof code === "string" && Object.hasOwn(ERRORS, code),
        "not an error code of the API",
      ),
      message: z.string().min(1).max(1000).optional(),
    }),
    z
      .strictObject({
        kind: z.literal("latency"),
        millis: z.union(
          [
            millis.transform((exactly) => ({ fromMillis: exactly, toMillis: exactly })),
            z
              .strictObject({ from: millis, to: millis })
              .refine(({ from, to }) => from <= to, "from is more than to")
              .transform(({ from, to }) => ({ fromMillis: from, toMillis: to })),
          ],
          {
            error: `neither a number of milliseconds up to ${MAX_LATENCY_MILLIS} nor {"from": N, "to": N} with two of them`,
          },
        ),
      })
      .transform(({ kind, millis: range }) => ({ kind, ...range })),
    z.strictObject({ kind: z.literal("drop"), when: z.enum(["before", "after"]) }),
  ],
  { error: "not throttling, error, latency or drop" },
);

/** The body of `POST /emulator/faults`. @param operations - names of what is served. */
export function faultSchema(operations: ReadonlySet<string>) {
  const operation = z.string().refine((text) => operations.has(text), "not an operation that is served");
  return z
    .strictObject({
      operation: z
        .union([operation.transform((one) => [one]), z.array(operation).min(1)], {
          error: "neither the name of an operation that is served nor a list of such names",
        })
        .optional(),
      account: z.stringFormat("account", /^[0-9]{16}$/, "not an account's 16 digits").optional(),
      calls: z.int().min(1).max(MAX_CALLS).optional(),
      probability: z.number().gt(0).max(1).default(1),
      seed: z
        .int()
        .min(0)
        .max(2 ** 32 - 1)
        .default(0),
      effect,
    })
    .transform(({ operation: operations, ...rest }): FaultRule => ({ ...rest, operations }));
}
