import type { RequestContext } from "@cinnabar/kernel";
import { listJoinedShareIds, listOwnShareIds, type Share, shareKind } from "./share-repository.ts";

/** Whose shares are asked for: the caller's, or those that it is a target of. */
export type ResourceOwner = "Self" | "OtherAccounts";

/** The shares that the caller's account owns, or is a target of, in the order of their ids. */
export async function listShares(
  context: RequestContext,
  { owner, ids }: { readonly owner: ResourceOwner; readonly ids?: readonly string[] | undefined },
): Promise<readonly Share[]> {
  const { accountId } = context.principal;
  const all =
    owner === "Self" ? await listOwnShareIds(context, accountId) : await listJoinedShareIds(context, accountId);
  const wanted = ids === undefined ? all : all.filter((id) => ids.includes(id));
  const shares = await Promise.all(wanted.map(async (id) => context.find(shareKind, id)));
  const isTheirs = (share: Share): boolean =>
    owner === "Self" ? share.accountId === accountId : share.targets.some(({ entityId }) => entityId === accountId);
  return shares.filter((share) => share !== undefined).filter(isTheirs);
}
