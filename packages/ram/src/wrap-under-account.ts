import { type AccountId, type AccountKeys, type RequestContext, TamperedRowError } from "@cinnabar/kernel";
import { AuthenticationError, unwrapKey, wrapKey } from "@cinnabar/crypto";

/** What a row keeps under its account's key. */
export interface WrappedUnderAccount {
  readonly wrapped: Uint8Array;
  /** Version of the account key. */
  readonly version: number;
}

/** What a value is bound to: what was wrapped for one thing opens for no other. */
export type WrappedIdentity = readonly [label: string, accountId: string, ...rest: string[]];

/** Wraps a value under the current key of the account. The value stays the caller's to clear. */
export async function wrapUnderAccount(
  context: RequestContext,
  {
    accountId,
    identity,
    value,
  }: {
    readonly accountId: AccountId;
    readonly identity: WrappedIdentity;
    readonly value: Uint8Array;
  },
): Promise<WrappedUnderAccount> {
  const { current } = await loadAccountKeys(context, accountId);
  return {
    wrapped: wrapKey({ wrappingKey: current.key, material: value, identity }),
    version: current.version,
  };
}

/**
 * Opens what {@link wrapUnderAccount} wrapped. The caller clears the result.
 *
 * @throws TamperedRowError if it does not open.
 */
export async function unwrapUnderAccount(
  context: RequestContext,
  {
    accountId,
    identity,
    wrapped,
    version,
  }: WrappedUnderAccount & {
    readonly accountId: AccountId;
    readonly identity: WrappedIdentity;
  },
): Promise<Buffer> {
  const { byVersion } = await loadAccountKeys(context, accountId);
  const wrappingKey = byVersion.get(version);
  if (wrappingKey === undefined) throw new TamperedRowError("account_key", "a version that wraps a value is missing");
  try {
    return unwrapKey({ wrappingKey, wrapped, identity });
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new TamperedRowError(identity[0], "what an account key wraps does not open");
  }
}

/** The account's keys. @throws TamperedRowError if it has none. */
export async function loadAccountKeys(context: RequestContext, accountId: AccountId): Promise<AccountKeys> {
  const accountKeys = await context.find(context.custody.accountKeys, accountId);
  if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
  return accountKeys;
}
