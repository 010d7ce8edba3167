import type { Principal } from "./key-use.ts";
import { decodePrincipal, decodeResource, type KeyCounts, type Outcome, type Tally } from "./usage-counts.ts";
import { type UsageReport, usageReport } from "./usage-report.ts";

/** What a key was used for. */
export interface KeyUsage {
  readonly operations: ReadonlyMap<string, Tally>;
  readonly versions: ReadonlyMap<string, Tally>;
  readonly principals: readonly (Principal & Tally)[];
  /** By names of the encryption contexts of answered calls. */
  readonly contextNames: ReadonlyMap<string, Tally>;
  /** By services that used it, by themselves or with sessions. */
  readonly services: ReadonlyMap<string, Tally>;
  /** By what services said that they used it for. */
  readonly resources: readonly ({ readonly service: string; readonly arn: string } & Tally)[];
  /** By principals beyond those that are counted by themselves. */
  readonly otherPrincipals: Tally;
  /** By names beyond those that are counted by themselves, once for each such name. */
  readonly otherContextNames: Tally;
  /** By resources beyond those that are counted by themselves. */
  readonly otherResources: Tally;
  /** Answered calls whose context has too many names, or stands in the log as a digest. */
  readonly unnamedContexts: Tally;
  /** How many calls there were on each of the last days, by days since 1970 in UTC. */
  readonly days: ReadonlyMap<number, Readonly<Record<Outcome, number>>>;
  readonly report: UsageReport;
}

export function toKeyUsage(key: { readonly accountId: string; readonly keyId: string }, counts: KeyCounts): KeyUsage {
  const { operation, version, principal, context, service, resource } = counts.names;
  return {
    operations: operation,
    versions: version,
    principals: [...principal].map(([name, tally]) => ({ ...decodePrincipal(name), ...tally })),
    contextNames: context,
    services: service,
    resources: [...resource].map(([name, tally]) => ({ ...decodeResource(name), ...tally })),
    otherPrincipals: counts.others.principal,
    otherContextNames: counts.others.context,
    otherResources: counts.others.resource,
    unnamedContexts: counts.unnamedContexts,
    days: counts.days,
    report: usageReport({ ...key, counts }),
  };
}
