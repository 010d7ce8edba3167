import {
  type AccessRequest,
  type AuthorizationContext,
  type Authorizer,
  conditionsOf,
  type Principal,
  proceed,
  toPolicyPrincipal,
} from "@cinnabar/kernel";
import { type Decision, decide, type DecisionInput, explain, type PolicySet } from "@cinnabar/policy";
import { accountKind } from "../account.ts";
import { IdentityPolicies } from "./identity-policies.ts";

const OF_CLOSED_ACCOUNT: Decision = { allowed: false, gate: "resource", explicit: false };

/**
 * Decides who may do what: by the policies that are attached to a user, its groups or a role, or that an application has by
 * its access point, by the policy of a session, and by that of the resource. What belongs to a disabled account is nobody's. Nothing is kept between two requests but what
 * the entities of both make.
 */
export function createAuthorizer(): Authorizer {
  const identityPolicies = new IdentityPolicies();
  return {
    decide: (context, request) =>
      proceed(isOfOpenAccount(context, request), (isOpen) =>
        isOpen
          ? proceed(identityPolicies.find(context), (identity) => decide(toInput(context, request, identity)))
          : OF_CLOSED_ACCOUNT,
      ),
    explain: (context, request) =>
      proceed(identityPolicies.find(context), (identity) => explain(toInput(context, request, identity))),
  };
}

/** Whether the account of the resource is enabled. That the caller's own one is, its credentials say. */
function isOfOpenAccount(context: AuthorizationContext, { accountId }: AccessRequest): boolean | Promise<boolean> {
  if (accountId === context.principal.accountId) return true;
  return proceed(context.find(accountKind, accountId), (account) => account?.isEnabled === true);
}

function toInput(context: AuthorizationContext, request: AccessRequest, identity: PolicySet): DecisionInput {
  const { principal } = context;
  return {
    request: {
      action: request.action,
      resource: request.resource,
      principal: toPolicyPrincipal(principal),
      conditions: conditionsOf(context, request),
    },
    resourceAccountId: request.accountId,
    session: sessionPolicyOf(principal),
    identity,
    resourcePolicy: request.resourcePolicy,
    withinAccount: request.withinAccount,
  };
}

function sessionPolicyOf(principal: Principal): PolicySet | undefined {
  return principal.type === "assumed-role" ? principal.sessionPolicy : undefined;
}
