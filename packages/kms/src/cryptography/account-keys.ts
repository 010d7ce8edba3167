import { type AccountId, type AccountKeys, proceed, type RequestContext, TamperedRowError } from "@cinnabar/kernel";

/** @throws {@link TamperedRowError} if an account that has keys lost the key that wraps them. */
export function findAccountKeys(
  context: Pick<RequestContext, "find" | "custody">,
  accountId: AccountId,
): AccountKeys | Promise<AccountKeys> {
  return proceed(context.find(context.custody.accountKeys, accountId), (accountKeys) => {
    if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
    return accountKeys;
  });
}
