import type { ConditionOperator } from "./condition-operators.ts";

/**
 * What a policy is attached to, which decides what may stand in it: users, groups and roles (`identity`), a role as to who may
 * assume it (`trust`), a key or secret (`resource`), or one session of a role (`session`).
 */
export type PolicyKind = "identity" | "trust" | "resource" | "session";

/** A policy whose every part was checked. */
export interface Policy {
  readonly kind: PolicyKind;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly sid?: string;
  readonly effect: "Allow" | "Deny";
  /** Whether `actions` are those that the statement is not about (NotAction). */
  readonly exceptActions: boolean;
  /** As written, wildcards included. */
  readonly actions: readonly string[];
  /** As written; `*` alone in trust policies. */
  readonly resources: readonly string[];
  /** None in policies of identities and sessions: they are about whom they are attached to. */
  readonly principals?: readonly PrincipalPattern[];
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
}

/**
 * Whom a statement is about. `account` is all of an account (`acs:ram::<uid>:root`, or `acs:ram::<uid>:*`): its root, its users
 * and its roles.
 */
export type PrincipalPattern =
  | { readonly type: "account"; readonly accountId: string }
  | { readonly type: "user" | "role"; readonly accountId: string; readonly name: string }
  | { readonly type: "service" | "federated"; readonly name: string };

/** One key under one operator. */
export interface Condition {
  readonly operator: ConditionOperator;
  /** The key's name as {@link ConditionSource} is asked for it. */
  readonly key: string;
  /** The key's name as written. */
  readonly name: string;
  /** One of them must match; under a negated operator none. */
  readonly values: readonly string[];
}
