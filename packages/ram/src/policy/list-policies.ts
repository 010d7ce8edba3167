import { defineOperation, oneOf, optional, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { countAttachments, policyReferenceId } from "../attachment/attachment-repository.ts";
import { pagingParameters, pagingResult, toPage, toPaged, toPagingResult } from "../paging.ts";
import { onAll } from "../resource-name.ts";
import { tagList, toTagList, wantedTags } from "../tag/tag-parameters.ts";
import { listTagged, tagsByName } from "../tag/tag-repository.ts";
import type { WantedTag } from "../tag/tag.ts";
import { type PolicyDetails, toDetails } from "./load-policy.ts";
import { POLICY_TYPES, type PolicyType } from "./policy-parameters.ts";
import { listPolicies as readPolicies } from "./policy-repository.ts";
import { policySummary, toPolicySummary } from "./policy-view.ts";
import { systemPolicies } from "./system-policies.ts";

/** Largest page (Alibaba Cloud SDK, "ListPolicies"). */
const MAX_ITEMS = 1000;

export const listPolicies = defineOperation({
  ...ram,
  name: "ListPolicies",
  summary: "Lists the account's policies by name, its own ones first, then those of the system.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    PolicyType: optional({
      schema: oneOf(POLICY_TYPES),
      refusedAs: "InvalidParameter.PolicyType",
      description: "Custom or System for policies of that type only. Both by default.",
    }),
    ...pagingParameters({ maxItems: MAX_ITEMS }),
    Tag: wantedTags,
  },
  result: z.object({
    Policies: z.object({ Policy: z.array(policySummary.extend({ AttachmentCount: z.int(), Tags: tagList })) }),
    ...pagingResult,
  }),
  recordedResult: [],
  errors: ["InvalidParameter.PolicyType"],
  target: () => undefined,
  access: (context) => [onAll(context, "ram:ListPolicies", "policy")],
  async handle(context, parameters) {
    const { accountId } = context.principal;
    const page = toPage(parameters);
    const types = parameters.PolicyType === undefined ? POLICY_TYPES : [parameters.PolicyType];
    const policies = await read(context, { types, after: page.after, limit: page.size + 1, wanted: parameters.Tag });
    const paged = toPaged(page, policies, policyReferenceId);
    const counts = await countAttachments(context, { accountId, policies: paged.items });
    const own = paged.items.flatMap(({ type, name }) => (type === "Custom" ? [name] : []));
    const tags = await tagsByName(context, { accountId, type: "policy" }, own);
    return {
      result: {
        Policies: {
          Policy: paged.items.map((policy) => ({
            ...toPolicySummary(policy),
            AttachmentCount: counts.get(policyReferenceId(policy)) ?? 0,
            Tags: toTagList(policy.type === "Custom" ? tags.get(policy.name) : undefined),
          })),
        },
        ...toPagingResult(paged),
      },
    };
  },
});

/** Policies of these types after a place in the list: by type first, in the order of {@link POLICY_TYPES}. */
async function read(
  context: RequestContext,
  list: {
    readonly types: readonly PolicyType[];
    readonly after: string | undefined;
    readonly limit: number;
    readonly wanted: readonly WantedTag[] | undefined;
  },
): Promise<readonly PolicyDetails[]> {
  const { types, after = "Custom/", limit, wanted } = list;
  const { accountId } = context.principal;
  const slash = after.indexOf("/");
  const [afterType, afterName] = [after.slice(0, slash), after.slice(slash + 1)];
  const policies: PolicyDetails[] = [];
  if (types.includes("Custom") && afterType !== "System") {
    const names = wanted && (await listTagged(context, { accountId, type: "policy" }, wanted));
    policies.push(...(await readPolicies(context, { accountId, after: afterName, limit, names })).map(toDetails));
  }
  // System policies have no tags.
  if (types.includes("System") && wanted === undefined) {
    for (const [name, policy] of systemPolicies) {
      if (afterType === "System" && name <= afterName) continue;
      policies.push({ type: "System", ...policy, defaultVersion: policy.version });
    }
  }
  return policies.slice(0, limit);
}
