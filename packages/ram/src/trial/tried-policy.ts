import type { CompiledPolicy, PolicyPrincipal, PolicySet } from "@cinnabar/policy";
import type { FoundRight } from "../access/asked-resource.ts";
import type { AskedRight, EventAttribute } from "./recorded-calls.ts";
import type { RecordedCall } from "./recorded-call.ts";

/** A policy that is tried: where it would stand, and whose calls it concerns. */
export type TriedPolicy = TriedKeyPolicy | TriedIdentityPolicy;

/** In place of the policy of a key. */
export interface TriedKeyPolicy {
  readonly kind: "key";
  /** A right on the key as it is now. */
  readonly key: FoundRight;
  readonly policy: PolicySet;
  readonly searches: readonly CallSearch[];
}

/** Among the policies of users and roles. */
export interface TriedIdentityPolicy {
  readonly kind: "identity";
  readonly policy: CompiledPolicy;
  /** The name of the custom policy that it would stand in place of; left out, it would be attached beside the others. */
  readonly inPlaceOf: string | undefined;
  readonly searches: readonly CallSearch[];
}

/** Where calls are looked for that a policy concerns. */
export interface CallSearch {
  readonly attributes: readonly EventAttribute[];
  /** Whether a call that was found is one of those. */
  accepts(call: RecordedCall): boolean;
}

/** The policies of an identity as they would be. */
export function withTried(
  { policies }: PolicySet,
  { policy, inPlaceOf }: TriedIdentityPolicy,
): readonly CompiledPolicy[] {
  if (inPlaceOf === undefined) return [...policies, policy];
  return policies.map((known) => (isCustom(known, inPlaceOf) ? policy : known));
}

function isCustom({ source }: CompiledPolicy, name: string): boolean {
  return source.type === "Custom" && source.name === name;
}

/** Whether two sets say the same of whatever this principal does by an action, whatever the circumstances. */
export function saySame(
  one: PolicySet | undefined,
  other: PolicySet | undefined,
  { action, principal }: { readonly action: string; readonly principal: PolicyPrincipal },
): boolean {
  const said = (policies: PolicySet | undefined) =>
    (policies?.statementsAbout(action) ?? [])
      .filter((statement) => statement.coversPrincipal(principal, "members"))
      .map(({ statement: { effect, resources, principals = [], conditions } }) =>
        JSON.stringify([effect, resources, principals, conditions]),
      );
  const [first, second] = [new Set(said(one)), new Set(said(other))];
  return first.size === second.size && [...first].every((statement) => second.has(statement));
}

/** Whether a right is one on a key. */
export function isOnKey(key: Pick<FoundRight, "resource">, { resource }: AskedRight): boolean {
  return resource === key.resource;
}
