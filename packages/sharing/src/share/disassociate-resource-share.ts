import { ApiError, defineOperation, ERRORS, optional, unsupportedParameter } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { associationView, toAssociationView } from "../association/association-view.ts";
import { onShare } from "../resource-name.ts";
import { namedResources } from "./entities.ts";
import { findOwnShare } from "./find-share.ts";
import { letIn } from "./let-in.ts";
import { resourceArns, resources, shareId, targets } from "./share-parameters.ts";
import { type Association, changeShareRow, deleteAssociation, type Share, touchedShare } from "./share-repository.ts";

export const disassociateResourceShare = defineOperation({
  ...resourceSharing,
  name: "DisassociateResourceShare",
  summary: "Takes resources or targets out of a resource share: they are let in by it no more, on any node.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ResourceShareId: shareId,
    ResourceOwner: optional({
      schema: z.enum(["Self", "OtherAccounts"], { error: "It must be Self or OtherAccounts." }),
      description: "Whose the share is: Self, by default. A target does not leave by itself.",
    }),
    Resources: resources,
    ResourceArns: resourceArns,
    Targets: targets,
  },
  result: z.object({ ResourceShareAssociations: z.array(associationView) }),
  recordedResult: [],
  errors: [
    "UnsupportedOperation",
    "EntityNotExists.ResourceShare",
    "ResourceAndTargetBothEmpty",
    "InvalidParameter.Resources",
    "DisassociateInvalid",
  ],
  target(context, { ResourceShareId, ResourceOwner }) {
    if (ResourceOwner === "OtherAccounts") throw unsupportedParameter("ResourceOwner OtherAccounts");
    return findOwnShare(context, ResourceShareId);
  },
  access: (context, { id }) => [onShare(context, "DisassociateResourceShare", id)],
  async handle(context, parameters, share) {
    const { id, resources, targets } = share;
    const { Targets = [] } = parameters;
    const named = namedResources(context, parameters);
    if (named.length + Targets.length === 0) throw new ApiError("ResourceAndTargetBothEmpty");
    const removed = [...select(resources, named), ...select(targets, Targets)];
    const staying = (standing: readonly Association[]): readonly string[] =>
      standing.filter((association) => !removed.includes(association)).map(({ entityId }) => entityId);
    const changed = [
      await letIn(context, { id, instanceIds: staying(resources), accountIds: staying(targets) }),
      await letIn(context, { id, instanceIds: entityIds(removed, "Resource"), accountIds: [] }),
    ];
    return {
      result: { ResourceShareAssociations: removed.map((association) => toEnded(context, share, association)) },
      changes: [
        ...removed.map((association) => deleteAssociation(context, association)),
        changeShareRow(context, share),
        ...changed.flatMap(({ changes }) => changes),
      ],
      touched: [touchedShare(id), ...changed.flatMap(({ touched }) => touched)],
    };
  },
});

/** @throws {@link ApiError} `DisassociateInvalid` if one does not belong to the share. */
function select(standing: readonly Association[], ids: readonly string[]): readonly Association[] {
  return ids.map((id) => {
    const found = standing.find(({ entityId }) => entityId === id);
    if (found !== undefined) return found;
    throw new ApiError(
      "DisassociateInvalid",
      `${ERRORS.DisassociateInvalid.message} ${id} does not belong to the share.`,
    );
  });
}

function entityIds(associations: readonly Association[], wanted: Association["type"]): readonly string[] {
  return associations.filter(({ type }) => type === wanted).map(({ entityId }) => entityId);
}

function toEnded({ region, now }: { readonly region: string; readonly now: number }, share: Share, ended: Association) {
  return toAssociationView(region, share, { ...ended, updatedAt: now, status: "Disassociated" });
}
