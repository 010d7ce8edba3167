import { defineOperation, optional } from "@cinnabar/kernel";
import { instanceArn } from "@cinnabar/kms";
import { z } from "zod";
import { formatInstant, resourceSharing } from "../api.ts";
import { pagingParameters, pagingResult, toPage } from "../paging.ts";
import { onShares } from "../resource-name.ts";
import { listShares } from "../share/list-shares.ts";
import { comparedText, resourceOwner, resourceType, shareIds, targets } from "../share/share-parameters.ts";

export const listSharedTargets = defineOperation({
  ...resourceSharing,
  name: "ListSharedTargets",
  summary: "Lists the accounts that the account shares resources with, or that share theirs with it.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    ResourceOwner: resourceOwner,
    ResourceShareIds: shareIds,
    ResourceId: optional({ schema: comparedText, description: "Only of shares with this resource." }),
    ResourceArn: optional({ schema: comparedText, description: "The same by its ARN." }),
    ResourceType: resourceType,
    Targets: targets,
    ...pagingParameters,
  },
  result: z.object({
    SharedTargets: z.array(
      z.object({
        ResourceShareId: z.string(),
        TargetId: z.string(),
        External: z.boolean(),
        CreateTime: z.string(),
        UpdateTime: z.string(),
      }),
    ),
    ...pagingResult,
  }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onShares(context, "ListSharedTargets")],
  async handle(context, parameters) {
    const { ResourceOwner: owner, ResourceShareIds: ids, ResourceId, ResourceArn, Targets } = parameters;
    const { region } = context;
    const shares = await listShares(context, { owner, ids });
    const found = shares
      .filter(({ accountId, resources }) => {
        const arns = resources.map(({ entityId }) => instanceArn({ region, accountId }, entityId));
        const hasResource = ResourceId === undefined || resources.some(({ entityId }) => entityId === ResourceId);
        return hasResource && (ResourceArn === undefined || arns.includes(ResourceArn));
      })
      .flatMap(({ id: shareId, accountId, createdAt, targets: own }) =>
        owner === "Self"
          ? own.map((target) => ({ shareId, id: target.entityId, createdAt: target.createdAt }))
          : [{ shareId, id: accountId, createdAt }],
      )
      .filter(({ id }) => Targets?.includes(id) ?? true);
    const { items, token } = toPage(found, parameters, ({ shareId, id }) => `${shareId}/${id}`);
    const views = items.map(({ shareId, id, createdAt }) => ({
      ResourceShareId: shareId,
      TargetId: id,
      External: false,
      CreateTime: formatInstant(createdAt),
      UpdateTime: formatInstant(createdAt),
    }));
    return { result: { SharedTargets: views, ...token } };
  },
});
