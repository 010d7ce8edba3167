import { describePrincipal, type PolicyPrincipal, type PolicySet, type PrincipalPattern } from "@cinnabar/policy";

/** As somebody is known by within an account: `user/alice`. */
export function nameOf({ kind, name }: Pick<PolicyPrincipal, "kind" | "name">): string {
  return `${kind}/${name}`;
}

/** The same of a user or role that a policy names; nothing for others. */
export function ownName(pattern: PrincipalPattern): readonly string[] {
  return pattern.type === "user" || pattern.type === "role" ? [`${pattern.type}/${pattern.name}`] : [];
}

/** Everybody whom policies name, be it to deny something. */
export function principalsOf(policies: PolicySet | undefined, effect?: "Allow" | "Deny"): readonly PrincipalPattern[] {
  const statements = (policies?.policies ?? []).flatMap(({ statements }) => statements);
  return statements
    .filter(({ verdict }) => effect === undefined || verdict.effect === effect)
    .flatMap(({ statement }) => statement.principals ?? []);
}

const NAMES = new WeakMap<PolicySet, ReadonlySet<string>>();

/**
 * The names that policies know, be it to deny something: such as `user/alice`, of whatever account they are, and those of
 * whoever is named as somebody of an account as well: `acs:ram::1234567890123456:user/alice`.
 */
export function namesIn(policies: PolicySet | undefined): ReadonlySet<string> {
  if (policies === undefined) return NO_NAMES;
  const known = NAMES.get(policies);
  if (known !== undefined) return known;
  const patterns = principalsOf(policies);
  const names = new Set([...patterns.flatMap(ownName), ...patterns.map(describePrincipal)]);
  NAMES.set(policies, names);
  return names;
}

const NO_NAMES: ReadonlySet<string> = new Set();
