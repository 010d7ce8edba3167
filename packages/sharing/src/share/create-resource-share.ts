import { ApiError, defineOperation, newResourceShareId, optional, optionalRecords, parseId } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { onShares } from "../resource-name.ts";
import {
  type Accounts,
  assertPermissions,
  assertServed,
  assertTargets,
  findShareable,
  namedResources,
} from "./entities.ts";
import { letIn } from "./let-in.ts";
import {
  allowExternalTargets,
  permissionNames,
  resourceArns,
  resources,
  shareName,
  targets,
  unservedParameters,
} from "./share-parameters.ts";
import { insertAssociation, insertShare, listOwnShareIds, touchedShare } from "./share-repository.ts";
import { shareView, toShareView } from "./share-view.ts";

/** Most shares of one account. Nothing is published about it. */
export const MAX_SHARES = 100;

export function createResourceShare(accounts: Accounts) {
  return defineOperation({
    ...resourceSharing,
    name: "CreateResourceShare",
    summary: "Shares KMS instances of the account with others of the deployment, in force at once and everywhere.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      ResourceShareName: shareName,
      Resources: resources,
      ResourceArns: resourceArns,
      Targets: targets,
      PermissionNames: permissionNames,
      AllowExternalTargets: allowExternalTargets,
      ...unservedParameters,
      ResourceGroupId: optional({ schema: z.string(), description: "A resource group. There are none: not served." }),
      Tag: optionalRecords({ schema: z.unknown(), description: "The share's tags. Not served." }),
    },
    result: z.object({ ResourceShare: shareView }),
    recordedResult: [],
    errors: [
      "UnsupportedOperation",
      "InvalidParameter.Resources",
      "InvalidTarget",
      "EntityNotExists.Permission",
      "ShareWithYourself",
      "QuotaExceeded.ResourceShare.Count",
      "QuotaExceeded.SharedResource.Count",
    ],
    target(_context, { ResourceProperties, TargetProperties, ResourceGroupId, Tag }) {
      assertServed({ ResourceProperties, TargetProperties, ResourceGroupId, Tag });
    },
    access: (context) => [onShares(context, "CreateResourceShare")],
    async handle(context, parameters) {
      const { ResourceShareName: name, AllowExternalTargets: allowsExternal = false, Targets = [] } = parameters;
      const { now, principal } = context;
      assertPermissions(parameters.PermissionNames);
      const instances = await findShareable(context, namedResources(context, parameters));
      await assertTargets(context, accounts, Targets);
      const accountId = parseId("Account", principal.accountId);
      if ((await listOwnShareIds(context, accountId)).length >= MAX_SHARES) {
        throw new ApiError("QuotaExceeded.ResourceShare.Count");
      }
      const id = newResourceShareId();
      const share = { id, accountId, name, allowsExternal };
      const instanceIds = instances.map((instance) => instance.id);
      const { changes, touched } = await letIn(context, { id, instanceIds, accountIds: Targets });
      context.about("ACS::ResourceSharing::ResourceShare", id);
      return {
        result: { ResourceShare: toShareView({ ...share, createdAt: now, updatedAt: now }) },
        changes: [
          insertShare(context, share),
          ...instanceIds.map((entityId) => insertAssociation(context, { shareId: id, type: "Resource", entityId })),
          ...Targets.map((entityId) => insertAssociation(context, { shareId: id, type: "Target", entityId })),
          ...changes,
        ],
        touched: [touchedShare(id), ...touched],
      };
    },
  });
}
