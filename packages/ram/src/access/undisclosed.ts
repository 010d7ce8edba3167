import { compilePolicy, type PolicyPrincipal, PolicySet, type PrincipalPattern } from "@cinnabar/policy";

const SOURCE = { type: "Custom", name: "another account's" } as const;
const ALLOW = { effect: "Allow", exceptActions: false, actions: ["*"], resources: ["*"], conditions: [] } as const;

/** Stands for policies of another account's user or role, of which nothing is said: what is asked is whether the rest allows it. */
export const UNDISCLOSED_IDENTITY = new PolicySet([compilePolicy({ kind: "identity", statements: [ALLOW] }, SOURCE)]);

/** Stands for the policy of another account's resource, of which nothing is said. */
export function undisclosedResourcePolicy({ kind, accountId, name }: PolicyPrincipal): PolicySet {
  const principal: PrincipalPattern =
    kind === "user" || kind === "role" ? { type: kind, accountId, name } : { type: "account", accountId };
  return new PolicySet([
    compilePolicy({ kind: "resource", statements: [{ ...ALLOW, principals: [principal] }] }, SOURCE),
  ]);
}
