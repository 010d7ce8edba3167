import { type AccountId, type AccountKeys, type RequestContext, TamperedRowError } from "@cinnabar/kernel";

/** @throws {@link TamperedRowError} if an account that has keys lost the key that wraps them. */
export async function findAccountKeys(context: RequestContext, accountId: AccountId): Promise<AccountKeys> {
  const accountKeys = await context.find(context.custody.accountKeys, accountId);
  if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
  return accountKeys;
}
