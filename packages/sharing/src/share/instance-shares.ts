import type { RowChange, Touched } from "@cinnabar/kernel";
import type { InstanceShares } from "@cinnabar/kms";
import { changeShareRow, deleteAssociation, listHoldingShareIds, shareKind, touchedShare } from "./share-repository.ts";

export const instanceShares: InstanceShares = {
  async takeOut(context, { id }) {
    const changes: RowChange[] = [];
    const touched: Touched[] = [];
    for (const shareId of await listHoldingShareIds(context, id)) {
      const share = await context.find(shareKind, shareId);
      const association = share?.resources.find(({ entityId }) => entityId === id);
      if (share === undefined || association === undefined) continue;
      changes.push(deleteAssociation(context, association), changeShareRow(context, share));
      touched.push(touchedShare(share.id));
    }
    return { changes, touched };
  },
};
