import { invalidParameter, isStorable, optionalRecords, type RequestContext } from "@cinnabar/kernel";
import { findConditionKey, parseInstant } from "@cinnabar/policy";
import { z } from "zod";

const MAX_CONDITIONS = 20;
const MAX_VALUE_CHARACTERS = 1024;

/** Under which circumstances a call is imagined. */
export interface Circumstances {
  readonly now: number;
  /** Whether the time is that of the question, which goes on. */
  readonly isNow: boolean;
  readonly isSecure: boolean;
  readonly sourceAddress: string;
  readonly mfaPresent: boolean;
  /** Further condition keys, in lower case. */
  readonly conditions: ReadonlyMap<string, string>;
}

type ConditionRecords = readonly ReadonlyMap<string, string>[];

const records: z.ZodType<ConditionRecords> = z
  .array(z.map(z.string(), z.string()))
  .max(MAX_CONDITIONS, `There must be at most ${MAX_CONDITIONS} conditions.`);

export const authCondition = optionalRecords({
  schema: records,
  description:
    "What conditions find, each with Key and Value, at most 20. Left out, time, address and transport are those of this call, and there is no second factor.",
});

/** @throws ApiError `InvalidParameter` for a key that there is not, or whose value the call itself has. */
export function toCircumstances(
  { now, isSecure, sourceAddress }: RequestContext,
  given: ConditionRecords = [],
): Circumstances {
  const values = new Map<string, string>();
  for (const [index, fields] of given.entries()) {
    const place = `AuthCondition.${index + 1}`;
    const key = findConditionKey(fields.get("Key") ?? "")?.key;
    const value = fields.get("Value") ?? "";
    if (key === undefined || values.has(key)) {
      throw invalidParameter(`${place}.Key`, "It must be a condition key, and given once.");
    }
    if (FIXED.some((fixed) => key.startsWith(fixed))) {
      throw invalidParameter(`${place}.Key`, "Its value is that of the principal, or of the resource.");
    }
    if (!isStorable(value) || value.length > MAX_VALUE_CHARACTERS || !(FORMATS[key]?.test(value) ?? true)) {
      throw invalidParameter(`${place}.Value`, "It must be a value such as the key has.");
    }
    values.set(key, value);
  }
  const time = take(values, "acs:currenttime");
  const at = time === undefined ? now : parseInstant(time);
  if (at === undefined) throw invalidParameter("AuthCondition", "The time must read like 2026-11-22T08:00:00Z.");
  const secure = take(values, "acs:securetransport");
  return {
    now: at,
    isNow: time === undefined,
    isSecure: secure === undefined ? isSecure : secure === "true",
    sourceAddress: take(values, "acs:sourceip") ?? sourceAddress,
    mfaPresent: take(values, "acs:mfapresent") === "true",
    conditions: values,
  };
}

/** Keys whose values are not the caller's to choose. */
const FIXED = ["acs:principalarn", "acs:resourcetag/", "kms:tag/", "kms:instanceid", "oidc:iss"];

const BOOLEAN = /^(?:true|false)$/;
const FORMATS: Readonly<Record<string, RegExp>> = {
  "acs:securetransport": BOOLEAN,
  "acs:mfapresent": BOOLEAN,
  "acs:sourceip": /^[0-9A-Fa-f:.]{2,45}$/,
};

function take(values: Map<string, string>, key: string): string | undefined {
  const value = values.get(key);
  values.delete(key);
  return value;
}
