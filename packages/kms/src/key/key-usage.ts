import type { AccountId, RequestContext } from "@cinnabar/kernel";
import type { StoredKey } from "./key-repository.ts";

/** How often something happened, and when first and last, in store milliseconds. */
export interface UsageCount {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Cryptographic calls with a key that were answered, and those that were refused. */
export interface UsageTally {
  readonly uses?: UsageCount;
  readonly refusals?: UsageCount;
}

/** A caller, as audit events record it. */
export interface UsagePrincipal extends UsageTally {
  readonly type: string;
  readonly accountId: string;
  readonly principalId: string;
  readonly accessKeyId?: string | undefined;
}

/** What a service said that it used a key for. */
export interface UsageResource extends UsageTally {
  readonly service: string;
  readonly arn: string;
}

/** What a key was used for, by the audit log. */
export interface KeyUsage {
  readonly operations: ReadonlyMap<string, UsageTally>;
  /** By key version. A refused call may not have come so far that it had one. */
  readonly versions: ReadonlyMap<string, UsageTally>;
  readonly principals: readonly UsagePrincipal[];
  /** By names of the encryption contexts of answered calls. */
  readonly contextNames: ReadonlyMap<string, UsageTally>;
  /** Answered calls, by the services that made them, by themselves or with sessions; names have the domain. */
  readonly services: ReadonlyMap<string, UsageTally>;
  /** The same by what services said that they used the key for. */
  readonly resources: readonly UsageResource[];
  /** By resources that are too many to be told apart. */
  readonly otherResources: UsageTally;
  /** By principals, and by names, that are too many to be told apart. */
  readonly otherPrincipals: UsageTally;
  readonly otherContextNames: UsageTally;
  /** Answered calls whose context's names were not looked at. */
  readonly unnamedContexts: UsageTally;
  /** How many calls there were on each of the last days, by days since 1970 in UTC. */
  readonly days: ReadonlyMap<number, { readonly uses: number; readonly refusals: number }>;
  /** All but the days, as a text and its SHA-256 in hexadecimal: it changes exactly with the uses and refusals. */
  readonly report: { readonly text: string; readonly hash: string };
}

/** Where operations learn of a key's usage: the log belongs to another package, accounts to a third. */
export interface KeyUsageSource {
  /** Counts every call that was answered before this one. */
  read(context: RequestContext, key: Pick<StoredKey, "id" | "accountId">): Promise<KeyUsage>;
  /**
   * The same, and in a control transaction all calls there are until it is over ({@link RequestContext.holdBatches}).
   * Nobody is answered meanwhile, so there only what came since the call was evaluated before it is read.
   */
  readHeld(context: RequestContext, key: Pick<StoredKey, "id" | "accountId">): Promise<KeyUsage>;
  /** Whether the account wants a key's usage reviewed before its deletion is scheduled. */
  isReviewRequired(context: RequestContext, accountId: AccountId): Promise<boolean>;
}
