import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { onShare } from "../resource-name.ts";
import { findOwnShare } from "./find-share.ts";
import { letIn } from "./let-in.ts";
import { shareId } from "./share-parameters.ts";
import { deleteAssociation, deleteShareRow, touchedShare } from "./share-repository.ts";

export const deleteResourceShare = defineOperation({
  ...resourceSharing,
  name: "DeleteResourceShare",
  summary: "Ends a resource share: from now on its targets reach nothing by it, on any node.",
  kind: "control",
  readWrite: "Write",
  parameters: { ResourceShareId: shareId },
  result: z.object({}),
  recordedResult: [],
  errors: ["EntityNotExists.ResourceShare"],
  target: (context, { ResourceShareId }) => findOwnShare(context, ResourceShareId),
  access: (context, { id }) => [onShare(context, "DeleteResourceShare", id)],
  async handle(context, _parameters, share) {
    const { id, resources, targets } = share;
    const instanceIds = resources.map(({ entityId }) => entityId);
    const { changes, touched } = await letIn(context, { id, instanceIds, accountIds: [] });
    return {
      result: {},
      changes: [
        ...changes,
        ...[...resources, ...targets].map((association) => deleteAssociation(context, association)),
        deleteShareRow(context, share),
      ],
      touched: [touchedShare(id), ...touched],
    };
  },
});
