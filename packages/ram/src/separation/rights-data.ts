import { type RequestContext, TamperedRowError, type TurnTaker } from "@cinnabar/kernel";
import { type CompiledPolicy, PolicySet } from "@cinnabar/policy";
import {
  attachmentTable,
  type AttachedType,
  attachmentsId,
  listAttachedToAny,
  listAttachmentsOf,
  type PolicyReference,
  policyReferenceId,
} from "../attachment/attachment-repository.ts";
import { listGroupIdsOf, listMemberIds } from "../group/membership-repository.ts";
import { MAX_POLICIES } from "../policy/create-policy.ts";
import { listEffectivePolicies, listPolicies } from "../policy/policy-repository.ts";
import { systemPolicies } from "../policy/system-policies.ts";
import { findRoles, listRoles, MAX_ROLES } from "../role/role-repository.ts";
import { findUsers, findUsersNamed } from "../user/user-repository.ts";
import { slices } from "../slices.ts";
import { allowsAssuming, type AssumableRole } from "./role-rights.ts";

/** A user or role whose rights are looked at. */
export interface Member {
  readonly kind: "user" | "role";
  readonly id: string;
}

/** Policies that are read in one go: each is read through. */
const POLICY_SLICE = 10;

/**
 * What the store says of an account's users, groups, roles and policies. Everything is read for many at once, and once: it is
 * made for one look.
 */
export class RightsData {
  readonly accountId: string;
  /** Those of the look. */
  readonly turns: TurnTaker;
  readonly #context: RequestContext;
  readonly #attachments = new Map<string, readonly PolicyReference[]>();
  readonly #groups = new Map<string, readonly string[]>();
  readonly #names = new Map<string, string>();
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #members = new Map<string, readonly string[]>();
  #roles: Promise<readonly AssumableRole[]> | undefined;
  #assumers: Promise<readonly Member[]> | undefined;

  constructor(
    context: RequestContext,
    { accountId, turns }: { readonly accountId: string; readonly turns: TurnTaker },
  ) {
    this.#context = context;
    this.accountId = accountId;
    this.turns = turns;
  }

  /** Reads what is asked of these below. */
  async load(members: readonly Member[]): Promise<void> {
    const unknown = members.filter(({ kind, id }) => !this.#names.has(attachmentsId(kind, id)));
    const ids = (kind: Member["kind"]) => [
      ...new Set(unknown.flatMap((member) => (member.kind === kind ? [member.id] : []))),
    ];
    const context = this.#context;
    for (const slice of slices(ids("user"))) {
      for (const { userId, userName } of await findUsers(context, slice)) this.#names.set(`user/${userId}`, userName);
      const groups = await listGroupIdsOf(context, slice);
      for (const id of slice) this.#groups.set(id, groups.get(id) ?? []);
      await this.loadAttachments("user", slice);
      await this.loadAttachments("group", [...new Set([...groups.values()].flat())]);
      await this.turns.give();
    }
    for (const slice of slices(ids("role"))) {
      for (const { roleId, roleName } of await findRoles(context, slice)) this.#names.set(`role/${roleId}`, roleName);
      await this.loadAttachments("role", slice);
      await this.turns.give();
    }
  }

  /** Reads what is attached, and what that says. */
  async loadAttachments(type: AttachedType, ids: readonly string[]): Promise<void> {
    const unknown = ids.filter((id) => !this.#attachments.has(attachmentsId(type, id)));
    for (const slice of slices(unknown)) {
      const found = await listAttachmentsOf(this.#context, type, slice);
      for (const id of slice) this.#attachments.set(attachmentsId(type, id), found.get(id) ?? []);
      await this.loadPolicies([...found.values()].flat());
    }
  }

  async loadPolicies(references: readonly PolicyReference[]): Promise<void> {
    const unknown = references.filter((reference) => !this.#policies.has(policyReferenceId(reference)));
    const custom = unknown.flatMap(({ type, name }) => (type === "Custom" ? [name] : []));
    for (const slice of slices([...new Set(custom)], POLICY_SLICE)) {
      for (const [name, compiled] of await listEffectivePolicies(this.#context, this.accountId, slice)) {
        this.#policies.set(policyReferenceId({ type: "Custom", name }), compiled);
      }
      await this.turns.give();
    }
    for (const { type, name } of unknown) {
      const policy = type === "System" ? systemPolicies.get(name)?.compiled : undefined;
      if (policy !== undefined) this.#policies.set(policyReferenceId({ type, name }), policy);
    }
  }

  /** `undefined` for who is not there, or was not loaded. */
  nameOf({ kind, id }: Member): string | undefined {
    return this.#names.get(attachmentsId(kind, id));
  }

  groupsOf(userId: string): readonly string[] {
    return this.#groups.get(userId) ?? [];
  }

  attachedTo(type: AttachedType, id: string): readonly PolicyReference[] {
    return this.#attachments.get(attachmentsId(type, id)) ?? [];
  }

  /** @throws TamperedRowError if an attached policy is missing: a Deny might be. */
  policy(reference: PolicyReference): CompiledPolicy {
    const policy = this.#policies.get(policyReferenceId(reference));
    if (policy === undefined) throw new TamperedRowError(attachmentTable.name, "an attached policy is missing");
    return policy;
  }

  /** The ids of a group's users. */
  async membersOf(groupId: string): Promise<readonly string[]> {
    const known = this.#members.get(groupId);
    if (known !== undefined) return known;
    const userIds = await listMemberIds(this.#context, groupId);
    this.#members.set(groupId, userIds);
    return userIds;
  }

  /** All roles of the account. */
  roles(): Promise<readonly AssumableRole[]> {
    const { accountId } = this;
    this.#roles ??= listRoles(this.#context, { accountId, after: "", limit: MAX_ROLES });
    return this.#roles;
  }

  /** Everybody whose policies may allow it to assume some role. */
  assumers(): Promise<readonly Member[]> {
    this.#assumers ??= this.holders((policy) => allowsAssuming(new PolicySet([policy]), this.accountId));
    return this.#assumers;
  }

  /** Users and roles of these names, as far as there are any. */
  async named(kind: Member["kind"], names: readonly string[]): Promise<ReadonlyMap<string, Member>> {
    const { accountId } = this;
    const found = new Map<string, Member>();
    for (const slice of slices(names)) {
      const entries =
        kind === "user"
          ? (await findUsersNamed(this.#context, { accountId, names: slice })).map(
              ({ userId, userName }) => [userName, userId] as const,
            )
          : (await listRoles(this.#context, { accountId, after: "", limit: slice.length, names: slice })).map(
              ({ roleId, roleName }) => [roleName, roleId] as const,
            );
      for (const [name, id] of entries) found.set(name, { kind, id });
    }
    return found;
  }

  /** Everybody who has one of the policies that say something. */
  async holders(says: (policy: CompiledPolicy) => boolean): Promise<readonly Member[]> {
    const { accountId } = this;
    const custom = await listPolicies(this.#context, { accountId, after: "", limit: MAX_POLICIES });
    const all: PolicyReference[] = [
      ...[...systemPolicies.keys()].map((name) => ({ type: "System", name }) as const),
      ...custom.map(({ name }) => ({ type: "Custom", name }) as const),
    ];
    await this.loadPolicies(all);
    return this.holdersOf(all.filter((reference) => says(this.policy(reference))));
  }

  /** Everybody who has any of the policies, be it by a group. */
  async holdersOf(references: readonly PolicyReference[]): Promise<readonly Member[]> {
    const { accountId } = this;
    const holders: Member[] = [];
    for (const slice of slices(references)) {
      for (const { type, id } of await listAttachedToAny(this.#context, { accountId, policies: slice })) {
        if (type !== "group") holders.push({ kind: type, id });
        else holders.push(...(await this.membersOf(id)).map((userId) => ({ kind: "user", id: userId }) as const));
      }
    }
    return distinct(holders);
  }
}

export function distinct(members: readonly Member[]): readonly Member[] {
  return [...new Map(members.map((member) => [attachmentsId(member.kind, member.id), member])).values()];
}
