import type { AccessRequest, RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { PolicyReference } from "../attachment/attachment-repository.ts";
import { onNamed } from "../resource-name.ts";
import type { PolicyDetails, PolicyVersion } from "./load-policy.ts";
import { toVersionId } from "./policy-version-id.ts";

/** What is said of every policy. */
export const policySummary = z.object({
  PolicyName: z.string(),
  PolicyType: z.string(),
  Description: z.string(),
  DefaultVersion: z.string(),
  CreateDate: z.string(),
  UpdateDate: z.string(),
});

export const policyVersion = z.object({
  VersionId: z.string(),
  IsDefaultVersion: z.boolean(),
  PolicyDocument: z.string(),
  CreateDate: z.string(),
});

export function toPolicySummary(policy: PolicyDetails): z.infer<typeof policySummary> {
  return {
    PolicyName: policy.name,
    PolicyType: policy.type,
    Description: policy.description,
    DefaultVersion: toVersionId(policy.defaultVersion),
    CreateDate: formatInstant(policy.createdAt),
    UpdateDate: formatInstant(policy.updatedAt),
  };
}

export function toPolicyVersion(
  { version, document, createdAt }: PolicyVersion,
  { defaultVersion }: Pick<PolicyDetails, "defaultVersion">,
): z.infer<typeof policyVersion> {
  return {
    VersionId: toVersionId(version),
    IsDefaultVersion: version === defaultVersion,
    PolicyDocument: document,
    CreateDate: formatInstant(createdAt),
  };
}

/** The right to do `action` to a policy. Those of the system are in every account's reach under the account `system`. */
export function onPolicy(context: RequestContext, action: string, { type, name }: PolicyReference): AccessRequest {
  const own = onNamed(context, action, { type: "policy", name });
  return type === "Custom" ? own : { ...own, resource: `acs:ram::system:policy/${name}` };
}
