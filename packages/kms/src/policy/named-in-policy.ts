/** Users, roles and whole accounts as policies write them. */
const PRINCIPAL = /acs:ram::([0-9]{16}):((?:user|role)\/[A-Za-z0-9._-]{1,64}|root|\*)/g;

/**
 * The names that may stand in a policy's document as principals: of an account's own users and roles such as `user/alice`, of
 * others' the ARNs, and of another account as a whole that of its root. `undefined` if it has to be parsed to find that out.
 */
export function namesInDocument(document: string, accountId: string): readonly string[] | undefined {
  // What is written with escapes.
  if (document.includes("\\")) return undefined;
  return [...document.matchAll(PRINCIPAL)].flatMap(([, account = "", name = ""]) => {
    if (account !== accountId) return [`acs:ram::${account}:${name === "*" ? "root" : name}`];
    return name.includes("/") ? [name] : [];
  });
}
