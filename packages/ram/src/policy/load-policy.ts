import { ApiError, type RequestContext } from "@cinnabar/kernel";
import type { PolicyReference } from "../attachment/attachment-repository.ts";
import { findPolicy, findVersion, listVersions, type StoredPolicy } from "./policy-repository.ts";
import { systemPolicies } from "./system-policies.ts";

/** A policy of either type, without what it says. */
export interface PolicyDetails extends PolicyReference {
  readonly description: string;
  readonly defaultVersion: number;
  /** In milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One version of a policy of either type. */
export interface PolicyVersion {
  readonly version: number;
  readonly document: string;
  /** In milliseconds since 1970. */
  readonly createdAt: number;
}

/** A custom policy of the caller's account. @throws {@link ApiError} `EntityNotExist.Policy` */
export async function loadCustomPolicy(context: RequestContext, name: string): Promise<StoredPolicy> {
  const policy = await findPolicy(context, { accountId: context.principal.accountId, name });
  if (policy === undefined) throw new ApiError("EntityNotExist.Policy");
  context.about("ACS::RAM::Policy", name);
  context.note({ policyRevision: policy.stored.revision });
  return policy;
}

/** A policy of either type as the caller's account has it. @throws {@link ApiError} `EntityNotExist.Policy` */
export async function loadPolicy(context: RequestContext, { type, name }: PolicyReference): Promise<PolicyDetails> {
  if (type === "Custom") return toDetails(await loadCustomPolicy(context, name));
  const policy = systemPolicies.get(name);
  if (policy === undefined) throw new ApiError("EntityNotExist.Policy");
  context.about("ACS::RAM::Policy", name);
  return { type, ...policy, defaultVersion: policy.version };
}

export function toDetails(policy: StoredPolicy): PolicyDetails {
  return { type: "Custom", ...policy };
}

/** Every version of a policy that was just loaded, the oldest first. */
export async function loadVersions(
  context: RequestContext,
  { type, name }: PolicyReference,
): Promise<readonly PolicyVersion[]> {
  if (type === "Custom") return listVersions(context, { accountId: context.principal.accountId, name });
  const policy = systemPolicies.get(name);
  return policy === undefined ? [] : [{ ...policy, createdAt: policy.updatedAt }];
}

/** One version of a policy that was just loaded. @throws {@link ApiError} `EntityNotExist.Policy.Version` */
export async function loadPolicyVersion(
  context: RequestContext,
  policy: PolicyReference,
  version: number,
): Promise<PolicyVersion> {
  const found =
    policy.type === "Custom"
      ? await findVersion(context, { accountId: context.principal.accountId, name: policy.name }, version)
      : (await loadVersions(context, policy)).find((known) => known.version === version);
  if (found === undefined) throw new ApiError("EntityNotExist.Policy.Version");
  return found;
}
