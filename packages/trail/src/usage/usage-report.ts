import { hash } from "node:crypto";
import { formatTimestamp } from "@cinnabar/rpc";
import { type Count, decodePrincipal, type KeyCounts, MAX_NAMES, type Tally } from "./usage-counts.ts";

/** A usage report (docs/formats/usage-report.md). */
export interface UsageReport {
  /** Canonical JSON (RFC 8785). */
  readonly text: string;
  /** SHA-256 of the text's UTF-8, 64 lower-case hexadecimal digits. */
  readonly hash: string;
}

/** Stands in place of a list whose names are too many to be counted one by one. */
const TOO_MANY = "too many";

/**
 * The report of all uses of a key. It is a function of the events that are uses of the key and of nothing else: two
 * reports are the same exactly if nobody used the key, or tried to, between them.
 */
export function usageReport(key: {
  readonly accountId: string;
  readonly keyId: string;
  readonly counts: KeyCounts;
}): UsageReport {
  const { accountId, keyId, counts } = key;
  const { operation, version, principal, context } = counts.names;
  // The members stand in their sorted order, so that JSON.stringify writes RFC 8785.
  const text = JSON.stringify({
    accountId,
    contextNames: isTooMany(context, counts.others.context)
      ? TOO_MANY
      : sorted(context).map(([name, tally]) => ({ name, ...members(tally) })),
    format: "cinnabar/usage-report/v1",
    keyId,
    keyVersions: sorted(version).map(([keyVersionId, tally]) => ({ keyVersionId, ...members(tally) })),
    operations: sorted(operation).map(([name, tally]) => ({ operation: name, ...members(tally) })),
    principals: isTooMany(principal, counts.others.principal)
      ? TOO_MANY
      : sorted(principal).map(([name, tally]) => principalMembers(name, tally)),
    unnamedContexts: members(counts.unnamedContexts),
  });
  return { text, hash: hash("sha256", text, "hex") };
}

/** Which names are counted by themselves depends on what came first into the index: then none is in the report. */
function isTooMany(names: ReadonlyMap<string, Tally>, others: Tally): boolean {
  return names.size > MAX_NAMES || others.uses !== undefined || others.refusals !== undefined;
}

function principalMembers(name: string, tally: Tally) {
  const { accessKeyId, accountId, principalId, type } = decodePrincipal(name);
  const { refusals, uses } = members(tally);
  return { accessKeyId, accountId, principalId, refusals, type, uses };
}

function members({ refusals, uses }: Tally) {
  return { refusals: refusals && countMembers(refusals), uses: uses && countMembers(uses) };
}

function countMembers({ count, firstAt, lastAt }: Count) {
  return { count, firstAt: formatTimestamp(firstAt), lastAt: formatTimestamp(lastAt) };
}

/** By UTF-16 code units, as RFC 8785 sorts the members of an object. */
function sorted(names: ReadonlyMap<string, Tally>): [string, Tally][] {
  return [...names].toSorted(([one], [other]) => (one < other ? -1 : 1));
}
