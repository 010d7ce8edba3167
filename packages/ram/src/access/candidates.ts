import { setImmediate } from "node:timers/promises";
import type { EntityReader, RequestContext } from "@cinnabar/kernel";
import {
  type AskedAccess,
  type CompiledPolicy,
  type PolicyPrincipal,
  PolicySet,
  type PrincipalPattern,
  relevantTo,
} from "@cinnabar/policy";
import { type AttachedType, listAttachedEntities, type PolicyReference } from "../attachment/attachment-repository.ts";
import { findGroups } from "../group/group-repository.ts";
import { listMemberships } from "../group/membership-repository.ts";
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

/** Policies that are looked at in one go: between two goes other calls are served. */
const SLICE = 100;

/** What a user or role has that says something of the access. */
interface Holding {
  readonly policies: Set<CompiledPolicy>;
  readonly groups: Set<string>;
}

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
  const memberships = new Memberships(context);
  for (const { reference, relevant } of await relevantPolicies(context, asked)) {
    for (const { type, id } of await listAttachedEntities(context, { accountId, policy: reference })) {
      const holders = await holdersOf(memberships, type, id);
      for (const holder of holders) {
        const holding = holdingOf(held[holder.type], holder.id);
        holding.policies.add(relevant);
        if (type === "group") holding.groups.add(id);
      }
    }
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
  return toCandidates(context, held);
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
  for (const [index, place] of custom.entries()) {
    if (index % SLICE === SLICE - 1) await setImmediate();
    const policy = await context.find(policyKind, policyEntityId(place));
    // One that was deleted since: then this answer does not leave either.
    const relevant = policy && relevantTo(policy.compiled, asked);
    if (relevant !== undefined) found.push({ reference: { type: "Custom", name: place.name }, relevant });
  }
  return found;
}

/** Who has what is attached: a user or role itself, or all members of a group. */
async function holdersOf(
  memberships: Memberships,
  type: AttachedType,
  id: string,
): Promise<readonly { readonly type: "user" | "role"; readonly id: string }[]> {
  if (type !== "group") return [{ type, id }];
  return (await memberships.of(id)).map((userId) => ({ type: "user", id: userId }));
}

/** The members of groups, each group's read once. */
class Memberships {
  readonly #reader: EntityReader;
  readonly #userIds = new Map<string, readonly string[]>();

  constructor(reader: EntityReader) {
    this.#reader = reader;
  }

  async of(groupId: string): Promise<readonly string[]> {
    const known = this.#userIds.get(groupId);
    if (known !== undefined) return known;
    const userIds = (await listMemberships(this.#reader, { groupId })).map(({ userId }) => userId);
    this.#userIds.set(groupId, userIds);
    return userIds;
  }
}

function holdingOf(holdings: Map<string, Holding>, id: string): Holding {
  const known = holdings.get(id);
  if (known !== undefined) return known;
  const holding = { policies: new Set<CompiledPolicy>(), groups: new Set<string>() };
  holdings.set(id, holding);
  return holding;
}

async function toCandidates(
  context: RequestContext,
  { user, role }: { readonly user: ReadonlyMap<string, Holding>; readonly role: ReadonlyMap<string, Holding> },
): Promise<readonly Candidate[]> {
  const { accountId } = context.principal;
  const groupIds = new Set([...user.values()].flatMap(({ groups }) => [...groups]));
  const groups = await findGroups(context, [...groupIds]);
  const names = new Map<string, string>(groups.map(({ groupId, groupName }) => [groupId, groupName]));
  const toCandidate = (kind: "user" | "role", name: string, holding: Holding | undefined): Candidate => ({
    principal: { kind, accountId, name, arn: ramArn(accountId, kind, name) },
    identity: new PolicySet([...(holding?.policies ?? [])]),
    groups: [...(holding?.groups ?? [])].map((id) => names.get(id) ?? id).toSorted(),
  });
  const users = await findUsers(context, [...user.keys()]);
  const roles = await findRoles(context, [...role.keys()]);
  return [
    ...users.map(({ userId, userName }) => toCandidate("user", userName, user.get(userId))),
    ...roles.map(({ roleId, roleName }) => toCandidate("role", roleName, role.get(roleId))),
  ];
}
