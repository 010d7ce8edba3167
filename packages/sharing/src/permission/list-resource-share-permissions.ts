import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, resourceSharing } from "../api.ts";
import { pagingParameters, pagingResult, toPage } from "../paging.ts";
import { onShares } from "../resource-name.ts";
import { listShares } from "../share/list-shares.ts";
import { resourceOwner, shareId } from "../share/share-parameters.ts";
import { PERMISSION } from "./permission.ts";

export const listResourceSharePermissions = defineOperation({
  ...resourceSharing,
  name: "ListResourceSharePermissions",
  summary: "Lists what a resource share permits its targets.",
  kind: "read",
  readWrite: "Read",
  parameters: { ResourceShareId: shareId, ResourceOwner: resourceOwner, ...pagingParameters },
  result: z.object({
    Permissions: z.array(
      z.object({
        PermissionName: z.string(),
        PermissionVersion: z.string(),
        DefaultVersion: z.boolean(),
        DefaultPermission: z.boolean(),
        ResourceType: z.string(),
        CreateTime: z.string(),
        UpdateTime: z.string(),
      }),
    ),
    ...pagingResult,
  }),
  recordedResult: [],
  errors: ["EntityNotExists.ResourceShare"],
  target: () => undefined,
  access: (context) => [onShares(context, "ListResourceSharePermissions")],
  async handle(context, parameters) {
    const { ResourceOwner: owner, ResourceShareId: id } = parameters;
    const [share] = await listShares(context, { owner, ids: [id] });
    if (share === undefined) throw new ApiError("EntityNotExists.ResourceShare");
    const permission = {
      PermissionName: PERMISSION.name,
      PermissionVersion: PERMISSION.version,
      DefaultVersion: true,
      DefaultPermission: true,
      ResourceType: PERMISSION.resourceType,
      CreateTime: formatInstant(share.createdAt),
      UpdateTime: formatInstant(share.createdAt),
    };
    // It comes with the first resource.
    const all = share.resources.length === 0 ? [] : [permission];
    const { items, token } = toPage(all, parameters, ({ PermissionName }) => PermissionName);
    return { result: { Permissions: [...items], ...token } };
  },
});
