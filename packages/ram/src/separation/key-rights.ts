import {
  type CompiledPolicy,
  deniesAlways,
  namedIn,
  type PolicyPrincipal,
  PolicySet,
  possibility,
  type Reach,
  reachOf,
} from "@cinnabar/policy";
import { ramArn } from "../resource-name.ts";
import { type Abilities, CAN_BE_ADMITTED, ESCALATES, MANAGES, NO_ABILITIES, SETS_POLICY, USES } from "./abilities.ts";
import {
  ACCESS_GIVING_ACTIONS,
  ESCALATING_ACTIONS,
  KEY_ACTIONS,
  MANAGING_ACTIONS,
  SEPARATED_ACTIONS,
  SET_KEY_POLICY,
  USING_ACTIONS,
} from "./key-actions.ts";
import { UNDISCLOSED_IDENTITY } from "../access/undisclosed.ts";
import { nameOf, namesIn } from "./named-principals.ts";
import type { RoleRights } from "./role-rights.ts";

/** Where an account's keys are. */
export interface KeyPlace {
  readonly region: string;
  readonly accountId: string;
}

/** A key that somebody may use or manage, or each of those that policies are about as a whole, made or not. */
export type Probe = ProbedKey | "any key";

export interface ProbedKey {
  readonly keyId: string;
  readonly arn: string;
  /** Left out, the default one, which leaves the key to the policies of its account. */
  readonly policy?: PolicySet | undefined;
}

/** What is common to everybody who has the same policies: which rights to keys, roles and RAM these give. */
export class KeyRights {
  readonly roles: RoleRights;
  readonly #policies: PolicySet;
  readonly #place: KeyPlace;
  readonly #reaches = new Map<string, Reach>();
  /** Of those on whose name nothing depends. */
  readonly #abilities = new Map<Probe, Abilities>();
  #namedKeys: readonly string[] | undefined;
  #escalations: readonly Escalation[] | undefined;
  #harmless: ReadonlySet<string> | undefined;
  #accessGiving: { readonly action: string | undefined } | undefined;

  /** @param roles - what the policies say of assuming roles. */
  constructor(policies: readonly CompiledPolicy[], place: KeyPlace, roles: RoleRights) {
    this.roles = roles;
    this.#policies = new PolicySet(policies.flatMap((policy) => separatedPart(policy) ?? []));
    this.#place = place;
  }

  /** The ids of keys that are named one by one in what says something of their use or management. */
  get namedKeys(): readonly string[] {
    this.#namedKeys ??= namedIn(this.#policies, KEY_ACTIONS, this.#keys).map((arn) => arn.slice(this.#keys.length));
    return this.#namedKeys;
  }

  /** What they let do with a key, together with what its own policy says, under some circumstances or all. */
  abilities(probe: Probe, principal: PolicyPrincipal): Abilities {
    if (this.#isOutsider(principal)) return this.#findAbilities(probe, principal);
    const isNamed = probe !== "any key" && namesIn(probe.policy).has(nameOf(principal));
    if (isNamed || this.harmless.has(nameOf(principal))) return this.#findAbilities(probe, principal);
    const abilities = this.#abilities.get(probe) ?? this.#findAbilities(probe, principal);
    this.#abilities.set(probe, abilities);
    return abilities;
  }

  /**
   * Whether they give a right to a key, together with what its own policy says, under some circumstances or all. Whoever is
   * of elsewhere has none of them: its own account's policies are taken to let it.
   */
  may(action: string, probe: Probe, principal: PolicyPrincipal): boolean {
    if (probe === "any key") return this.#reach(action).several;
    const { arn: resource, policy: resourcePolicy } = probe;
    const { accountId: resourceAccountId } = this.#place;
    const identity = this.#isOutsider(principal) ? UNDISCLOSED_IDENTITY : this.#policies;
    const asked = { resourceAccountId, identity, resourcePolicy };
    return possibility({ action, resource, principal }, asked) !== "never";
  }

  /** Whether they deny all cryptography with a key, whatever its own policy says; or no such policy can name whoever has them. */
  isBarredFromUsing(probe: Probe, { kind }: PolicyPrincipal): boolean {
    if (kind === "service" || kind === "federated") return true;
    const asked =
      probe === "any key"
        ? ({ resource: this.#keys, of: "all of them" } as const)
        : ({ resource: probe.arn, of: "the one" } as const);
    return USING_ACTIONS.every((action) => deniesAlways(this.#policies, { action, ...asked }));
  }

  /** A right by which who has them uses every key of the account as an application; `undefined` if there is none. */
  get accessGiving(): string | undefined {
    this.#accessGiving ??= { action: this.#findAccessGiving() };
    return this.#accessGiving.action;
  }

  /** A right by which who has them gives itself others; `undefined` if there is none. */
  escalationOf({ kind, name }: PolicyPrincipal): string | undefined {
    this.#escalations ??= this.#findEscalations();
    const self = kind === "user" ? ramArn(this.#place.accountId, kind, name) : undefined;
    return this.#escalations.find(({ only }) => only === undefined || only.some((arn) => arn !== self))?.action;
  }

  /** The users, such as `user/alice`, who may do to themselves what would give anybody else rights. */
  get harmless(): ReadonlySet<string> {
    this.#escalations ??= this.#findEscalations();
    const prefix = ramArn(this.#place.accountId, "user", "");
    return (this.#harmless ??= new Set(
      this.#escalations.flatMap(({ only }) => only ?? []).map((arn) => `user/${arn.slice(prefix.length)}`),
    ));
  }

  #findAbilities(probe: Probe, principal: PolicyPrincipal): Abilities {
    // Whoever has everything needs no more.
    if (this.escalationOf(principal) !== undefined) return ESCALATES;
    const may = (action: string): boolean => this.may(action, probe, principal);
    const uses = this.accessGiving !== undefined || USING_ACTIONS.some(may);
    return (
      (uses ? USES : NO_ABILITIES) |
      (MANAGING_ACTIONS.some(may) ? MANAGES : NO_ABILITIES) |
      (may(SET_KEY_POLICY) ? SETS_POLICY : NO_ABILITIES) |
      (this.isBarredFromUsing(probe, principal) ? NO_ABILITIES : CAN_BE_ADMITTED)
    );
  }

  #isOutsider({ accountId }: PolicyPrincipal): boolean {
    return accountId !== this.#place.accountId;
  }

  get #keys(): string {
    const { region, accountId } = this.#place;
    return `acs:kms:${region}:${accountId}:key/`;
  }

  #reach(action: string): Reach {
    return this.#reachOf(action, this.#keys);
  }

  #reachOf(action: string, type: string): Reach {
    const known = this.#reaches.get(action);
    if (known !== undefined) return known;
    const reach = reachOf(this.#policies, action, type);
    this.#reaches.set(action, reach);
    return reach;
  }

  #findAccessGiving(): string | undefined {
    const { region, accountId } = this.#place;
    return ACCESS_GIVING_ACTIONS.find(({ action, type }) => {
      const { several, named } = this.#reachOf(action, `acs:kms:${region}:${accountId}:${type}/`);
      return several || named.length > 0;
    })?.action;
  }

  #findEscalations(): readonly Escalation[] {
    return ESCALATING_ACTIONS.flatMap(({ action, type, isHarmlessOnSelf }): Escalation[] => {
      const { several, named } = this.#reachOf(action, ramArn(this.#place.accountId, type, ""));
      if (several || (named.length > 0 && isHarmlessOnSelf !== true)) return [{ action }];
      return named.length === 0 ? [] : [{ action, only: named }];
    });
  }
}

interface Escalation {
  readonly action: string;
  /** The users that it can be done to, where it is harmless to whoever does it to itself. */
  readonly only?: readonly string[];
}

const PARTS = new WeakMap<CompiledPolicy, { readonly part: CompiledPolicy | undefined }>();

/** What a policy says of rights to keys, roles and RAM; `undefined` if nothing. Statements keep their index. */
export function separatedPart(policy: CompiledPolicy): CompiledPolicy | undefined {
  const known = PARTS.get(policy);
  if (known !== undefined) return known.part;
  const statements = policy.statements.filter((statement) =>
    SEPARATED_ACTIONS.some((action) => statement.coversAction(action)),
  );
  const part = statements.length === 0 ? undefined : { ...policy, statements };
  PARTS.set(policy, { part });
  return part;
}
