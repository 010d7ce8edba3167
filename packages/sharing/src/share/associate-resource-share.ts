import { ApiError, defineOperation, ERRORS } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { associationView, toAssociationView } from "../association/association-view.ts";
import { onShare } from "../resource-name.ts";
import {
  type Accounts,
  assertPermissions,
  assertServed,
  assertTargets,
  findShareable,
  namedResources,
} from "./entities.ts";
import { findOwnShare } from "./find-share.ts";
import { letIn } from "./let-in.ts";
import { permissionNames, resourceArns, resources, shareId, targets, unservedParameters } from "./share-parameters.ts";
import { type Association, changeShareRow, insertAssociation, touchedShare } from "./share-repository.ts";

/** Most resources and most targets of one share. Nothing is published about it. */
const MAX_ASSOCIATIONS = 100;

export function associateResourceShare(accounts: Accounts) {
  return defineOperation({
    ...resourceSharing,
    name: "AssociateResourceShare",
    summary: "Adds resources or targets to a resource share, in force at once and everywhere.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      ResourceShareId: shareId,
      Resources: resources,
      ResourceArns: resourceArns,
      Targets: targets,
      PermissionNames: permissionNames,
      ...unservedParameters,
    },
    result: z.object({ ResourceShareAssociations: z.array(associationView) }),
    recordedResult: [],
    errors: [
      "UnsupportedOperation",
      "EntityNotExists.ResourceShare",
      "ResourceAndTargetBothEmpty",
      "InvalidParameter.Resources",
      "InvalidTarget",
      "EntityNotExists.Permission",
      "ShareWithYourself",
      "QuotaExceeded.SharedResource.Count",
    ],
    target(context, { ResourceShareId, ResourceProperties, TargetProperties }) {
      assertServed({ ResourceProperties, TargetProperties });
      return findOwnShare(context, ResourceShareId);
    },
    access: (context, { id }) => [onShare(context, "AssociateResourceShare", id)],
    async handle(context, parameters, share) {
      const { id } = share;
      const { Targets = [] } = parameters;
      const named = namedResources(context, parameters);
      if (named.length + Targets.length === 0) throw new ApiError("ResourceAndTargetBothEmpty");
      assertPermissions(parameters.PermissionNames);
      const instances = await findShareable(context, named);
      await assertTargets(context, accounts, Targets);
      const added = [
        ...further(
          share.resources,
          "Resource",
          instances.map((instance) => instance.id),
        ),
        ...further(share.targets, "Target", Targets),
      ];
      const all = (type: Association["type"], standing: readonly Association[]): readonly string[] => [
        ...standing.map(({ entityId }) => entityId),
        ...added.filter((association) => association.type === type).map(({ entityId }) => entityId),
      ];
      const instanceIds = all("Resource", share.resources);
      const accountIds = all("Target", share.targets);
      if (Math.max(instanceIds.length, accountIds.length) > MAX_ASSOCIATIONS) throw tooMany();
      const { changes, touched } = await letIn(context, { id, instanceIds, accountIds });
      const associations = added.map((association) => ({ ...association, createdAt: context.now }));
      return {
        result: {
          ResourceShareAssociations: associations.map((association) =>
            toAssociationView(context.region, share, association),
          ),
        },
        ...(added.length > 0 && {
          changes: [
            ...added.map((association) => insertAssociation(context, { shareId: id, ...association })),
            changeShareRow(context, share),
            ...changes,
          ],
          touched: [touchedShare(id), ...touched],
        }),
      };
    },
  });
}

/** Those that do not belong to the share yet. */
function further(
  standing: readonly Association[],
  type: Association["type"],
  ids: readonly string[],
): readonly Pick<Association, "type" | "entityId">[] {
  const known = new Set(standing.map(({ entityId }) => entityId));
  return ids.filter((id) => !known.has(id)).map((entityId) => ({ type, entityId }));
}

function tooMany(): ApiError {
  const code = "QuotaExceeded.SharedResource.Count";
  return new ApiError(
    code,
    `${ERRORS[code].message} A share has at most ${MAX_ASSOCIATIONS} resources and as many targets.`,
  );
}
