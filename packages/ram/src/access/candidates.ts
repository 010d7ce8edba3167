import { type RequestContext, TurnTaker } from "@cinnabar/kernel";
import {
  type AskedAccess,
  type CompiledPolicy,
  type PolicyPrincipal,
  PolicySet,
  type PrincipalPattern,
  relevantTo,
} from "@cinnabar/policy";
import { listAttachedEntities, type PolicyReference } from "../attachment/attachment-repository.ts";
import { findGroups } from "../group/group-repository.ts";
import { listMemberIds } from "../group/membership-repository.ts";
import { MAX_POLICIES } from "../policy/create-policy.ts";
import { listPolicies, policyEntityId, policyKind } from "../policy/policy-repository.ts";
import { systemPolicies } from "../policy/system-policies.ts";
import { ramArn } from "../resource-name.ts";
import { findRole, findRoles } from "../role/role-repository.ts";
import { findUserByName, findUsers } from "../user/user-repository.ts";

/** A user or role that may be allowed something. */
export interface Candidate {
  readonly principal: PolicyPrincipal;
  /** What its policies say of the access, those of its groups included. */
  readonly identity: PolicySet;
  /** The groups by which it has some of them, in the order of their names. */
  readonly groups: readonly string[];
}

/** What a user or role has that says something of the access. */
interface Holding {
  readonly policies: CompiledPolicy[];
  /** Ids of those of its groups that have some. */
  readonly groupIds: string[];
}

/** What those have in common who have the same policies by the same groups. */
type Shared = Pick<Candidate, "identity" | "groups">;

type Holdings = Readonly<Record<"user" | "role", ReadonlyMap<string, Holding>>>;

/**
 * The users and roles of the caller's account whose policies say anything of the access, and those that are named by
 * `named`. Nobody else but the root can have it.
 */
export async function findCandidates(
  context: RequestContext,
  asked: AskedAccess,
  named: readonly PrincipalPattern[],
): Promise<readonly Candidate[]> {
  const { accountId } = context.principal;
  const held = { user: new Map<string, Holding>(), role: new Map<string, Holding>() };
  const byGroup = new Map<string, CompiledPolicy[]>();
  const policies = await relevantPolicies(context, asked);
  for (const { reference, relevant } of policies) {
    for (const { type, id } of await listAttachedEntities(context, { accountId, policy: reference })) {
      if (type !== "group") holdingOf(held[type], id).policies.push(relevant);
      else if (byGroup.get(id)?.push(relevant) === undefined) byGroup.set(id, [relevant]);
    }
  }
  for (const groupId of byGroup.keys()) {
    for (const userId of await listMemberIds(context, groupId)) holdingOf(held.user, userId).groupIds.push(groupId);
  }
  for (const pattern of named) {
    if (!("accountId" in pattern) || pattern.accountId !== accountId) continue;
    if (pattern.type === "user") {
      const user = await findUserByName(context, { accountId, userName: pattern.name });
      if (user !== undefined) holdingOf(held.user, user.userId);
    } else if (pattern.type === "role") {
      const role = await findRole(context, { accountId, name: pattern.name });
      if (role !== undefined) holdingOf(held.role, role.roleId);
    }
  }
  const groups = await findGroups(context, [...byGroup.keys()]);
  const groupNames = new Map<string, string>(groups.map(({ groupId, groupName }) => [groupId, groupName]));
  const order = policies.map(({ relevant }) => relevant);
  return toCandidates(context, held, new Shares({ order, byGroup, groupNames }));
}

interface RelevantPolicy {
  readonly reference: PolicyReference;
  readonly relevant: CompiledPolicy;
}

/** Of each policy of the account what it says of the access, if it says anything. */
async function relevantPolicies(context: RequestContext, asked: AskedAccess): Promise<readonly RelevantPolicy[]> {
  const { accountId } = context.principal;
  const found: RelevantPolicy[] = [];
  for (const { name, compiled } of systemPolicies.values()) {
    const relevant = relevantTo(compiled, asked);
    if (relevant !== undefined) found.push({ reference: { type: "System", name }, relevant });
  }
  const custom = await listPolicies(context, { accountId, after: "", limit: MAX_POLICIES });
  const turns = new TurnTaker();
  for (const place of custom) {
    await turns.give();
    const policy = await context.find(policyKind, policyEntityId(place));
    // One that was deleted since: then this answer does not leave either.
    const relevant = policy && relevantTo(policy.compiled, asked);
    if (relevant !== undefined) found.push({ reference: { type: "Custom", name: place.name }, relevant });
  }
  return found;
}

function holdingOf(holdings: Map<string, Holding>, id: string): Holding {
  const known = holdings.get(id);
  if (known !== undefined) return known;
  const holding = { policies: [], groupIds: [] };
  holdings.set(id, holding);
  return holding;
}

async function toCandidates(
  context: RequestContext,
  { user, role }: Holdings,
  shares: Shares,
): Promise<readonly Candidate[]> {
  const { accountId } = context.principal;
  const turns = new TurnTaker();
  const candidates: Candidate[] = [];
  const add = async (kind: "user" | "role", name: string, holding: Holding | undefined): Promise<void> => {
    await turns.give();
    const principal = { kind, accountId, name, arn: ramArn(accountId, kind, name) };
    candidates.push({ principal, ...shares.of(holding) });
  };
  const users = await findUsers(context, [...user.keys()]);
  for (const { userId, userName } of users) await add("user", userName, user.get(userId));
  const roles = await findRoles(context, [...role.keys()]);
  for (const { roleId, roleName } of roles) await add("role", roleName, role.get(roleId));
  return candidates;
}

/** Makes of each set of policies one, however many have it: what is found of it is so of all of these. */
class Shares {
  readonly #byGroup: ReadonlyMap<string, readonly CompiledPolicy[]>;
  readonly #groupNames: ReadonlyMap<string, string>;
  readonly #places: ReadonlyMap<CompiledPolicy, number>;
  readonly #known = new Map<string, Shared>();

  /** @param order - all policies, in the order in which they stand in a set. */
  constructor({
    order,
    byGroup,
    groupNames,
  }: {
    readonly order: readonly CompiledPolicy[];
    readonly byGroup: ReadonlyMap<string, readonly CompiledPolicy[]>;
    readonly groupNames: ReadonlyMap<string, string>;
  }) {
    this.#places = new Map(order.map((policy, place) => [policy, place]));
    this.#byGroup = byGroup;
    this.#groupNames = groupNames;
  }

  of({ policies, groupIds }: Holding = { policies: [], groupIds: [] }): Shared {
    const name = [...policies.map((policy) => this.#placeOf(policy)), ...groupIds.toSorted()].join(" ");
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const ofGroups = groupIds.flatMap((groupId) => this.#byGroup.get(groupId) ?? []);
    const all = [...new Set([...policies, ...ofGroups])];
    const shared = {
      identity: new PolicySet(all.toSorted((one, other) => this.#placeOf(one) - this.#placeOf(other))),
      groups: groupIds.map((id) => this.#groupNames.get(id) ?? id).toSorted(),
    };
    this.#known.set(name, shared);
    return shared;
  }

  #placeOf(policy: CompiledPolicy): number {
    return this.#places.get(policy) ?? 0;
  }
}
