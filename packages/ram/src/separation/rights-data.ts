import { type RequestContext, TamperedRowError, type TurnTaker } from "@cinnabar/kernel";
import { type CompiledPolicy, PolicySet } from "@cinnabar/policy";
import {
  attachmentTable,
  listAttachedToAny,
  listAttachmentsOf,
  type PolicyReference,
  policyReferenceId,
} from "../attachment/attachment-repository.ts";
import { listGroupIdsOf, listMemberIds } from "../group/membership-repository.ts";
import { listEffectivePolicies, listPolicies, type PolicyPlace } from "../policy/policy-repository.ts";
import { systemPolicies } from "../policy/system-policies.ts";
import { findRoles, listRoles } from "../role/role-repository.ts";
import { findUsers, findUsersNamed } from "../user/user-repository.ts";
import { slices } from "../slices.ts";
import { allowsAssuming, type AssumableRole } from "./role-rights.ts";

/** A user or role whose rights are looked at. */
export interface Member {
  readonly kind: "user" | "role";
  readonly id: string;
}

/** What somebody has: one and the same for all who have the same. */
export interface Holding {
  /** What is attached to itself. */
  readonly own: readonly PolicyReference[];
  readonly groupIds: readonly string[];
}

const NOTHING: Holding = { own: [], groupIds: [] };

/** Policies that are read in one go: each is read through. */
const POLICY_SLICE = 10;
/** So many of an account's roles, or of the names of its policies, are read in one go. */
const LIST_SLICE = 100;

/**
 * What the store says of an account's users, groups, roles and policies. Everything is read for many at once, and once: it is
 * made for one look.
 */
export class RightsData {
  readonly accountId: string;
  /** Those of the look. */
  readonly turns: TurnTaker;
  readonly #context: RequestContext;
  /** Of groups. */
  readonly #attachments = new Map<string, readonly PolicyReference[]>();
  /** By ids. */
  readonly #holdings = { user: new Map<string, Holding>(), role: new Map<string, Holding>() };
  /** By what is in them. */
  readonly #distinct = new Map<string, Holding>();
  /** By ids. */
  readonly #names = { user: new Map<string, string>(), role: new Map<string, string>() };
  /** By names, such as `user/alice`. */
  readonly #named = new Map<string, Member>();
  /** Names of users that were looked for. */
  readonly #recognised = new Set<string>();
  /** Of those groups all of whose members are known, the ones that users belong to. */
  readonly #knownGroups = new Map<string, string[]>();
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

  /** Reads what these have, and the names of roles. */
  async load(members: readonly Member[]): Promise<void> {
    const unknown = { user: new Set<string>(), role: new Set<string>() };
    for (const { kind, id } of members) {
      await this.turns.give();
      if (!this.#holdings[kind].has(id)) unknown[kind].add(id);
    }
    for (const slice of slices([...unknown.user])) await this.#loadUsers(slice);
    for (const slice of slices([...unknown.role])) await this.#loadRoles(slice);
  }

  async #loadUsers(ids: readonly string[]): Promise<void> {
    const groups = await listGroupIdsOf(this.#context, ids, { except: [...this.#members.keys()] });
    await this.turns.give();
    const attached = await listAttachmentsOf(this.#context, "user", ids);
    await this.loadPolicies([...attached.values()].flat());
    await this.loadGroups([...this.#members.keys(), ...new Set([...groups.values()].flat())]);
    for (const id of ids) {
      await this.turns.give();
      const groupIds = [...(groups.get(id) ?? []), ...(this.#knownGroups.get(id) ?? [])];
      this.#holdings.user.set(id, this.#holding({ own: attached.get(id) ?? [], groupIds }));
    }
  }

  async #loadRoles(ids: readonly string[]): Promise<void> {
    for (const { roleId, roleName } of await findRoles(this.#context, ids)) {
      this.#isNamed({ kind: "role", id: roleId }, roleName);
    }
    await this.turns.give();
    const attached = await listAttachmentsOf(this.#context, "role", ids);
    await this.loadPolicies([...attached.values()].flat());
    for (const id of ids) this.#holdings.role.set(id, this.#holding({ own: attached.get(id) ?? [], groupIds: [] }));
    await this.turns.give();
  }

  #holding(holding: Holding): Holding {
    const { own, groupIds } = holding;
    const text = `${own.map(policyReferenceId).toSorted().join(" ")}|${groupIds.toSorted().join(" ")}`;
    const known = this.#distinct.get(text) ?? holding;
    this.#distinct.set(text, known);
    return known;
  }

  /** Reads the names of some users. */
  async nameUsers(ids: readonly string[]): Promise<void> {
    const unknown = ids.filter((id) => !this.#names.user.has(id));
    for (const { userId, userName } of await findUsers(this.#context, unknown)) {
      this.#isNamed({ kind: "user", id: userId }, userName);
    }
  }

  #isNamed(member: Member, name: string): void {
    this.#names[member.kind].set(member.id, name);
    this.#named.set(`${member.kind}/${name}`, member);
  }

  /** Finds out which users have some names, such as `user/alice`. Names of roles are left alone. */
  async recognise(names: Iterable<string>): Promise<void> {
    const users = [...new Set(namesOf("user", names))].filter((name) => !this.#recognised.has(name));
    await this.named("user", users);
    for (const name of users) this.#recognised.add(name);
  }

  /** Reads what is attached to groups, and what that says. */
  async loadGroups(ids: readonly string[]): Promise<void> {
    const unknown = ids.filter((id) => !this.#attachments.has(id));
    for (const slice of slices(unknown)) {
      const found = await listAttachmentsOf(this.#context, "group", slice);
      for (const id of slice) this.#attachments.set(id, found.get(id) ?? []);
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

  /** `undefined` for a role that is not there, or was not loaded, and for a user whose name nobody asked for or knew. */
  nameOf({ kind, id }: Member): string | undefined {
    return this.#names[kind].get(id);
  }

  /** Who has a name such as `user/alice`, if that is known. */
  memberNamed(name: string): Member | undefined {
    return this.#named.get(name);
  }

  isLoaded({ kind, id }: Member): boolean {
    return this.#holdings[kind].has(id);
  }

  /** Nothing for who is not there, or was not loaded. */
  holdingOf({ kind, id }: Member): Holding {
    return this.#holdings[kind].get(id) ?? NOTHING;
  }

  /** Nothing for a group that was not loaded. */
  attachedToGroup(id: string): readonly PolicyReference[] {
    return this.#attachments.get(id) ?? [];
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
    for (const userId of userIds) {
      await this.turns.give();
      const groups = this.#knownGroups.get(userId);
      if (groups === undefined) this.#knownGroups.set(userId, [groupId]);
      else groups.push(groupId);
    }
    return userIds;
  }

  /** All roles of the account. */
  roles(): Promise<readonly AssumableRole[]> {
    const { accountId } = this;
    this.#roles ??= this.#listAll(
      ({ roleName }) => roleName,
      (page) => listRoles(this.#context, { accountId, ...page }),
    );
    return this.#roles;
  }

  /** Everything of a list that is read in the order of names. */
  async #listAll<T>(
    nameOf: (item: T) => string,
    list: (page: { readonly after: string; readonly limit: number }) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const all: T[] = [];
    for (;;) {
      const last = all.at(-1);
      const page = await list({ after: last === undefined ? "" : nameOf(last), limit: LIST_SLICE });
      await this.turns.give();
      all.push(...page);
      if (page.length < LIST_SLICE) return all;
    }
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
      for (const [name, id] of entries) {
        found.set(name, { kind, id });
        this.#isNamed({ kind, id }, name);
      }
    }
    return found;
  }

  /** Those users and roles of the account of some names, such as `user/alice`, who are there. */
  async membersNamed(names: Iterable<string>): Promise<readonly Member[]> {
    const all = [...names];
    const found: Member[] = [];
    for (const kind of ["user", "role"] as const) found.push(...(await this.named(kind, namesOf(kind, all))).values());
    return found;
  }

  /** Everybody who has one of the policies that say something. */
  async holders(says: (policy: CompiledPolicy) => boolean): Promise<readonly Member[]> {
    const { accountId } = this;
    const custom = await this.#listAll<PolicyPlace>(
      ({ name }) => name,
      (page) => listPolicies(this.#context, { accountId, ...page }),
    );
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
    const holders = new MemberSet();
    for (const slice of slices(references)) {
      for (const { type, id } of await listAttachedToAny(this.#context, { accountId, policies: slice })) {
        await this.turns.give();
        if (type !== "group") holders.add({ kind: type, id });
        else await this.#addMembersOf(id, holders);
      }
    }
    return holders.all;
  }

  async #addMembersOf(groupId: string, to: MemberSet): Promise<void> {
    for (const id of await this.membersOf(groupId)) {
      await this.turns.give();
      to.add({ kind: "user", id });
    }
  }
}

/** Of names such as `user/alice` those of one kind, as `alice`. */
function namesOf(kind: Member["kind"], names: Iterable<string>): readonly string[] {
  return [...names].flatMap((name) => (name.startsWith(`${kind}/`) ? [name.slice(kind.length + 1)] : []));
}

/** Users and roles, each once, in the order in which they came. */
export class MemberSet {
  readonly all: Member[] = [];
  readonly #ids = { user: new Set<string>(), role: new Set<string>() };

  /** @returns false if it was there. */
  add(member: Member): boolean {
    const ids = this.#ids[member.kind];
    if (ids.has(member.id)) return false;
    ids.add(member.id);
    this.all.push(member);
    return true;
  }
}
