import { type DeclaredOperation, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, kms } from "../api.ts";
import { findKey, onKey } from "./find-key.ts";
import { keyReference } from "./key-reference.ts";
import type { KeyUsage, KeyUsageSource, UsageCount, UsageTally } from "./key-usage.ts";

const DAY_MILLIS = 24 * 60 * 60 * 1000;

const count = z.object({ Count: z.int(), FirstDate: z.string(), LastDate: z.string() });
const tally = { Uses: count.optional(), Refusals: count.optional() };

/**
 * GetKeyUsage, which the published API does not have. Its right is one of its own, because it tells who uses a key and
 * for what, and DescribeKey does not.
 */
export function getKeyUsage(source: KeyUsageSource): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "GetKeyUsage",
    summary: "Counts the cryptographic calls with a key by operation, version, caller, context name and day.",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    },
    result: z.object({
      KeyId: z.string(),
      AsOf: z.string(),
      ...tally,
      Operations: z.object({ Operation: z.array(z.object({ Name: z.string(), ...tally })) }),
      KeyVersions: z.object({ KeyVersion: z.array(z.object({ KeyVersionId: z.string(), ...tally })) }),
      Principals: z.object({
        Principal: z.array(
          z.object({
            Type: z.string(),
            AccountId: z.string(),
            PrincipalId: z.string(),
            AccessKeyId: z.string().optional(),
            ...tally,
          }),
        ),
      }),
      OtherPrincipals: z.object(tally).optional(),
      ContextNames: z.object({ ContextName: z.array(z.object({ Name: z.string(), ...tally })) }),
      OtherContextNames: z.object(tally).optional(),
      UnnamedContexts: z.object(tally).optional(),
      Days: z.object({ Day: z.array(z.object({ Date: z.string(), Uses: z.int(), Refusals: z.int() })) }),
      UsageReport: z.string(),
      UsageReportHash: z.string(),
    }),
    recordedResult: ["UsageReportHash"],
    errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
    access: (context, target) => [onKey(context, "kms:GetKeyUsage", target)],
    async handle(context, _parameters, { key }) {
      const AsOf = formatInstant(context.now);
      return { result: { KeyId: key.id, AsOf, ...toResult(await source.read(context, key)) } };
    },
  });
}

function toResult(usage: KeyUsage) {
  const named = (tallies: ReadonlyMap<string, UsageTally>) =>
    [...tallies].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return {
    ...toTally(total(usage.operations.values())),
    Operations: { Operation: named(usage.operations).map(([Name, counted]) => ({ Name, ...toTally(counted) })) },
    KeyVersions: {
      KeyVersion: named(usage.versions).map(([KeyVersionId, counted]) => ({ KeyVersionId, ...toTally(counted) })),
    },
    Principals: {
      Principal: usage.principals.map(({ type, accountId, principalId, accessKeyId, ...counted }) => ({
        Type: type,
        AccountId: accountId,
        PrincipalId: principalId,
        AccessKeyId: accessKeyId,
        ...toTally(counted),
      })),
    },
    OtherPrincipals: toOptionalTally(usage.otherPrincipals),
    ContextNames: { ContextName: named(usage.contextNames).map(([Name, counted]) => ({ Name, ...toTally(counted) })) },
    OtherContextNames: toOptionalTally(usage.otherContextNames),
    UnnamedContexts: toOptionalTally(usage.unnamedContexts),
    Days: {
      Day: [...usage.days]
        .toSorted(([one], [other]) => one - other)
        .map(([day, { uses, refusals }]) => ({ Date: formatDay(day), Uses: uses, Refusals: refusals })),
    },
    UsageReport: usage.report.text,
    UsageReportHash: usage.report.hash,
  };
}

function toTally({ uses, refusals }: UsageTally) {
  return { Uses: uses && toCount(uses), Refusals: refusals && toCount(refusals) };
}

function toOptionalTally(counted: UsageTally) {
  return counted.uses === undefined && counted.refusals === undefined ? undefined : toTally(counted);
}

function toCount({ count: Count, firstAt, lastAt }: UsageCount) {
  return { Count, FirstDate: formatInstant(firstAt), LastDate: formatInstant(lastAt) };
}

function total(tallies: Iterable<UsageTally>): UsageTally {
  const all = [...tallies];
  const uses = sum(all.flatMap(({ uses }) => uses ?? []));
  const refusals = sum(all.flatMap(({ refusals }) => refusals ?? []));
  return { ...(uses && { uses }), ...(refusals && { refusals }) };
}

function sum(counts: readonly UsageCount[]): UsageCount | undefined {
  if (counts.length === 0) return undefined;
  return {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    firstAt: Math.min(...counts.map(({ firstAt }) => firstAt)),
    lastAt: Math.max(...counts.map(({ lastAt }) => lastAt)),
  };
}

function formatDay(day: number): string {
  return new Date(day * DAY_MILLIS).toISOString().slice(0, "yyyy-MM-dd".length);
}
