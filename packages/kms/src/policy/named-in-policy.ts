/** Users and roles as policies write them. */
const PRINCIPAL = /acs:ram::([0-9]{16}):((?:user|role)\/[A-Za-z0-9._-]{1,64})/g;

/** Whether a policy's document may name any of some users and roles of an account, such as `user/alice`. */
export function mayName(
  document: string,
  { accountId, names }: { readonly accountId: string; readonly names: ReadonlySet<string> },
): boolean {
  // What is written with escapes has to be parsed.
  if (document.includes("\\")) return true;
  for (const [, account, name] of document.matchAll(PRINCIPAL)) {
    if (account === accountId && name !== undefined && names.has(name)) return true;
  }
  return false;
}
