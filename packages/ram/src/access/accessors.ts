import { type AccessRequest, type RequestContext, rootPrincipal, toPolicyPrincipal, TurnTaker } from "@cinnabar/kernel";
import {
  admits,
  allowances,
  type DeniedMember,
  type PolicyPrincipal,
  PolicySet,
  possibility,
  type Possibility,
  type PrincipalPattern,
  type StatementReference,
} from "@cinnabar/policy";
import { ramArn } from "../resource-name.ts";
import { nameOf, ownName, principalsOf } from "../separation/named-principals.ts";
import { findApplicationCandidates } from "./application-candidates.ts";
import type { Applications } from "./applications.ts";
import { type FoundRight, isAssuming } from "./asked-resource.ts";
import { findCandidates } from "./candidates.ts";
import { UNDISCLOSED_IDENTITY } from "./undisclosed.ts";

/** Somebody who may do at least one of the actions that were asked about. */
export interface Accessor {
  /** `account`: another one's root, and whichever of its users and roles its own policies allow it. */
  readonly type: PolicyPrincipal["kind"] | "account";
  readonly principal: PolicyPrincipal;
  /** Of another account: its own policies must allow it, too. */
  readonly needsOwnPolicies: boolean;
  /** The groups by which it has policies that say something of this. */
  readonly groups: readonly string[];
  readonly actions: readonly AllowedAction[];
}

export interface AllowedAction {
  readonly name: string;
  /** Whether conditions decide. */
  readonly certainty: Exclude<Possibility, "never">;
  /** What allows it; there are none for what a root may do as such. */
  readonly statements: readonly StatementReference[];
  /** Members of another account who are denied what the account is allowed. */
  readonly except: readonly DeniedMember[];
}

/** Somebody who is asked about. */
interface Asked extends Omit<Accessor, "actions"> {
  /** What its policies say, as far as that may be told. */
  readonly identity: PolicySet;
}

const NO_POLICIES = new PolicySet([]);

/**
 * Who may do what to a resource of the caller's account, under some circumstances or all: its root, users, roles and
 * applications, and whoever of elsewhere the resource's own policy names.
 *
 * @param rights - to the one resource, one for each action.
 */
export async function findAccessors(
  context: RequestContext,
  {
    resource,
    rights,
    applications,
  }: { readonly resource: string; readonly rights: readonly FoundRight[]; readonly applications: Applications },
): Promise<readonly Accessor[]> {
  const named = namedBy(rights);
  const actions = rights.map(({ action }) => action);
  const candidates = [
    ...(await findCandidates(context, { actions, resource }, named)),
    ...(await findApplicationCandidates(context, { resource, rights, applications })),
  ];
  const { accountId } = context.principal;
  const guests = named.flatMap((pattern) => guestOf(pattern, accountId) ?? []);
  const found: Accessor[] = [];
  const turns = new TurnTaker();
  const allowed = new Allowances(rights);
  const ask = (asked: Asked): void => {
    const { type, principal, needsOwnPolicies, groups } = asked;
    const actions = allowed.of(asked);
    if (actions.length > 0) found.push({ type, principal, needsOwnPolicies, groups, actions });
  };
  ask(rootOf(accountId, "root"));
  for (const candidate of candidates) {
    await turns.give();
    ask({ ...candidate, type: candidate.principal.kind, needsOwnPolicies: false });
  }
  for (const guest of guests) ask(guest);
  return found;
}

/** What each may do: found once for all those users, and all those roles, that have the same policies and are nowhere named. */
class Allowances {
  readonly #rights: readonly AccessRequest[];
  /** Such as `user/alice`. */
  readonly #named: ReadonlySet<string>;
  readonly #known = {
    user: new Map<PolicySet, readonly AllowedAction[]>(),
    role: new Map<PolicySet, readonly AllowedAction[]>(),
  };

  constructor(rights: readonly AccessRequest[]) {
    this.#rights = rights;
    this.#named = new Set(rights.flatMap(({ resourcePolicy }) => principalsOf(resourcePolicy)).flatMap(ownName));
  }

  of(asked: Asked): readonly AllowedAction[] {
    const { type, principal, identity } = asked;
    const known = type === "user" || type === "role" ? this.#known[type] : undefined;
    if (known === undefined || this.#named.has(nameOf(principal))) return this.#find(asked);
    const actions = known.get(identity) ?? this.#find(asked);
    known.set(identity, actions);
    return actions;
  }

  #find(asked: Asked): readonly AllowedAction[] {
    return this.#rights.flatMap((right) => allowedAction(asked, right) ?? []);
  }
}

/** Everybody whom an Allow about one of the actions names in the resource's policy, each once. */
function namedBy(rights: readonly AccessRequest[]): readonly PrincipalPattern[] {
  const named = rights.flatMap(({ action, resource, resourcePolicy }) =>
    resourcePolicy === undefined ? [] : admits(resourcePolicy, action, resource),
  );
  return [...new Map(named.map(({ principal }) => [JSON.stringify(principal), principal])).values()];
}

/** Whoever of elsewhere a pattern names; `undefined` for what belongs to the account. */
function guestOf(pattern: PrincipalPattern, ownAccountId: string): Asked | undefined {
  if (!("accountId" in pattern)) {
    const { type: kind, name } = pattern;
    const principal = { kind, accountId: "", name, arn: name };
    return { type: kind, principal, needsOwnPolicies: false, groups: [], identity: NO_POLICIES };
  }
  const { accountId } = pattern;
  if (accountId === ownAccountId) return undefined;
  if (pattern.type === "account") return { ...rootOf(accountId, "account"), needsOwnPolicies: true };
  const { type: kind, name } = pattern;
  return {
    type: kind,
    principal: { kind, accountId, name, arn: ramArn(accountId, kind, name) },
    needsOwnPolicies: true,
    groups: [],
    identity: UNDISCLOSED_IDENTITY,
  };
}

function rootOf(accountId: string, type: "root" | "account"): Asked {
  const principal = toPolicyPrincipal(rootPrincipal({ accountId, accessKeyId: "" }));
  return { type, principal, needsOwnPolicies: false, groups: [], identity: NO_POLICIES };
}

function allowedAction(asked: Asked, right: AccessRequest): AllowedAction | undefined {
  const { type, principal, identity } = asked;
  const { action, resource, accountId: resourceAccountId, resourcePolicy, withinAccount } = right;
  if (type === "root" && isAssuming(action)) return undefined;
  const request = { action, resource, principal };
  const policies = { resourceAccountId, resourcePolicy, withinAccount };
  const certainty = possibility(request, { ...policies, identity });
  if (certainty === "never") return undefined;
  const told = identity === UNDISCLOSED_IDENTITY ? NO_POLICIES : identity;
  return {
    name: action,
    certainty,
    statements: allowances(request, { ...policies, identity: told }),
    except: type === "account" ? exceptedBy(right, principal.accountId) : [],
  };
}

function exceptedBy({ action, resource, resourcePolicy }: AccessRequest, accountId: string): readonly DeniedMember[] {
  if (resourcePolicy === undefined) return [];
  return admits(resourcePolicy, action, resource)
    .filter(({ principal }) => principal.type === "account" && principal.accountId === accountId)
    .flatMap(({ except }) => except);
}
