import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { findApplicationPolicy } from "./application-policy-repository.ts";
import type { AccessReference } from "./access-row.ts";

/** @throws ApiError `Forbidden.ResourceNotFound` if one of the policies is not the caller's account's. */
export async function loadNamedPolicies(
  context: RequestContext,
  names: readonly string[],
): Promise<readonly AccessReference[]> {
  const { accountId } = context.principal;
  const policies: AccessReference[] = [];
  for (const name of names) {
    const policy = await findApplicationPolicy(context, { accountId, name });
    if (policy === undefined) {
      const code = "Forbidden.ResourceNotFound";
      throw new ApiError(code, `${ERRORS[code].message} There is no policy ${name}.`);
    }
    policies.push(policy);
  }
  return policies;
}
