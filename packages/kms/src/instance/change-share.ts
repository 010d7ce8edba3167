import type { ErrorCode, RequestContext, RowChange, Touched } from "@cinnabar/kernel";
import { changeAccessOf } from "./instance-access.ts";
import { type StoredInstance, touchedInstance } from "./instance-repository.ts";

/**
 * Has a resource share let these accounts into the instance and no others from now on: in the control transaction of whatever
 * changes the share. An account that no share lets in any more reaches nothing of it, on every node.
 *
 * @param share.refusedAs - the code where the instance's Access Management Quota has no room for an account.
 * @throws ApiError with that code.
 */
export async function changeShare(
  context: RequestContext,
  instance: StoredInstance,
  share: { readonly id: string; readonly accountIds: readonly string[]; readonly refusedAs: ErrorCode },
): Promise<{ readonly changes: readonly RowChange[]; readonly touched: readonly Touched[] }> {
  const { id, accountIds, refusedAs } = share;
  const changes = await changeAccessOf(context, instance, { source: { type: "share", id }, accountIds, refusedAs });
  return { changes, touched: [touchedInstance(instance.id)] };
}
