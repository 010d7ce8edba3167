import type { PolicyPrincipal, PolicySet, PrincipalPattern } from "@cinnabar/policy";

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
