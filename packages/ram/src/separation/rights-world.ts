import { admittedMembers, type AdmittedMembers, type CompiledPolicy, type PolicyPrincipal } from "@cinnabar/policy";
import { attachmentsId, type PolicyReference, policyReferenceId } from "../attachment/attachment-repository.ts";
import { ramArn } from "../resource-name.ts";
import { type Abilities, NO_ABILITIES } from "./abilities.ts";
import { ASSUME_ROLE } from "./key-actions.ts";
import { type KeyPlace, KeyRights, type Probe } from "./key-rights.ts";
import { nameOf } from "./named-principals.ts";
import { eachOnce, Outsiders } from "./outsiders.ts";
import type { RightsChange } from "./rights-change.ts";
import type { Holding, Member, RightsData } from "./rights-data.ts";
import { type Door, NO_DOOR, RoleGraph, type RoleNode, type Standing } from "./role-graph.ts";
import { type AssumableRole, assumingPart, RoleRights } from "./role-rights.ts";

/** Somebody, or a role that somebody can become, with what its policies say. */
export interface Guise {
  readonly principal: PolicyPrincipal;
  readonly rights: KeyRights;
  /** Names of the roles that are assumed for it, one after the other. */
  readonly roles: readonly string[];
}

/** Somebody in a world. */
export interface Person {
  readonly principal: PolicyPrincipal;
  readonly standing: Standing;
}

/** No user has that name. */
const NAMELESS = "";

/** All roles of the account. */
interface Roles {
  /** In the order of their names. */
  readonly nodes: readonly RoleNode[];
  readonly byId: ReadonlyMap<string, RoleNode>;
  /** Whom any of them names, such as `user/alice`. */
  readonly names: ReadonlySet<string>;
}

const NOBODY: readonly PolicyPrincipal[] = [];

/**
 * Who may do what in an account, as it is, or as it is after a change.
 *
 * Of those who have the same policies, and are nowhere named, everything is found once: they have one {@link Standing}.
 */
export class RightsWorld {
  readonly #data: RightsData;
  readonly #place: KeyPlace;
  readonly #change: RightsChange | undefined;
  readonly #rightsOfHolding = new Map<Holding, KeyRights>();
  /** By the policies: many have the same. */
  readonly #rights = new Map<string, KeyRights>();
  /** By those of the policies that say something of it. */
  readonly #roleRights = new Map<string, RoleRights>();
  /** The roles that policies allow to assume. */
  readonly #assumable = new Map<RoleRights, readonly RoleNode[]>();
  /** Of those whom no role names. */
  readonly #doors = new Map<RoleRights, Door>();
  /** Of those whom no role names, and the others by their names. */
  readonly #standings = new Map<KeyRights | string, Standing>();
  /** Of those of elsewhere, by their ARNs. */
  readonly #ofOutsiders = new Map<string, Standing>();
  #roles: Promise<Roles> | undefined;
  #outsiders: Outsiders | undefined;
  #knownRoles: Roles | undefined;
  #graph: RoleGraph | undefined;

  constructor(data: RightsData, place: KeyPlace, change?: RightsChange) {
    this.#data = data;
    this.#place = place;
    this.#change = change;
  }

  /**
   * Finds whom those can become, role by role. To be done once, before anything is asked about them.
   *
   * @param outsiders - who of elsewhere is to be asked about.
   */
  async enter(members: readonly Member[], outsiders = NOBODY): Promise<void> {
    const { turns } = this.#data;
    for (const member of members) {
      await turns.give();
      if (this.#rightsOf(member).roles.assumesRoles) await this.#allRoles();
    }
    if (outsiders.length > 0) await this.#allRoles();
    await this.#data.recognise(this.#knownRoles?.names ?? []);
    for (const { harmless } of this.allRights()) await this.#data.recognise(harmless);
    const doors = new Set<Door>();
    if (outsiders.length > 0) {
      const known = await this.outsiders();
      for (const outsider of outsiders) {
        await turns.give();
        const door = known.doorOf(outsider);
        this.#ofOutsiders.set(outsider.arn, { rights: this.#rightsFor([]), door });
        doors.add(door);
      }
    }
    for (const member of members) {
      await turns.give();
      const standing = this.#standingOf(member);
      if (standing !== undefined) doors.add(standing.door);
    }
    // Grows while it is walked: roles assume roles.
    for (const door of doors) {
      const found = door.roles.filter(({ standing }) => standing === undefined);
      await this.#data.load(found.map(toMember));
      for (const node of found) {
        await turns.give();
        node.standing = this.#standing(this.#rightsOf(toMember(node)), nameOf(node.principal));
        doors.add(node.standing.door);
      }
    }
    this.#graph = await RoleGraph.behind(doors, turns);
  }

  /**
   * Who somebody is; `undefined` if there is no such role. It has been entered with. A user whose name is not known has none
   * here: it is one that no policy names.
   */
  personOf(member: Member): Person | undefined {
    const standing = this.#standingOf(member);
    if (standing === undefined) return undefined;
    return { principal: this.#principal(member.kind, this.#nameOf(member) ?? NAMELESS), standing };
  }

  /** Whatever rights anybody who entered has, and whoever these can become. */
  allRights(): Iterable<KeyRights> {
    return this.#rights.values();
  }

  /** The same of a user or role, such as `user/alice`, that is named in a policy, and is not there. */
  missing(named: string): Person {
    const kind = named.startsWith("user/") ? "user" : "role";
    return {
      principal: this.#principal(kind, named.slice(named.indexOf("/") + 1)),
      standing: { rights: this.#rightsFor([]), door: NO_DOOR },
    };
  }

  /** Somebody of elsewhere who has entered. */
  outsider(principal: PolicyPrincipal): Person {
    const standing = this.#ofOutsiders.get(principal.arn);
    if (standing === undefined) throw new RangeError(`${principal.arn} has not entered`);
    return { principal, standing };
  }

  /** Everybody of elsewhere whom roles name. */
  async outsiders(): Promise<Outsiders> {
    const { nodes } = await this.#allRoles();
    this.#outsiders ??= new Outsiders(nodes, this.#place.accountId);
    return this.#outsiders;
  }

  /** Everybody of elsewhere whom any of some roles names, and of a whole account all whom any role names. */
  async outsidersOf(roleIds: readonly string[]): Promise<readonly PolicyPrincipal[]> {
    const { byId } = await this.#allRoles();
    const outsiders = await this.outsiders();
    const found: PolicyPrincipal[] = [];
    for (const roleId of roleIds) {
      await this.#data.turns.give();
      const node = byId.get(roleId);
      if (node !== undefined) found.push(...outsiders.namedIn(node.role.trust));
    }
    return eachOnce(found);
  }

  /** The account's own users and roles whom a role admits, if their policies allow it to them. */
  async admittedTo(roleId: string): Promise<AdmittedMembers> {
    const { byId } = await this.#allRoles();
    return byId.get(roleId)?.admitted ?? { everybody: false, named: new Map() };
  }

  /** What somebody may do with a key, by itself or as whoever it can become. */
  async abilitiesOf({ principal, standing }: Person, probe: Probe): Promise<Abilities> {
    const own = standing.rights.abilities(probe, principal);
    return own | ((await this.#graph?.abilities(standing.door, probe)) ?? NO_ABILITIES);
  }

  /** Whom all those can become that were entered with. */
  get graph(): RoleGraph {
    if (this.#graph === undefined) throw new RangeError("nobody has entered");
    return this.#graph;
  }

  /** Who somebody is, then whoever it can become, by the shortest way. */
  async guisesOf({ principal, standing }: Person): Promise<readonly Guise[]> {
    const all: Guise[] = [{ principal, rights: standing.rights, roles: [] }];
    const seen = new Set<RoleNode>();
    const opened = new Set<Door>();
    const ways: { readonly door: Door; readonly roles: readonly string[] }[] = [{ door: standing.door, roles: [] }];
    // Grows while it is walked.
    for (const { door, roles } of ways) {
      if (opened.has(door)) continue;
      opened.add(door);
      await this.#data.turns.give();
      for (const node of door.roles) {
        if (node.standing === undefined || seen.has(node) || node.principal.arn === principal.arn) continue;
        seen.add(node);
        const way = [...roles, node.role.roleName];
        all.push({ principal: node.principal, rights: node.standing.rights, roles: way });
        ways.push({ door: node.standing.door, roles: way });
      }
    }
    return all;
  }

  #standingOf(member: Member): Standing | undefined {
    const name = this.#nameOf(member);
    if (name === undefined && member.kind === "role") return undefined;
    return this.#standing(this.#rightsOf(member), `${member.kind}/${name ?? NAMELESS}`);
  }

  #standing(rights: KeyRights, name: string): Standing {
    const isNamed = rights.roles.assumesRoles && this.#knownRoles?.names.has(name) === true;
    const id = isNamed ? name : rights;
    const known = this.#standings.get(id);
    if (known !== undefined) return known;
    const door = isNamed ? this.#doorOf(rights.roles, name) : this.#openDoor(rights.roles);
    const standing = { rights, door };
    this.#standings.set(id, standing);
    return standing;
  }

  /** Of all whom no role names. */
  #openDoor(rights: RoleRights): Door {
    if (!rights.assumesRoles) return NO_DOOR;
    const door = this.#doors.get(rights) ?? this.#doorOf(rights, undefined);
    this.#doors.set(rights, door);
    return door;
  }

  #doorOf(rights: RoleRights, name: string | undefined): Door {
    const isAdmitted = ({ admitted }: RoleNode): boolean =>
      (name === undefined ? undefined : admitted.named.get(name)) ?? admitted.everybody;
    return { roles: this.#assumableBy(rights).filter(isAdmitted) };
  }

  #assumableBy(rights: RoleRights): readonly RoleNode[] {
    const known = this.#assumable.get(rights);
    if (known !== undefined) return known;
    const nodes = this.#knownRoles?.nodes ?? [];
    const allowed = rights.assumableAmong(nodes.map(({ role }) => role.roleName));
    const found = nodes.filter(({ role }) => allowed.has(role.roleName));
    this.#assumable.set(rights, found);
    return found;
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

  #allRoles(): Promise<Roles> {
    this.#roles ??= this.#findRoles();
    return this.#roles;
  }

  async #findRoles(): Promise<Roles> {
    const change = this.#change;
    const kept = await this.#data.roles();
    const roles =
      change?.kind === "trust" ? [...kept.filter(({ roleId }) => roleId !== change.role.roleId), change.role] : kept;
    const nodes: RoleNode[] = [];
    for (const role of roles) {
      await this.#data.turns.give();
      nodes.push(this.#nodeOf(role));
    }
    this.#knownRoles = {
      nodes,
      byId: new Map(nodes.map((node) => [node.role.roleId, node])),
      names: new Set(nodes.flatMap(({ admitted }) => [...admitted.named.keys()])),
    };
    return this.#knownRoles;
  }

  #nodeOf(role: AssumableRole): RoleNode {
    const { accountId } = this.#place;
    const principal = this.#principal("role", role.roleName);
    const asked = { action: ASSUME_ROLE, resource: principal.arn, accountId };
    return { role, principal, admitted: admittedMembers(role.trust, asked) };
  }

  #rightsOf(member: Member): KeyRights {
    if (this.#isChanged(member)) return this.#rightsFor(this.#referencesOf(member));
    const holding = this.#data.holdingOf(member);
    const rights = this.#rightsOfHolding.get(holding) ?? this.#rightsFor(this.#referencesOf(member));
    this.#rightsOfHolding.set(holding, rights);
    return rights;
  }

  /** Whether the change is about what it has itself, and not about a group or a policy that others have as well. */
  #isChanged({ kind, id }: Member): boolean {
    const change = this.#change;
    if (change?.kind === "membership") return kind === "user" && change.userId === id;
    return change?.kind === "attachment" && change.to.type === kind && change.to.id === id;
  }

  #referencesOf(member: Member): readonly PolicyReference[] {
    const { own, groupIds } = this.#data.holdingOf(member);
    const all = [
      ...this.#withChange(member.kind, member.id, own),
      ...this.#groupsOf(member, groupIds).flatMap((groupId) =>
        this.#withChange("group", groupId, this.#data.attachedToGroup(groupId)),
      ),
    ];
    return [...new Map(all.map((reference) => [policyReferenceId(reference), reference])).values()];
  }

  #groupsOf({ kind, id }: Member, groupIds: readonly string[]): readonly string[] {
    const change = this.#change;
    if (kind !== "user" || change?.kind !== "membership" || change.userId !== id) return groupIds;
    const others = groupIds.filter((groupId) => groupId !== change.groupId);
    return change.isMember ? [...others, change.groupId] : others;
  }

  #withChange(
    type: "user" | "group" | "role",
    id: string,
    attached: readonly PolicyReference[],
  ): readonly PolicyReference[] {
    const change = this.#change;
    if (change?.kind !== "attachment") return attached;
    if (attachmentsId(change.to.type, change.to.id) !== attachmentsId(type, id)) return attached;
    const changed = policyReferenceId(change.policy);
    const others = attached.filter((reference) => policyReferenceId(reference) !== changed);
    return change.isAttached ? [...others, change.policy] : others;
  }

  #rightsFor(references: readonly PolicyReference[]): KeyRights {
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

function toMember({ role }: RoleNode): Member {
  return { kind: "role", id: role.roleId };
}
