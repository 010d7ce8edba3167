import type { PrincipalPattern } from "./policy.ts";
import type { PolicyPrincipal } from "./request.ts";

/** Whom a whole account as principal means: its root, users, roles and applications, or its root alone. */
export type WholeAccount = "members" | "root";

/** Whether a statement's principal is, or contains, whoever asks. */
export function matchesPrincipal(
  pattern: PrincipalPattern,
  { kind, accountId, name }: PolicyPrincipal,
  wholeAccount: WholeAccount,
): boolean {
  switch (pattern.type) {
    case "account":
      if (pattern.accountId !== accountId) return false;
      return kind === "root" || (wholeAccount === "members" && kind !== "service" && kind !== "federated");
    case "user":
    case "role":
      return kind === pattern.type && pattern.accountId === accountId && pattern.name === name;
    case "service":
    case "federated":
      return kind === pattern.type && pattern.name === name;
  }
}

/** A principal as policies write it. */
export function describePrincipal(pattern: PrincipalPattern): string {
  switch (pattern.type) {
    case "account":
      return `acs:ram::${pattern.accountId}:root`;
    case "user":
    case "role":
      return `acs:ram::${pattern.accountId}:${pattern.type}/${pattern.name}`;
    case "service":
    case "federated":
      return pattern.name;
  }
}
