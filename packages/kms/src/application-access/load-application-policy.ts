import { ApiError, proceed, type RequestContext } from "@cinnabar/kernel";
import { applicationPolicies, type StoredApplicationPolicy } from "./application-policy-repository.ts";

/** What a call about a policy of the caller's account is about. */
export interface ApplicationPolicyTarget {
  readonly resource: "policy";
  readonly name: string;
  readonly policy: StoredApplicationPolicy;
}

/** @throws ApiError `Forbidden.ResourceNotFound`. */
export function loadApplicationPolicy(
  context: RequestContext,
  name: string,
): ApplicationPolicyTarget | Promise<ApplicationPolicyTarget> {
  return proceed(applicationPolicies.find(context, { accountId: context.principal.accountId, name }), (policy) => {
    if (policy === undefined) throw new ApiError("Forbidden.ResourceNotFound");
    return { resource: "policy", name, policy };
  });
}
