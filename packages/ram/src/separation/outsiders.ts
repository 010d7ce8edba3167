import { type PolicyPrincipal, type PolicySet, possibility, type PrincipalPattern } from "@cinnabar/policy";
import { UNDISCLOSED_IDENTITY } from "../access/undisclosed.ts";
import { ramArn } from "../resource-name.ts";
import { ASSUME_ROLE } from "./key-actions.ts";
import { principalsOf } from "./named-principals.ts";
import { type Door, NO_DOOR, type RoleNode } from "./role-graph.ts";

/** Whoever of elsewhere a pattern names: a service, a provider, or of another account somebody or, as its root, everybody. */
function outsiderOf(pattern: PrincipalPattern, ownAccountId: string): PolicyPrincipal | undefined {
  if (!("accountId" in pattern)) {
    const { type: kind, name } = pattern;
    return { kind, accountId: "", name, arn: name };
  }
  const { accountId } = pattern;
  if (accountId === ownAccountId) return undefined;
  if (pattern.type === "account") return { kind: "root", accountId, name: "root", arn: rootArn(accountId) };
  const { type: kind, name } = pattern;
  return { kind, accountId, name, arn: ramArn(accountId, kind, name) };
}

function rootArn(accountId: string): string {
  return `acs:ram::${accountId}:root`;
}

/** Everybody of elsewhere whom policies name, be it to deny something. */
export function outsidersIn(policies: PolicySet | undefined, ownAccountId: string): readonly PolicyPrincipal[] {
  return eachOnce(principalsOf(policies).flatMap((pattern) => outsiderOf(pattern, ownAccountId) ?? []));
}

export function eachOnce(outsiders: readonly PolicyPrincipal[]): readonly PolicyPrincipal[] {
  return [...new Map(outsiders.map((outsider) => [outsider.arn, outsider])).values()];
}

/** By which names policies know whoever is of elsewhere. */
export function namesOfOutsider({ accountId, arn }: PolicyPrincipal): readonly string[] {
  return accountId === "" ? [arn] : [arn, rootArn(accountId)];
}

/** Who of elsewhere may assume which roles of an account, as if its own account's policies let it. */
export class Outsiders {
  readonly all: readonly PolicyPrincipal[];
  readonly #accountId: string;
  /** By the names that roles know. */
  readonly #naming = new Map<string, RoleNode[]>();
  readonly #ofAccount: ReadonlyMap<string, readonly PolicyPrincipal[]>;
  readonly #doors = new Map<string, Door>();

  /** @param nodes - all roles of the account. */
  constructor(nodes: readonly RoleNode[], accountId: string) {
    this.#accountId = accountId;
    const all = new Map<string, PolicyPrincipal>();
    for (const node of nodes) {
      for (const outsider of outsidersIn(node.role.trust, accountId)) {
        all.set(outsider.arn, outsider);
        const naming = this.#naming.get(outsider.arn);
        if (naming === undefined) this.#naming.set(outsider.arn, [node]);
        else naming.push(node);
      }
    }
    this.all = [...all.values()];
    this.#ofAccount = Map.groupBy(this.all, ({ accountId }) => accountId);
  }

  /** Those whom policies name, and with a whole account all of it whom roles name. */
  namedIn(policies: PolicySet | undefined): readonly PolicyPrincipal[] {
    const named = outsidersIn(policies, this.#accountId);
    const accounts = named.filter(({ kind }) => kind === "root");
    return eachOnce([...named, ...accounts.flatMap(({ accountId }) => this.#ofAccount.get(accountId) ?? [])]);
  }

  doorOf(outsider: PolicyPrincipal): Door {
    const known = this.#doors.get(outsider.arn);
    if (known !== undefined) return known;
    const naming = new Set(namesOfOutsider(outsider).flatMap((name) => this.#naming.get(name) ?? []));
    const roles = [...naming].filter((node) => this.#isAdmitted(outsider, node));
    const door = roles.length === 0 ? NO_DOOR : { roles };
    this.#doors.set(outsider.arn, door);
    return door;
  }

  #isAdmitted(principal: PolicyPrincipal, node: RoleNode): boolean {
    const asked = { action: ASSUME_ROLE, resource: node.principal.arn, principal };
    const policies = { identity: UNDISCLOSED_IDENTITY, resourcePolicy: node.role.trust };
    return possibility(asked, { resourceAccountId: this.#accountId, ...policies }) !== "never";
  }
}
