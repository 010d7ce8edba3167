import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { findNetworkRule } from "./network-rule-repository.ts";
import type { AccessReference } from "./access-row.ts";

/** @throws ApiError `Forbidden.ResourceNotFound` if one of the network rules is not the caller's account's. */
export async function loadNamedRules(
  context: RequestContext,
  names: readonly string[],
): Promise<readonly AccessReference[]> {
  const { accountId } = context.principal;
  const rules: AccessReference[] = [];
  for (const name of names) {
    const rule = await findNetworkRule(context, { accountId, name });
    if (rule === undefined) {
      const code = "Forbidden.ResourceNotFound";
      throw new ApiError(code, `${ERRORS[code].message} There is no network rule ${name}.`);
    }
    rules.push(rule);
  }
  return rules;
}
