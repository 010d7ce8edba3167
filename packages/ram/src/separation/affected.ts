import type { CompiledPolicy, PolicyPrincipal, PolicySet } from "@cinnabar/policy";
import type { AttachedType } from "../attachment/attachment-repository.ts";
import { separatedPart } from "./key-rights.ts";
import { principalsOf } from "./named-principals.ts";
import { eachOnce, outsidersIn } from "./outsiders.ts";
import type { KeyPolicyChange, RightsChange } from "./rights-change.ts";
import { type Member, MemberSet, type RightsData } from "./rights-data.ts";
import type { RightsWorld } from "./rights-world.ts";

/** Whom a change may give a right to a key. */
export interface Affected {
  readonly members: readonly Member[];
  /** Names such as `user/alice` of those who are not there, and whom a key's policy names. */
  readonly missing: readonly string[];
  /** Who of elsewhere is named in a key's policy, or may assume a role that is among the members. */
  readonly outsiders: readonly PolicyPrincipal[];
}

const NOBODY: Affected = { members: [], missing: [], outsiders: [] };

/**
 * Everybody whom a change may give a right to a key: whose policies or names it is about, and who may assume a role that is
 * among them. Nobody, if what changes says nothing of that.
 *
 * @param worlds - as it is before the change, and after it.
 */
export async function findAffected(
  change: RightsChange,
  data: RightsData,
  { before, after }: { readonly before: RightsWorld; readonly after: RightsWorld },
): Promise<Affected> {
  if (change.kind === "key-policy") {
    const { members, missing } = await namedByKey(change, data);
    const all = await withAssumers(members, data, after);
    const policies = [change.policy, change.before?.policy];
    const isNamed = policies.some((policy) => outsidersIn(policy, data.accountId).length > 0);
    const known = isNamed ? await after.outsiders() : undefined;
    const named = policies.flatMap((policy) => known?.namedIn(policy) ?? []);
    return { members: all, missing, outsiders: eachOnce([...named, ...(await outsidersBehind(all, after))]) };
  }
  const members = await directly(change, data);
  if (members.length === 0) return NOBODY;
  const all = await withAssumers(members, data, after);
  // Who was denied something by name may be of an account that is admitted as a whole.
  const past = change.kind === "trust" ? await before.outsidersOf([change.role.roleId]) : [];
  return { members: all, missing: [], outsiders: eachOnce([...past, ...(await outsidersBehind(all, after))]) };
}

async function outsidersBehind(members: readonly Member[], after: RightsWorld): Promise<readonly PolicyPrincipal[]> {
  const roles = members.filter(isRole);
  return roles.length === 0 ? [] : after.outsidersOf(roles.map(({ id }) => id));
}

async function directly(change: Exclude<RightsChange, KeyPolicyChange>, data: RightsData): Promise<readonly Member[]> {
  switch (change.kind) {
    case "attachment": {
      await data.loadPolicies([change.policy]);
      return isAboutKeys(data.policy(change.policy)) ? holdersIn(data, change.to) : [];
    }
    case "policy": {
      await data.loadPolicies([change.policy]);
      if (!isAboutKeys(change.compiled) && !isAboutKeys(data.policy(change.policy))) return [];
      return data.holdersOf([change.policy]);
    }
    case "membership": {
      await data.loadGroups([change.groupId]);
      const attached = data.attachedToGroup(change.groupId);
      const isAbout = attached.some((reference) => isAboutKeys(data.policy(reference)));
      return isAbout ? [{ kind: "user", id: change.userId }] : [];
    }
    case "trust":
      return [{ kind: "role", id: change.role.roleId }];
    case "user-name":
      return [{ kind: "user", id: change.userId }];
  }
}

async function holdersIn(
  data: RightsData,
  { type, id }: { readonly type: AttachedType; readonly id: string },
): Promise<readonly Member[]> {
  if (type !== "group") return [{ kind: type, id }];
  return (await data.membersOf(id)).map((userId) => ({ kind: "user", id: userId }));
}

/** Whether a policy can give somebody a right that is counted. */
export function isAboutKeys(policy: CompiledPolicy): boolean {
  return separatedPart(policy) !== undefined;
}

/** Whom a key's policy names, or named; and everybody, if it denied something to the whole account. */
async function namedByKey({ policy, before }: KeyPolicyChange, data: RightsData): Promise<Named> {
  const freed = principalsOf(before?.policy, "Deny").some(
    (pattern) => pattern.type === "account" && pattern.accountId === data.accountId,
  );
  const { members, missing } = await namedIn([policy, before?.policy], data);
  const all = new MemberSet();
  if (freed) for (const member of await data.holders(isAboutKeys)) all.add(member);
  for (const member of members) all.add(member);
  return { members: all.all, missing };
}

type Named = Pick<Affected, "members" | "missing">;

/** The account's users and roles whom policies name. */
export async function namedIn(policies: readonly (PolicySet | undefined)[], data: RightsData): Promise<Named> {
  const { accountId } = data;
  const named = policies
    .flatMap((policy) => principalsOf(policy))
    .filter((pattern) => "accountId" in pattern && pattern.accountId === accountId);
  const members = new MemberSet();
  const missing: string[] = [];
  for (const kind of ["user", "role"] as const) {
    const names = new Set(named.flatMap((pattern) => (pattern.type === kind ? [pattern.name] : [])));
    const found = await data.named(kind, [...names]);
    for (const member of found.values()) members.add(member);
    missing.push(...[...names].filter((name) => !found.has(name)).map((name) => `${kind}/${name}`));
  }
  return { members: members.all, missing };
}

/** With everybody who may assume a role that is among them, role by role. */
async function withAssumers(
  members: readonly Member[],
  data: RightsData,
  after: RightsWorld,
): Promise<readonly Member[]> {
  let roles: readonly Member[] = members.filter(isRole);
  if (roles.length === 0) return members;
  const all = new MemberSet();
  const add = async (some: readonly Member[]): Promise<readonly Member[]> => {
    const added: Member[] = [];
    for (const member of some) {
      await data.turns.give();
      if (all.add(member) && isRole(member)) added.push(member);
    }
    return added;
  };
  await add(members);
  const asked = new Set<string>();
  let isOpen = false;
  while (roles.length > 0) {
    const names = new Set<string>();
    const wasOpen = isOpen;
    for (const { id } of roles) {
      await data.turns.give();
      const { everybody, named } = await after.admittedTo(id);
      isOpen ||= everybody;
      for (const [name, isAdmitted] of named) if (isAdmitted && !asked.has(name)) names.add(name);
    }
    for (const name of names) asked.add(name);
    const found = await add(await data.membersNamed(names));
    roles = isOpen && !wasOpen ? [...found, ...(await add(await data.assumers()))] : found;
  }
  return all.all;
}

function isRole({ kind }: Member): boolean {
  return kind === "role";
}
