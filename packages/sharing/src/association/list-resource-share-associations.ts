import { ApiError, defineOperation, oneOf, optional, required } from "@cinnabar/kernel";
import { instanceArn } from "@cinnabar/kms";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { pagingParameters, pagingResult, toPage } from "../paging.ts";
import { onShares } from "../resource-name.ts";
import { listShares } from "../share/list-shares.ts";
import { comparedText, shareIds } from "../share/share-parameters.ts";
import { associationView, toAssociationView } from "./association-view.ts";

export const listResourceShareAssociations = defineOperation({
  ...resourceSharing,
  name: "ListResourceShareAssociations",
  summary: "Lists what belongs to the account's resource shares: resources, or targets.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    AssociationType: required({
      schema: z.enum(["Resource", "Target"], { error: "It must be Resource or Target." }),
      missingAs: "MissingParameter.AssociationType",
      refusedAs: "InvalidParameter.AssociationType",
      description: "Resource or Target.",
    }),
    AssociationStatus: optional({
      schema: oneOf(["Associating", "Associated", "Failed", "Disassociating", "Disassociated"]),
      refusedAs: "InvalidParameter.AssociationStatus",
      description: "Only those of this status. All are Associated: what is asked for is done when it is answered.",
    }),
    ResourceShareIds: shareIds,
    ResourceId: optional({
      schema: comparedText,
      description: "Only of this resource, with AssociationType Resource.",
    }),
    ResourceArn: optional({ schema: comparedText, description: "The same by its ARN." }),
    Target: optional({ schema: comparedText, description: "Only of this target, with AssociationType Target." }),
    ...pagingParameters,
  },
  result: z.object({ ResourceShareAssociations: z.array(associationView), ...pagingResult }),
  recordedResult: [],
  errors: ["ConflictedAssociationType"],
  target(_context, { AssociationType: type, ResourceId, ResourceArn, Target }) {
    const conflicts = type === "Resource" ? [Target] : [ResourceId, ResourceArn];
    if (conflicts.some((value) => value !== undefined)) throw new ApiError("ConflictedAssociationType");
  },
  access: (context) => [onShares(context, "ListResourceShareAssociations")],
  async handle(context, parameters) {
    const { AssociationType: type, AssociationStatus: status = "Associated", ResourceShareIds: ids } = parameters;
    const { region, principal } = context;
    const { ResourceId = parameters.Target, ResourceArn } = parameters;
    const place = { region, accountId: principal.accountId };
    const isWanted = (entityId: string): boolean =>
      status === "Associated" &&
      (ResourceId === undefined || ResourceId === entityId) &&
      (ResourceArn === undefined || ResourceArn === instanceArn(place, entityId));
    const shares = await listShares(context, { owner: "Self", ids });
    const associations = shares.flatMap((share) =>
      (type === "Resource" ? share.resources : share.targets)
        .filter(({ entityId }) => isWanted(entityId))
        .map((association) => ({ share, association })),
    );
    const { items, token } = toPage(
      associations,
      parameters,
      ({ share, association }) => `${share.id}/${association.entityId}`,
    );
    return {
      result: {
        ResourceShareAssociations: items.map(({ share, association }) => toAssociationView(region, share, association)),
        ...token,
      },
    };
  },
});
