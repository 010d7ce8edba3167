import type { ConditionSource } from "@cinnabar/policy";
import type { AuthorizationContext } from "./authorizer.ts";
import type { AccessRequest } from "./operation.ts";
import { hasMfa, type Principal } from "./principal.ts";

type CallFacts = Pick<AuthorizationContext, "principal" | "now" | "isSecure" | "sourceAddress">;
type RequestFacts = Pick<AccessRequest, "action" | "conditions" | "tags">;

/** The condition keys of a call that asks for a right, each made up when a policy asks for it. */
export function conditionsOf(call: CallFacts, request: RequestFacts): ConditionSource {
  return new RequestConditions(call, request);
}

const RESOURCE_TAG = "acs:resourcetag/";

class RequestConditions implements ConditionSource {
  readonly #call: CallFacts;
  readonly #request: RequestFacts;

  constructor(call: CallFacts, request: RequestFacts) {
    this.#call = call;
    this.#request = request;
  }

  get(key: string): string | readonly string[] | undefined {
    const { principal, now, isSecure, sourceAddress } = this.#call;
    switch (key) {
      case "acs:currenttime":
        return new Date(now).toISOString();
      case "acs:securetransport":
        return String(isSecure);
      case "acs:sourceip":
        return sourceAddress;
      case "acs:mfapresent":
        return String(hasMfa(principal));
      case "acs:principalarn":
        return principalArn(principal);
      default:
        return this.#request.conditions?.get(key) ?? this.#tag(key);
    }
  }

  /** A tag of the resource is `acs:ResourceTag/<key>`, and by its product's own name `kms:tag/<key>`. */
  #tag(key: string): string | undefined {
    const { action, tags } = this.#request;
    if (tags === undefined || tags.size === 0) return undefined;
    const own = `${action.slice(0, action.indexOf(":"))}:tag/`;
    for (const prefix of [RESOURCE_TAG, own]) if (key.startsWith(prefix)) return tags.get(key.slice(prefix.length));
    return undefined;
  }
}

/** A session goes by the ARN of its role, whatever it is called (Alibaba Cloud Resource Directory, "Overview of control policies"). */
function principalArn(principal: Principal): string {
  if (principal.type !== "assumed-role") return principal.arn;
  return `acs:ram::${principal.accountId}:role/${principal.roleName}`;
}
