import { ApiError, type ErrorCode, proceed, type RequestContext, TamperedRowError } from "@cinnabar/kernel";
import type { Key } from "../key/key.ts";
import { isOpenTo } from "./find-instance.ts";
import { instanceKind } from "./instance-repository.ts";

/**
 * Refuses a key that was made in another account's instance, and whose account that instance is not shared with any more:
 * then nobody but the instance's owner reaches it, whatever policies say. A key that was found so falls with the instance.
 *
 * @param hiddenAs - what anybody hears who is not of the key's account.
 * @throws {@link ApiError} `Forbidden.NoPermission`, or that code.
 * @throws {@link TamperedRowError} if the key's instance is missing.
 */
export function assertReachable(
  context: RequestContext,
  { instanceId, accountId }: Pick<Key, "instanceId" | "accountId">,
  hiddenAs: ErrorCode,
): void | Promise<void> {
  if (instanceId === undefined) return undefined;
  return proceed(context.find(instanceKind, instanceId), (instance) => {
    if (instance === undefined) throw new TamperedRowError("kms_instance", "the instance of a key is missing");
    const caller = context.principal.accountId;
    if (isOpenTo(instance, accountId) || caller === instance.accountId) return;
    if (caller !== accountId) throw new ApiError(hiddenAs);
    throw new ApiError(
      "Forbidden.NoPermission",
      `The key is in the KMS instance ${instanceId}, which is not shared with the account any more.`,
    );
  });
}
