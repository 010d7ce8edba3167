import {
  ApiError,
  booleanText,
  conditionsOf,
  ERRORS,
  optional,
  type Principal,
  type RequestContext,
  rootPrincipal,
  toPolicyPrincipal,
} from "@cinnabar/kernel";
import { decidePartially, type PartialDecision, PolicySet } from "@cinnabar/policy";
import { keyArn } from "../resource-name.ts";
import type { KeyPolicy } from "./key-policy.ts";

/** Whoever has this right on a key can give itself all others. */
const ACTION = "kms:SetKeyPolicy";
const CODE = "Rejected.PolicyLockout";
const NO_POLICIES = new PolicySet([]);
const TAG = /^(?:kms:tag|acs:resourcetag)\//;

/** The parameter that says that a policy is meant as it is. Cinnabar's own. */
export const lockoutParameters = {
  ConfirmLockout: optional({
    schema: booleanText,
    description: "Whether to set the policy although it may keep everybody from changing it again. false by default.",
  }),
};

/**
 * Refuses a policy after which perhaps nobody could manage the key: it denies the root of the key's account to set another
 * one, and does not allow it by itself to the caller either; both as this very call is made, for good, and whatever tags the
 * key has: others may give it some, and take them.
 *
 * @throws {@link ApiError} `Rejected.PolicyLockout`.
 */
export function assertManageable(
  context: RequestContext,
  policy: KeyPolicy,
  key: { readonly accountId: string; readonly id: string },
): void {
  const { principal } = context;
  const root = rootPrincipal({ ...key, accessKeyId: "" });
  if (isForGood(decideBy(context, { policy, key, principal: root }))) return;
  if (principal.accountId === key.accountId && isForGood(decideBy(context, { policy, key, principal }))) return;
  throw new ApiError(CODE, `${ERRORS[CODE].message} If that is meant, send ConfirmLockout=true.`);
}

function isForGood({ allowed, window }: PartialDecision): boolean {
  return allowed === true && window?.until === undefined;
}

/** Whether the policy alone lets the principal set another one, under the conditions of this call and with any tags. */
function decideBy(
  { now, isSecure, sourceAddress, region }: RequestContext,
  {
    policy,
    key,
    principal,
  }: {
    readonly policy: KeyPolicy;
    readonly key: { readonly accountId: string; readonly id: string };
    readonly principal: Principal;
  },
): PartialDecision {
  const resource = keyArn({ region, accountId: key.accountId }, key.id);
  const conditions = conditionsOf({ principal, now, isSecure, sourceAddress }, { action: ACTION });
  const request = { action: ACTION, resource, principal: toPolicyPrincipal(principal), conditions };
  const input = {
    request,
    resourceAccountId: key.accountId,
    identity: NO_POLICIES,
    resourcePolicy: policy.statements,
  };
  return decidePartially(input, (name) => TAG.test(name));
}
