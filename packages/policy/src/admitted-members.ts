import { type CompiledStatement, isCertainDenial } from "./compiled-policy.ts";
import type { PolicySet } from "./policy-set.ts";
import { ResourceName } from "./resource-pattern.ts";

/** Which users and roles of one account the policy of a resource may allow something, under some circumstances or all. */
export interface AdmittedMembers {
  /** Whether those are allowed it whom it does not name. */
  readonly everybody: boolean;
  /** Of those whom it names, such as `user/alice`, be it to deny, whether each is. */
  readonly named: ReadonlyMap<string, boolean>;
}

/**
 * Which users and roles of an account a role's trust policy, or a policy that another account's resource has, may allow an
 * action: a whole account as principal is all of its members there.
 */
export function admittedMembers(
  policies: PolicySet,
  { action, resource, accountId }: { readonly action: string; readonly resource: string; readonly accountId: string },
): AdmittedMembers {
  const name = new ResourceName(resource);
  const about = policies.statementsAbout(action).filter((statement) => statement.coversResource(name));
  const all = about.map((statement) => membersOf(statement, accountId));
  const denied = merge(all.filter(({ statement }) => isCertainDenial(statement)));
  const allowed = merge(all.filter(({ statement }) => statement.verdict.effect === "Allow"));
  const isAllowed = (member: string): boolean =>
    !denied.everybody && !denied.names.has(member) && (allowed.everybody || allowed.names.has(member));
  const named = new Map(all.flatMap(({ names }) => names).map((member) => [member, isAllowed(member)]));
  return { everybody: allowed.everybody && !denied.everybody, named };
}

interface Members {
  readonly statement: CompiledStatement;
  readonly everybody: boolean;
  readonly names: readonly string[];
}

function membersOf(statement: CompiledStatement, ownAccountId: string): Members {
  const { principals } = statement.statement;
  const own = (principals ?? []).filter((pattern) => "accountId" in pattern && pattern.accountId === ownAccountId);
  return {
    statement,
    everybody: principals === undefined || own.some(({ type }) => type === "account"),
    names: own.flatMap((pattern) =>
      pattern.type === "user" || pattern.type === "role" ? [`${pattern.type}/${pattern.name}`] : [],
    ),
  };
}

function merge(all: readonly Members[]): { readonly everybody: boolean; readonly names: ReadonlySet<string> } {
  return { everybody: all.some(({ everybody }) => everybody), names: new Set(all.flatMap(({ names }) => names)) };
}
