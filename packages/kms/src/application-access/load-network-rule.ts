import { ApiError, proceed, type RequestContext } from "@cinnabar/kernel";
import { networkRules, type StoredNetworkRule } from "./network-rule-repository.ts";

/** What a call about a network rule of the caller's account is about. */
export interface NetworkRuleTarget {
  readonly resource: "network";
  readonly name: string;
  readonly rule: StoredNetworkRule;
}

/** @throws ApiError `Forbidden.ResourceNotFound`. */
export function loadNetworkRule(context: RequestContext, name: string): NetworkRuleTarget | Promise<NetworkRuleTarget> {
  return proceed(networkRules.find(context, { accountId: context.principal.accountId, name }), (rule) => {
    if (rule === undefined) throw new ApiError("Forbidden.ResourceNotFound");
    return { resource: "network", name, rule };
  });
}
