import assert from "node:assert/strict";
import {
  type CompiledPolicy,
  compilePolicy,
  type ConditionSource,
  parsePolicy,
  PolicyError,
  type PolicyFault,
  type PolicyKind,
  type PolicyPrincipal,
  type PolicyRequest,
  PolicySet,
} from "../src/index.ts";
import type { DocumentStatement } from "./reference.ts";

export const OWNER = "1000000000000001";
export const OTHER = "2000000000000002";
export const KEY = `acs:kms:cn-hangzhou:${OWNER}:key/k1`;

export const rootOf = (accountId: string): PolicyPrincipal => ({
  kind: "root",
  accountId,
  name: "root",
  arn: `acs:ram::${accountId}:root`,
});

export const userOf = (accountId: string, name = "alice"): PolicyPrincipal => ({
  kind: "user",
  accountId,
  name,
  arn: `acs:ram::${accountId}:user/${name}`,
});

export const roleOf = (accountId: string, name = "app"): PolicyPrincipal => ({
  kind: "role",
  accountId,
  name,
  session: "s",
  arn: `acs:ram::${accountId}:role/${name}/s`,
});

const SOURCES = { identity: "Custom", session: "Session", trust: "Trust", resource: "Resource" } as const;

export function compiled(statements: readonly DocumentStatement[], kind: PolicyKind = "identity"): CompiledPolicy {
  return compilePolicy(parsed(statements, kind), { type: SOURCES[kind], name: kind });
}

export function parsed(statements: readonly unknown[], kind: PolicyKind = "identity") {
  return parsePolicy(JSON.stringify({ Version: "1", Statement: statements }), kind);
}

export function setOf(statements: readonly DocumentStatement[], kind: PolicyKind = "identity"): PolicySet {
  return new PolicySet([compiled(statements, kind)]);
}

export function requestOf({
  principal = userOf(OWNER),
  action = "kms:Encrypt",
  resource = KEY,
  context = {},
}: {
  readonly principal?: PolicyPrincipal;
  readonly action?: string;
  readonly resource?: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
} = {}): PolicyRequest {
  const conditions: ConditionSource = { get: (key) => context[key] };
  return { principal, action, resource, conditions };
}

/** Asserts that something throws the given fault; its message must say all of it. */
export function refuses(attempt: () => unknown, expected: Partial<PolicyFault>): void {
  assert.throws(attempt, (error) => {
    assert(error instanceof PolicyError, String(error));
    const { path, found, allowed, message } = error;
    for (const part of [path, found, allowed]) assert(message.includes(part));
    assert.deepEqual({ path, found, allowed, ...expected }, { path, found, allowed });
    return true;
  });
}
