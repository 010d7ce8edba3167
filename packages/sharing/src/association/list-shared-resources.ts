import { defineOperation, optional, optionalList } from "@cinnabar/kernel";
import { instanceArn, instanceKind } from "@cinnabar/kms";
import { z } from "zod";
import { formatInstant, resourceSharing } from "../api.ts";
import { pagingParameters, pagingResult, toPage } from "../paging.ts";
import { PERMISSION } from "../permission/permission.ts";
import { onShares } from "../resource-name.ts";
import { listShares } from "../share/list-shares.ts";
import {
  comparedText,
  entityList,
  refusedListAs,
  resourceOwner,
  resourceType,
  shareIds,
} from "../share/share-parameters.ts";

export const listSharedResources = defineOperation({
  ...resourceSharing,
  name: "ListSharedResources",
  summary: "Lists the resources that the account shares, or that are shared with it.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    ResourceOwner: resourceOwner,
    ResourceShareIds: shareIds,
    ResourceIds: optionalList({
      schema: entityList,
      refusedAs: refusedListAs("ResourceIds"),
      description: "Only these resources: at most 5 ids.",
    }),
    ResourceArns: optionalList({
      schema: entityList,
      refusedAs: refusedListAs("ResourceIds"),
      description: "The same by their ARNs.",
    }),
    ResourceType: resourceType,
    Target: optional({
      schema: comparedText,
      description: "Only what is shared with this account or, with ResourceOwner OtherAccounts, by it.",
    }),
    ...pagingParameters,
  },
  result: z.object({
    SharedResources: z.array(
      z.object({
        ResourceShareId: z.string(),
        ResourceId: z.string(),
        ResourceArn: z.string(),
        ResourceType: z.string(),
        ResourceStatus: z.string(),
        CreateTime: z.string(),
        UpdateTime: z.string(),
      }),
    ),
    ...pagingResult,
  }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onShares(context, "ListSharedResources")],
  async handle(context, parameters) {
    const { ResourceOwner: owner, ResourceShareIds: ids, ResourceIds, ResourceArns, Target } = parameters;
    const shares = await listShares(context, { owner, ids });
    const isWith = (account: string) => (share: (typeof shares)[number]) =>
      owner === "Self" ? share.targets.some(({ entityId }) => entityId === account) : share.accountId === account;
    const resources = shares
      .filter(Target === undefined ? () => true : isWith(Target))
      .flatMap((share) =>
        share.resources.map(({ entityId: id, createdAt }) => {
          const arn = instanceArn({ region: context.region, accountId: share.accountId }, id);
          return { shareId: share.id, id, arn, createdAt };
        }),
      )
      .filter(({ id, arn }) => (ResourceIds?.includes(id) ?? true) && (ResourceArns?.includes(arn) ?? true));
    const { items, token } = toPage(resources, parameters, ({ shareId, id }) => `${shareId}/${id}`);
    const views = items.map(async ({ shareId, id, arn, createdAt }) => ({
      ResourceShareId: shareId,
      ResourceId: id,
      ResourceArn: arn,
      ResourceType: PERMISSION.resourceType,
      ResourceStatus: (await context.find(instanceKind, id)) === undefined ? "Unavailable" : "Available",
      CreateTime: formatInstant(createdAt),
      UpdateTime: formatInstant(createdAt),
    }));
    return { result: { SharedResources: await Promise.all(views), ...token } };
  },
});
