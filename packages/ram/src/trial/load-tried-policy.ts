import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { compilePolicy, parsePolicy, type Policy, PolicyError, type PolicyKind, PolicySet } from "@cinnabar/policy";
import type { FoundRight } from "../access/asked-resource.ts";
import { listAttachedEntities } from "../attachment/attachment-repository.ts";
import { loadGroupByName } from "../group/group-repository.ts";
import { listMemberIds } from "../group/membership-repository.ts";
import { loadCustomPolicy } from "../policy/load-policy.ts";
import { MAX_DOCUMENT_CHARACTERS } from "../policy/policy-document.ts";
import { loadRole } from "../role/load-role.ts";
import { findRoles, type Role } from "../role/role-repository.ts";
import { findUsers, loadUserByName, type UserEntry } from "../user/user-repository.ts";
import { type CallSearch, isOnKey, type TriedIdentityPolicy, type TriedKeyPolicy } from "./tried-policy.ts";

/** Longest policy of a key, in bytes (Alibaba Cloud SDK, "CreateKey"). */
export const MAX_KEY_POLICY_BYTES = 32_768;

/**
 * A policy that is tried in place of a key's.
 *
 * @param key - a right on the key as it is now
 * @throws ApiError `MalformedPolicyDocument`
 */
export function loadTriedKeyPolicy(key: FoundRight, document: string): TriedKeyPolicy {
  const policy = readDocument(document, { kind: "resource", maxBytes: MAX_KEY_POLICY_BYTES });
  const alone = new PolicySet([compilePolicy(policy, { type: "Resource", name: "default" })]);
  const keyId = key.resource.slice(key.resource.lastIndexOf("/") + 1);
  // What is about one key and uses another is found by what it is.
  const isElsewhere: CallSearch["accepts"] = ({ event, rights }) =>
    event.resourceName?.split(",").includes(keyId) !== true && rights?.some((right) => isOnKey(key, right)) === true;
  return {
    kind: "key",
    key,
    policy: key.withPolicy?.(alone) ?? alone,
    searches: [
      { attributes: [{ name: "ResourceName", value: keyId }], accepts: () => true },
      { attributes: [{ name: "EventName", value: "ReEncrypt" }], accepts: isElsewhere },
      { attributes: [{ name: "EventName", value: "UpdateAlias" }], accepts: isElsewhere },
    ],
  };
}

/** Whom a policy would be attached to, or which policy would say something else. */
export type TriedAt =
  | { readonly type: "user" | "group" | "role"; readonly name: string }
  | { readonly type: "policy"; readonly name: string };

/**
 * A policy that is tried among those of users and roles.
 *
 * @throws ApiError `MalformedPolicyDocument`, `EntityNotExist.User`, `….Group`, `….Role` or `….Policy`
 */
export async function loadTriedIdentityPolicy(
  context: RequestContext,
  at: TriedAt,
  document: string,
): Promise<TriedIdentityPolicy> {
  // A document has few enough characters for either limit.
  const policy = readDocument(document, { kind: "identity", maxBytes: MAX_KEY_POLICY_BYTES });
  if (document.length > MAX_DOCUMENT_CHARACTERS) {
    throw malformed(`It must have at most ${MAX_DOCUMENT_CHARACTERS} characters, and has ${document.length}.`);
  }
  const { users, roles } = await loadConcerned(context, at);
  return {
    kind: "identity",
    policy: compilePolicy(policy, { type: "Custom", name: "tried" }),
    inPlaceOf: at.type === "policy" ? at.name : undefined,
    searches: [...users.map(callsOfUser), ...roles.map(callsOfRole)],
  };
}

interface Concerned {
  readonly users: readonly Pick<UserEntry, "userId" | "userName">[];
  readonly roles: readonly Pick<Role, "roleId" | "roleName">[];
}

async function loadConcerned(context: RequestContext, { type, name }: TriedAt): Promise<Concerned> {
  switch (type) {
    case "user":
      return { users: [await loadUserByName(context, name)], roles: [] };
    case "role":
      return { users: [], roles: [await loadRole(context, name)] };
    case "group":
      return { users: await membersOf(context, [(await loadGroupByName(context, name)).groupId]), roles: [] };
    case "policy":
      return loadAttached(context, name);
  }
}

async function loadAttached(context: RequestContext, name: string): Promise<Concerned> {
  const { accountId } = await loadCustomPolicy(context, name);
  const attached = await listAttachedEntities(context, { accountId, policy: { type: "Custom", name } });
  const idsOf = (type: string) => attached.filter((entity) => entity.type === type).map(({ id }) => id);
  const users = [...(await findUsers(context, idsOf("user"))), ...(await membersOf(context, idsOf("group")))];
  const byId = new Map(users.map((user) => [user.userId, user]));
  const roles = await findRoles(context, idsOf("role"));
  const inOrder = [...byId.values()].toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
  return { users: inOrder, roles: roles.toSorted((one, other) => (one.roleId < other.roleId ? -1 : 1)) };
}

async function membersOf(context: RequestContext, groupIds: readonly string[]): Promise<readonly UserEntry[]> {
  const userIds = new Set<string>();
  for (const groupId of groupIds) {
    for (const userId of await listMemberIds(context, groupId)) userIds.add(userId);
  }
  const members = await findUsers(context, [...userIds]);
  return members.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
}

function callsOfUser({ userId, userName }: Concerned["users"][number]): CallSearch {
  return {
    attributes: [{ name: "User", value: userName }],
    accepts: ({ caller }) => caller.type === "ram-user" && caller.principalId === userId,
  };
}

function callsOfRole({ roleId, roleName }: Concerned["roles"][number]): CallSearch {
  return {
    attributes: [{ name: "RoleName", value: roleName }],
    accepts: ({ caller }) => caller.type === "assumed-role" && caller.principalId === roleId,
  };
}

function readDocument(
  document: string,
  { kind, maxBytes }: { readonly kind: PolicyKind; readonly maxBytes: number },
): Policy {
  try {
    return parsePolicy(document, kind, { maxBytes });
  } catch (error) {
    if (error instanceof PolicyError) throw malformed(error.message);
    throw error;
  }
}

function malformed(advice: string): ApiError {
  return new ApiError(
    "MalformedPolicyDocument",
    `${ERRORS.MalformedPolicyDocument.message} "PolicyDocument": ${advice}`,
  );
}
