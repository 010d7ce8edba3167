import type { JsonElement } from "./json-element.ts";
import type { PrincipalPattern } from "./policy.ts";
import { describePrincipal } from "./principal-pattern.ts";

/** Alibaba Cloud RAM, "Policy elements"; names as in "Limits". */
const RAM = /^acs:ram::(?<accountId>[0-9]{16}):(?:root|\*|(?<type>user|role)\/(?<name>[A-Za-z0-9._-]{1,64}))$/;
const SERVICE = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){2,7}$/;
const PROVIDER = /^acs:ram::[0-9]{16}:(?:oidc|saml)-provider\/[A-Za-z0-9._-]{1,128}$/;

const RAM_ALLOWED =
  '"acs:ram::<account>:root" or "acs:ram::<account>:*" for a whole account, ' +
  '"acs:ram::<account>:user/<name>", or "acs:ram::<account>:role/<name>"';

type Parse = (text: string) => PrincipalPattern | undefined;

const TYPES: Readonly<Record<string, { readonly allowed: string; readonly parse: Parse }>> = {
  RAM: { allowed: RAM_ALLOWED, parse: parseRam },
  Service: {
    allowed: 'the name of a service, such as "oss.aliyuncs.com"',
    parse: (name) => (SERVICE.test(name) ? { type: "service", name } : undefined),
  },
  Federated: {
    allowed: '"acs:ram::<account>:oidc-provider/<name>" or "acs:ram::<account>:saml-provider/<name>"',
    parse: (name) => (PROVIDER.test(name) ? { type: "federated", name } : undefined),
  },
};

/** Whom a statement is about. A key or secret is never opened to a service: services assume a role for it. */
export function parsePrincipals(
  statement: JsonElement,
  kind: "trust" | "resource",
): readonly [PrincipalPattern, ...PrincipalPattern[]] {
  const known = kind === "resource" ? ["RAM"] : Object.keys(TYPES);
  const allowed = `an object of ${known.join(", ")}, each one principal or an array of such`;
  const element = statement.load("Principal", allowed);
  element.object(known);
  const [first, ...others] = element.members(allowed).flatMap(([type, principals]) => {
    const { allowed, parse } = TYPES[type] ?? { allowed: known.join(", "), parse: () => undefined };
    return principals.oneOrMore(`${allowed}, or an array of such`).map((principal) => {
      const pattern = typeof principal.value === "string" ? parse(principal.value) : undefined;
      if (pattern === undefined) throw principal.fault(allowed);
      return pattern;
    });
  });
  if (first === undefined) throw element.fault(allowed);
  const named = new Map([first, ...others].map((pattern) => [describePrincipal(pattern), pattern]));
  named.delete(describePrincipal(first));
  return [first, ...named.values()];
}

function parseRam(text: string): PrincipalPattern | undefined {
  const { accountId, type, name } = RAM.exec(text)?.groups ?? {};
  if (accountId === undefined) return undefined;
  if (name === undefined) return { type: "account", accountId };
  return { type: type === "user" ? "user" : "role", accountId, name };
}
