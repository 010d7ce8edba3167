import type { CompiledPolicy } from "@cinnabar/policy";
import type { AttachedType } from "../attachment/attachment-repository.ts";
import { separatedPart } from "./key-rights.ts";
import { principalsOf } from "./named-principals.ts";
import type { KeyPolicyChange, RightsChange } from "./rights-change.ts";
import { distinct, type Member, type RightsData } from "./rights-data.ts";
import type { RightsWorld } from "./rights-world.ts";

/** Whom a change may give a right to a key. */
export interface Affected {
  readonly members: readonly Member[];
  /** Names such as `user/alice` of those who are not there, and whom a key's policy names. */
  readonly missing: readonly string[];
}

const NOBODY: Affected = { members: [], missing: [] };

/**
 * Everybody whom a change may give a right to a key: whose policies or names it is about, and who may assume a role that is
 * among them. Nobody, if what changes says nothing of that.
 *
 * @param after - as it is after the change.
 */
export async function findAffected(change: RightsChange, data: RightsData, after: RightsWorld): Promise<Affected> {
  if (change.kind === "key-policy") {
    const { members, missing } = await namedByKey(change, data);
    return { members: await withAssumers(members, data, after), missing };
  }
  const members = await directly(change, data);
  return members.length === 0 ? NOBODY : { members: await withAssumers(members, data, after), missing: [] };
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
      await data.loadAttachments("group", [change.groupId]);
      const attached = data.attachedTo("group", change.groupId);
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

function isAboutKeys(policy: CompiledPolicy): boolean {
  return separatedPart(policy) !== undefined;
}

/** Whom a key's policy names, or named; and everybody, if it denied something to the whole account. */
async function namedByKey({ policy, before }: KeyPolicyChange, data: RightsData): Promise<Affected> {
  const { accountId } = data;
  const isOwn = (pattern: object): boolean => "accountId" in pattern && pattern.accountId === accountId;
  const named = [...principalsOf(policy), ...principalsOf(before?.policy)].filter(isOwn);
  const freed = principalsOf(before?.policy, "Deny").some((pattern) => isOwn(pattern) && pattern.type === "account");
  const members: Member[] = freed ? [...(await data.holders(isAboutKeys))] : [];
  const missing: string[] = [];
  for (const kind of ["user", "role"] as const) {
    const names = new Set(named.flatMap((pattern) => (pattern.type === kind ? [pattern.name] : [])));
    const found = await data.named(kind, [...names]);
    members.push(...found.values());
    missing.push(...[...names].filter((name) => !found.has(name)).map((name) => `${kind}/${name}`));
  }
  return { members: distinct(members), missing };
}

/** With everybody who may assume a role that is among them, role by role. */
async function withAssumers(
  members: readonly Member[],
  data: RightsData,
  after: RightsWorld,
): Promise<readonly Member[]> {
  const all = [...members];
  const seen = new Set<string>();
  // Grows while it is walked: roles assume roles.
  for (const { kind, id } of all) {
    if (kind !== "role" || seen.has(id)) continue;
    seen.add(id);
    await data.turns.give();
    const { isWholeAccount, names } = await after.admittedTo(id);
    const named = [...names].map(
      (name) => [name.slice(0, name.indexOf("/")), name.slice(name.indexOf("/") + 1)] as const,
    );
    for (const kind of ["user", "role"] as const) {
      const wanted = named.flatMap(([type, name]) => (type === kind ? [name] : []));
      all.push(...(await data.named(kind, wanted)).values());
    }
    if (isWholeAccount) {
      const known = new Set(all.map((member) => `${member.kind}/${member.id}`));
      all.push(...(await data.assumers()).filter((member) => !known.has(`${member.kind}/${member.id}`)));
    }
  }
  return distinct(all);
}
