import type { KeyPolicy } from "./key-policy.ts";

/** The accounts that a policy lets do something: those of the principals of its Allow statements, each once. */
export function policyAccounts(policy: KeyPolicy | undefined): readonly string[] {
  const principals = (policy?.statements.policies ?? [])
    .flatMap(({ statements }) => statements)
    .filter(({ statement }) => statement.effect === "Allow")
    .flatMap(({ statement }) => statement.principals ?? []);
  return [...new Set(principals.flatMap((principal) => ("accountId" in principal ? [principal.accountId] : [])))];
}
