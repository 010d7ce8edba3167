import { type Plan, type RequestContext, TamperedRowError } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import { toDetails } from "../policy/load-policy.ts";
import { findPolicy, policyTable } from "../policy/policy-repository.ts";
import { policySummary, toPolicySummary } from "../policy/policy-view.ts";
import { systemPolicies } from "../policy/system-policies.ts";
import type { AttachedKind } from "./attached-kind.ts";
import { attachmentsId, attachmentsKind, type PolicyReference } from "./attachment-repository.ts";

const attachedPolicy = policySummary.omit({ CreateDate: true, UpdateDate: true }).extend({ AttachDate: z.string() });

/** What the operations answer that list the policies of one user, group or role. */
export const attachedPolicies = z.object({ Policies: z.object({ Policy: z.array(attachedPolicy) }) });

/** At most 30 of them, so that they come as one page. */
export async function listAttachedPolicies(
  context: RequestContext,
  kind: AttachedKind,
  name: string,
): Promise<Plan<z.infer<typeof attachedPolicies>>> {
  const id = await kind.loadId(context, name);
  const attachments = await context.find(attachmentsKind, attachmentsId(kind.type, id));
  const policies: z.infer<typeof attachedPolicy>[] = [];
  for (const { policy, attachedAt } of attachments?.all ?? []) {
    const { CreateDate: _created, UpdateDate: _updated, ...summary } = await summarize(context, policy);
    policies.push({ ...summary, AttachDate: formatInstant(attachedAt) });
  }
  return { result: { Policies: { Policy: policies } } };
}

/** Of a policy that is attached: then it is there. */
async function summarize(
  context: RequestContext,
  { type, name }: PolicyReference,
): Promise<z.infer<typeof policySummary>> {
  if (type === "System") {
    const policy = systemPolicies.get(name);
    if (policy !== undefined) return toPolicySummary({ type, ...policy, defaultVersion: policy.version });
  } else {
    const policy = await findPolicy(context, { accountId: context.principal.accountId, name });
    if (policy !== undefined) return toPolicySummary(toDetails(policy));
  }
  throw new TamperedRowError(policyTable.name, "an attached policy is missing");
}
