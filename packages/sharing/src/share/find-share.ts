import { ApiError, type RequestContext } from "@cinnabar/kernel";
import { type Share, shareKind } from "./share-repository.ts";

/**
 * Finds a share of the caller's account, and says so in the event.
 *
 * @throws {@link ApiError} `EntityNotExists.ResourceShare`, also for another account's.
 */
export async function findOwnShare(context: RequestContext, id: string): Promise<Share> {
  const share = await context.find(shareKind, id);
  if (share?.accountId !== context.principal.accountId) throw new ApiError("EntityNotExists.ResourceShare");
  context.about("ACS::ResourceSharing::ResourceShare", share.id);
  return share;
}
