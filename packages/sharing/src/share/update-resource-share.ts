import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { onShare } from "../resource-name.ts";
import { findOwnShare } from "./find-share.ts";
import { allowExternalTargets, shareId, shareName } from "./share-parameters.ts";
import { changeShareRow, touchedShare } from "./share-repository.ts";
import { shareView, toShareView } from "./share-view.ts";

export const updateResourceShare = defineOperation({
  ...resourceSharing,
  name: "UpdateResourceShare",
  summary: "Gives a resource share another name.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ResourceShareId: shareId,
    ResourceShareName: shareName,
    AllowExternalTargets: allowExternalTargets,
  },
  result: z.object({ ResourceShare: shareView }),
  recordedResult: [],
  errors: ["EntityNotExists.ResourceShare"],
  target: (context, { ResourceShareId }) => findOwnShare(context, ResourceShareId),
  access: (context, { id }) => [onShare(context, "UpdateResourceShare", id)],
  handle(context, { ResourceShareName: name, AllowExternalTargets }, share) {
    const { allowsExternal = share.allowsExternal } = { allowsExternal: AllowExternalTargets };
    const next = { ...share, name, allowsExternal, updatedAt: context.now };
    return {
      result: { ResourceShare: toShareView(next) },
      changes: [changeShareRow(context, share, { name, allowsExternal })],
      touched: [touchedShare(share.id)],
    };
  },
});
