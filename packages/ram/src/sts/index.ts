import type { DeclaredOperation, DeploymentKeys } from "@cinnabar/kernel";
import type { IdentityTokenVerifier } from "../oidc/identity-token-verifier.ts";
import { assumeRole } from "./assume-role.ts";
import { assumeRoleWithOidc } from "./assume-role-with-oidc.ts";
import { assumeRoleWithSaml } from "./assume-role-with-saml.ts";
import { getCallerIdentity } from "./get-caller-identity.ts";
import { madeOnce } from "./made-once.ts";

/** Every operation of STS. */
export function stsOperations(keys: Pick<DeploymentKeys, "accessKeyTag">): readonly DeclaredOperation[] {
  // Most deployments have no providers, and need not load what checks their tokens.
  const loadVerifier = madeOnce(newVerifier);
  return [assumeRole(keys), assumeRoleWithOidc({ keys, loadVerifier }), assumeRoleWithSaml, getCallerIdentity];
}

async function newVerifier(): Promise<IdentityTokenVerifier> {
  const { IdentityTokenVerifier } = await import("../oidc/identity-token-verifier.ts");
  return new IdentityTokenVerifier();
}
