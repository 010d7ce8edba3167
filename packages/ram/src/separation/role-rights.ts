import { allowedAmong, type CompiledPolicy, PolicySet, reachOf } from "@cinnabar/policy";
import { ramArn } from "../resource-name.ts";
import { ASSUME_ROLE } from "./key-actions.ts";

/** A role that somebody may assume. */
export interface AssumableRole {
  readonly roleId: string;
  readonly roleName: string;
  readonly trust: PolicySet;
}

/** Which roles those may assume whose policies say the same of it, whatever else they say. */
export class RoleRights {
  readonly #policies: PolicySet;
  readonly #accountId: string;
  #assumesRoles: boolean | undefined;

  /** @param policies - what they say of it: see {@link assumingPart}. */
  constructor(policies: readonly CompiledPolicy[], accountId: string) {
    this.#policies = new PolicySet(policies);
    this.#accountId = accountId;
  }

  /** Whether they can give the right to assume any role. */
  get assumesRoles(): boolean {
    return (this.#assumesRoles ??= allowsAssuming(this.#policies, this.#accountId));
  }

  /** The names of those of some roles that the policies allow to assume, if the roles' trust policies do as well. */
  assumableAmong(roleNames: readonly string[]): ReadonlySet<string> {
    if (!this.assumesRoles) return NONE;
    const prefix = ramArn(this.#accountId, "role", "");
    const allowed = allowedAmong(
      this.#policies,
      ASSUME_ROLE,
      roleNames.map((name) => `${prefix}${name}`),
    );
    return new Set(allowed.map((arn) => arn.slice(prefix.length)));
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Whether policies can give the right to assume any role of the account. */
export function allowsAssuming(policies: PolicySet, accountId: string): boolean {
  const { several, named } = reachOf(policies, ASSUME_ROLE, ramArn(accountId, "role", ""));
  return several || named.length > 0;
}

const PARTS = new WeakMap<CompiledPolicy, { readonly part: CompiledPolicy | undefined }>();

/** What a policy says of assuming roles; `undefined` if nothing. */
export function assumingPart(policy: CompiledPolicy): CompiledPolicy | undefined {
  const known = PARTS.get(policy);
  if (known !== undefined) return known.part;
  const statements = policy.statements.filter((statement) => statement.coversAction(ASSUME_ROLE));
  const part = statements.length === 0 ? undefined : { ...policy, statements };
  PARTS.set(policy, { part });
  return part;
}
