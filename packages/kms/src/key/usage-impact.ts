import { type Impact, type ImpactReport, type RequestContext, type Warned, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import { type KeyTarget, onKey } from "./find-key.ts";
import type { KeyUsage, KeyUsageSource, UsageTally } from "./key-usage.ts";

/** How far recorded traffic is looked at, in days of UTC, the present one included. */
const DAYS = 30;
const DAY_MILLIS = 24 * 60 * 60 * 1000;
/** Most names of one kind that are told. The rest is in GetKeyUsage. */
const MAX_NAMED = 100;

/**
 * What a change that ends the use of a key, or of some, would break: the recorded traffic of the last {@link DAYS} days. Told to
 * those who may see the key's usage anyway.
 *
 * @param advice - a further sentence of the answer's message.
 */
export function usageImpact(source: KeyUsageSource, advice = ""): Impact<KeyTarget, Warned | Record<string, never>> {
  return {
    queue: "lookup",
    access: (context, target) => onKey(context, "kms:GetKeyUsage", target),
    untold: {
      message: "Who used the key is told to whoever has the right kms:GetKeyUsage on it.",
      detail: {},
    },
    async find(context, { key }, result) {
      return report(context, { keyId: key.id, usage: await source.read(context, key), advice, result });
    },
  };
}

const warned = z.object(warningsResult);

function report(
  { now }: RequestContext,
  {
    keyId,
    usage,
    advice,
    result,
  }: {
    readonly keyId: string;
    readonly usage: KeyUsage;
    readonly advice: string;
    readonly result: object | undefined;
  },
): ImpactReport {
  const firstDay = Math.floor(now / DAY_MILLIS) - DAYS + 1;
  const since = firstDay * DAY_MILLIS;
  const calls = [...usage.days].reduce((sum, [day, { uses }]) => (day < firstDay ? sum : sum + uses), 0);
  const principals = usage.principals
    .flatMap(({ type, accountId, principalId, accessKeyId, ...tally }) => {
      const lastAt = lastUse(tally, since);
      const named = { Type: type, AccountId: accountId, PrincipalId: principalId, AccessKeyId: accessKeyId };
      return lastAt === undefined ? [] : [{ ...named, lastAt }];
    })
    .toSorted(byLastUse);
  const operations = [...usage.operations]
    .flatMap(([Name, tally]) => {
      const lastAt = lastUse(tally, since);
      return lastAt === undefined ? [] : [{ Name, lastAt }];
    })
    .toSorted(byLastUse);
  const hasOthers = lastUse(usage.otherPrincipals, since) !== undefined;
  const isMore = hasOthers || principals.length > MAX_NAMED;
  return {
    message: [summary({ calls, principals: principals.length, isMore, last: operations[0] }), advice]
      .filter((sentence) => sentence !== "")
      .join(" "),
    detail: {
      KeyId: keyId,
      StartTime: formatInstant(since),
      EndTime: formatInstant(now),
      Calls: calls,
      Principals: { Principal: principals.slice(0, MAX_NAMED).map(toView), IsTruncated: isMore },
      Operations: { Operation: operations.map(toView) },
      Warnings: result === undefined ? undefined : warned.parse(result).Warnings,
    },
  };
}

function summary({
  calls,
  principals,
  isMore,
  last,
}: {
  readonly calls: number;
  readonly principals: number;
  readonly isMore: boolean;
  readonly last: { readonly Name: string; readonly lastAt: number } | undefined;
}): string {
  if (last === undefined) return `Nobody used the key in the last ${DAYS} days.`;
  const by = `${isMore ? "more than " : ""}${principals} ${principals === 1 && !isMore ? "caller" : "callers"}`;
  const times = calls === 1 ? "1 call" : `${calls} calls`;
  return `In the last ${DAYS} days the key served ${times} of ${by}, the last one at ${formatInstant(last.lastAt)} by ${last.Name}.`;
}

/** When it last was answered, if that was since then. */
function lastUse({ uses }: UsageTally, since: number): number | undefined {
  return uses === undefined || uses.lastAt < since ? undefined : uses.lastAt;
}

function byLastUse(one: { readonly lastAt: number }, other: { readonly lastAt: number }): number {
  return other.lastAt - one.lastAt;
}

function toView<T extends { readonly lastAt: number }>({ lastAt, ...named }: T) {
  return { ...named, LastDate: formatInstant(lastAt) };
}
