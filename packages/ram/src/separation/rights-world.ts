import type { CompiledPolicy, PolicyPrincipal, PolicySet } from "@cinnabar/policy";
import { attachmentsId, type PolicyReference, policyReferenceId } from "../attachment/attachment-repository.ts";
import { ramArn } from "../resource-name.ts";
import { type KeyPlace, KeyRights } from "./key-rights.ts";
import { nameOf, ownName, principalsOf } from "./named-principals.ts";
import type { RightsChange } from "./rights-change.ts";
import type { Member, RightsData } from "./rights-data.ts";
import { type AssumableRole, assumingPart, RoleRights } from "./role-rights.ts";

/** Somebody, or a role that somebody can become, with what its policies say. */
export interface Guise {
  readonly principal: PolicyPrincipal;
  readonly rights: KeyRights;
  /** Names of the roles that are assumed for it, one after the other. */
  readonly roles: readonly string[];
}

/** Who somebody is, and whoever it can become. */
export interface Person {
  /** `undefined` for who is not there. */
  readonly self: Guise | undefined;
  readonly others: readonly Guise[];
}

const NONE: readonly Guise[] = [];
const NOBODY: Person = { self: undefined, others: NONE };

/** Whom of the account itself a trust policy names, be it to deny. */
export interface Admitted {
  readonly isWholeAccount: boolean;
  /** Such as `user/alice`. */
  readonly names: ReadonlySet<string>;
}

const NO_NAMES: ReadonlySet<string> = new Set();

interface AssumableRoles {
  readonly roles: readonly AssumableRole[];
  /** By the roles' names. */
  readonly named: ReadonlyMap<string, Admitted>;
  /** Of all of them together. */
  readonly allNames: ReadonlySet<string>;
}

function admittedBy(trust: PolicySet, accountId: string): Admitted {
  const patterns = principalsOf(trust).filter((pattern) => "accountId" in pattern && pattern.accountId === accountId);
  return { isWholeAccount: patterns.some(({ type }) => type === "account"), names: new Set(patterns.flatMap(ownName)) };
}

/** Who may do what in an account, as it is, or as it is after a change. */
export class RightsWorld {
  readonly #data: RightsData;
  readonly #place: KeyPlace;
  readonly #change: RightsChange | undefined;
  /** By the policies: many have the same. */
  readonly #rights = new Map<string, KeyRights>();
  /** By those of the policies that say something of it. */
  readonly #roleRights = new Map<string, RoleRights>();
  /** Whoever those can become who have the rights and are nowhere named. */
  readonly #becoming = new Map<RoleRights, readonly Guise[]>();
  /** The roles that those may assume who have the rights, where the role does not name them. */
  readonly #open = new Map<RoleRights, ReadonlySet<AssumableRole>>();
  #roles: Promise<AssumableRoles> | undefined;

  constructor(data: RightsData, place: KeyPlace, change?: RightsChange) {
    this.#data = data;
    this.#place = place;
    this.#change = change;
  }

  /** Who somebody is, and whoever it can become, role by role; nobody if there is no such user or role. */
  async personOf(member: Member): Promise<Person> {
    const name = this.#nameOf(member);
    if (name === undefined) return NOBODY;
    const self = this.#guise(member, name, []);
    return { self, others: await this.#becomes(self) };
  }

  /** The same of a user or role that is named in a policy, and is not there. */
  missing(kind: Member["kind"], name: string): Person {
    return { self: { principal: this.#principal(kind, name), rights: this.#rightsOf([]), roles: [] }, others: NONE };
  }

  /** The account's own users and roles whom a role admits, if their policies allow it to them. */
  async admittedTo(roleId: string): Promise<Admitted> {
    const { named, roles } = await this.#assumable();
    const role = roles.find((role) => role.roleId === roleId);
    return named.get(role?.roleName ?? "") ?? { isWholeAccount: false, names: NO_NAMES };
  }

  /** Whoever somebody can become, which is the same for all users who have the same rights and are nowhere named. */
  async #becomes(self: Guise): Promise<readonly Guise[]> {
    const { principal, rights } = self;
    if (!rights.roles.assumesRoles) return NONE;
    const { allNames } = await this.#assumable();
    if (principal.kind === "role" || allNames.has(nameOf(principal))) return this.#walk(self);
    const known = this.#becoming.get(rights.roles);
    if (known !== undefined) return known;
    const guises = await this.#walk(self);
    this.#becoming.set(rights.roles, guises);
    return guises;
  }

  async #walk(self: Guise): Promise<readonly Guise[]> {
    const all = await this.#assumable();
    const guises = [self];
    const seen = new Set<string>(self.principal.kind === "role" ? [self.principal.name] : []);
    // Grows while it is walked: roles assume roles.
    for (const { principal, rights, roles } of guises) {
      await this.#data.turns.give();
      if (!rights.roles.assumesRoles) continue;
      const next = this.#assumableBy(principal, rights.roles, all).filter(({ roleName }) => !seen.has(roleName));
      for (const { roleName } of next) seen.add(roleName);
      await this.#data.load(next.map(({ roleId }) => ({ kind: "role", id: roleId })));
      for (const { roleId, roleName } of next) {
        guises.push(this.#guise({ kind: "role", id: roleId }, roleName, [...roles, roleName]));
      }
    }
    return guises.slice(1);
  }

  #assumableBy(principal: PolicyPrincipal, rights: RoleRights, all: AssumableRoles): readonly AssumableRole[] {
    const { roles, named } = all;
    const own = nameOf(principal);
    const open = this.#openTo(rights, all);
    return roles.filter((role) =>
      named.get(role.roleName)?.names.has(own) === true ? rights.mayAssume(role, principal) : open.has(role),
    );
  }

  #openTo(rights: RoleRights, { roles, named }: AssumableRoles): ReadonlySet<AssumableRole> {
    const known = this.#open.get(rights);
    if (known !== undefined) return known;
    const anybody = this.#principal("user", "");
    const isOpen = (role: AssumableRole): boolean =>
      named.get(role.roleName)?.isWholeAccount === true && rights.mayAssume(role, anybody);
    const open = new Set(roles.filter(isOpen));
    this.#open.set(rights, open);
    return open;
  }

  #guise(member: Member, name: string, roles: readonly string[]): Guise {
    return { principal: this.#principal(member.kind, name), rights: this.#rightsOf(this.#referencesOf(member)), roles };
  }

  #principal(kind: Member["kind"], name: string): PolicyPrincipal {
    const { accountId } = this.#place;
    return { kind, accountId, name, arn: ramArn(accountId, kind, name) };
  }

  #nameOf(member: Member): string | undefined {
    const change = this.#change;
    if (change?.kind === "user-name" && member.kind === "user" && member.id === change.userId) return change.userName;
    if (change?.kind === "trust" && member.kind === "role" && member.id === change.role.roleId) {
      return change.role.roleName;
    }
    return this.#data.nameOf(member);
  }

  /** All roles, and whom each one's trust policy names. */
  #assumable(): Promise<AssumableRoles> {
    this.#roles ??= this.#findRoles();
    return this.#roles;
  }

  async #findRoles(): Promise<AssumableRoles> {
    const { accountId } = this.#place;
    const change = this.#change;
    const kept = await this.#data.roles();
    const roles =
      change?.kind === "trust" ? [...kept.filter(({ roleId }) => roleId !== change.role.roleId), change.role] : kept;
    const named = new Map(roles.map(({ roleName, trust }) => [roleName, admittedBy(trust, accountId)]));
    return { roles, named, allNames: new Set([...named.values()].flatMap(({ names }) => [...names])) };
  }

  #referencesOf({ kind, id }: Member): readonly PolicyReference[] {
    const groups = kind === "user" ? this.#groupsOf(id) : [];
    const all = [...this.#attachedTo(kind, id), ...groups.flatMap((groupId) => this.#attachedTo("group", groupId))];
    return [...new Map(all.map((reference) => [policyReferenceId(reference), reference])).values()];
  }

  #groupsOf(userId: string): readonly string[] {
    const groups = this.#data.groupsOf(userId);
    const change = this.#change;
    if (change?.kind !== "membership" || change.userId !== userId) return groups;
    const others = groups.filter((groupId) => groupId !== change.groupId);
    return change.isMember ? [...others, change.groupId] : others;
  }

  #attachedTo(type: "user" | "group" | "role", id: string): readonly PolicyReference[] {
    const attached = this.#data.attachedTo(type, id);
    const change = this.#change;
    if (change?.kind !== "attachment") return attached;
    if (attachmentsId(change.to.type, change.to.id) !== attachmentsId(type, id)) return attached;
    const changed = policyReferenceId(change.policy);
    const others = attached.filter((reference) => policyReferenceId(reference) !== changed);
    return change.isAttached ? [...others, change.policy] : others;
  }

  #rightsOf(references: readonly PolicyReference[]): KeyRights {
    const name = references.map(policyReferenceId).toSorted().join(" ");
    const known = this.#rights.get(name);
    if (known !== undefined) return known;
    const policies = references.map((reference) => this.#policy(reference));
    const rights = new KeyRights(policies, this.#place, this.#roleRightsOf(references));
    this.#rights.set(name, rights);
    return rights;
  }

  #roleRightsOf(references: readonly PolicyReference[]): RoleRights {
    const parts = references.flatMap((reference) => {
      const part = assumingPart(this.#policy(reference));
      return part === undefined ? [] : [{ id: policyReferenceId(reference), part }];
    });
    const name = parts
      .map(({ id }) => id)
      .toSorted()
      .join(" ");
    const known =
      this.#roleRights.get(name) ??
      new RoleRights(
        parts.map(({ part }) => part),
        this.#place.accountId,
      );
    this.#roleRights.set(name, known);
    return known;
  }

  #policy(reference: PolicyReference): CompiledPolicy {
    const change = this.#change;
    const isChanged = change?.kind === "policy" && policyReferenceId(change.policy) === policyReferenceId(reference);
    return isChanged ? change.compiled : this.#data.policy(reference);
  }
}
