import type { RequestContext, ResourceShareId, RowChange, Touched } from "@cinnabar/kernel";
import { changeShare, instanceKind } from "@cinnabar/kms";

/** What must be written, and what others forget. */
export interface Changed {
  readonly changes: readonly RowChange[];
  readonly touched: readonly Touched[];
}

/**
 * Has a share let these accounts into these instances, and nobody else. An instance that is no more is left out.
 *
 * @throws ApiError `QuotaExceeded.SharedResource.Count` where an instance's Access Management Quota has no room.
 */
export async function letIn(
  context: RequestContext,
  share: {
    readonly id: ResourceShareId;
    readonly instanceIds: readonly string[];
    readonly accountIds: readonly string[];
  },
): Promise<Changed> {
  const { id, accountIds } = share;
  const changes: RowChange[] = [];
  const touched: Touched[] = [];
  for (const instanceId of share.instanceIds) {
    const instance = await context.find(instanceKind, instanceId);
    if (instance === undefined) continue;
    const changed = await changeShare(context, instance, {
      id,
      accountIds,
      refusedAs: "QuotaExceeded.SharedResource.Count",
    });
    changes.push(...changed.changes);
    touched.push(...changed.touched);
  }
  return { changes, touched };
}
