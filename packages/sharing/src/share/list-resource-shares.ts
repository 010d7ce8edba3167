import { defineOperation, type ErrorCode, oneOf, optional, optionalRecords } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { pagingParameters, pagingResult, toPage } from "../paging.ts";
import { PERMISSION } from "../permission/permission.ts";
import { onShares } from "../resource-name.ts";
import { assertServed } from "./entities.ts";
import { listShares } from "./list-shares.ts";
import { comparedText, resourceOwner, shareIds } from "./share-parameters.ts";
import { shareView, toShareView } from "./share-view.ts";

const MAX_NAME_CHARACTERS = 50;

export const listResourceShares = defineOperation({
  ...resourceSharing,
  name: "ListResourceShares",
  summary: "Lists the account's resource shares, or those that it is a target of.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    ResourceOwner: resourceOwner,
    ResourceShareIds: shareIds,
    ResourceShareName: optional({
      schema: z.string().max(MAX_NAME_CHARACTERS, `It must have at most ${MAX_NAME_CHARACTERS} characters.`),
      refusedAs: (): ErrorCode => "InvalidParameter.ResourceShareName.Length",
      description: "Only shares of this name.",
    }),
    ResourceShareStatus: optional({
      schema: oneOf(["Active", "Pending", "Deleting", "Deleted"]),
      refusedAs: "InvalidParameter.ResourceShareStatus",
      description: "Only shares of this status. All are Active: what is asked for is done when it is answered.",
    }),
    PermissionName: optional({ schema: comparedText, description: "Only shares with this permission." }),
    ResourceGroupId: optional({ schema: z.string(), description: "A resource group. There are none: not served." }),
    Tag: optionalRecords({ schema: z.unknown(), description: "Only shares with these tags. Not served." }),
    ...pagingParameters,
  },
  result: z.object({ ResourceShares: z.array(shareView), ...pagingResult }),
  recordedResult: [],
  errors: ["UnsupportedOperation"],
  target: (_context, { ResourceGroupId, Tag }) => assertServed({ ResourceGroupId, Tag }),
  access: (context) => [onShares(context, "ListResourceShares")],
  async handle(context, parameters) {
    const { ResourceOwner: owner, ResourceShareIds: ids, ResourceShareName: name } = parameters;
    const { ResourceShareStatus: status = "Active", PermissionName: permission = PERMISSION.name } = parameters;
    const shares = await listShares(context, { owner, ids });
    const isWanted = status === "Active" && permission === PERMISSION.name;
    const wanted = shares.filter((share) => isWanted && (name === undefined || share.name === name));
    const { items, token } = toPage(wanted, parameters, ({ id }) => id);
    return { result: { ResourceShares: items.map(toShareView), ...token } };
  },
});
