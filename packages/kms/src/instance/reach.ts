import {
  type AccessDeniedError,
  ApiError,
  deniedByRule,
  type ErrorCode,
  proceed,
  type RequestContext,
  TamperedRowError,
} from "@cinnabar/kernel";
import type { Key } from "../key/key.ts";
import { isOpenTo } from "./find-instance.ts";
import { instanceKind } from "./instance-repository.ts";

/**
 * What an instance's owner may do to keys that guests left behind in it, also where their policies deny it: enough to look at them
 * and to be rid of them.
 */
const CLEARING_ACTIONS: ReadonlySet<string> = new Set([
  "kms:DescribeKey",
  "kms:SetDeletionProtection",
  "kms:ScheduleKeyDeletion",
  "kms:CancelKeyDeletion",
]);

type PlacedKey = Pick<Key, "instanceId" | "accountId">;

/**
 * How a key is reached through its instance. What a guest made there, the instance's owner has too. When the instance is not shared
 * with the guest any more, the key was left behind: nobody but the owner reaches it, whatever policies say. What is found so
 * falls with the instance.
 *
 * @throws {@link TamperedRowError} if the key's instance is missing.
 */
export function findReach(context: RequestContext, { instanceId, accountId }: PlacedKey): Reach | Promise<Reach> {
  if (instanceId === undefined) return "open";
  return proceed(context.find(instanceKind, instanceId), (instance) => {
    if (instance === undefined) throw new TamperedRowError("kms_instance", "the instance of a key is missing");
    const isOpen = isOpenTo(instance, accountId);
    if (context.principal.accountId !== instance.accountId) return isOpen ? "open" : "withdrawn";
    if (accountId === instance.accountId) return "open";
    return isOpen ? "guest" : "leftBehind";
  });
}

/** `guest`'s in the caller's own instance, or `leftBehind` there; `withdrawn` with another account's; else `open`. */
export type Reach = "open" | "guest" | "leftBehind" | "withdrawn";

/**
 * As {@link findReach}, and hides a key that is withdrawn from everybody who is not of its account. That one is told why it has no
 * right on it: {@link deniedAsWithdrawn}.
 *
 * @param hiddenAs - what the others hear.
 * @throws {@link ApiError} with that code.
 */
export function reachKey(context: RequestContext, key: PlacedKey, hiddenAs: ErrorCode): Reach | Promise<Reach> {
  return proceed(findReach(context, key), (reach) => {
    if (reach === "withdrawn" && context.principal.accountId !== key.accountId) throw new ApiError(hiddenAs);
    return reach;
  });
}

/** The refusal of a right on a key that is withdrawn. */
export function deniedAsWithdrawn(
  context: RequestContext,
  { instanceId }: PlacedKey,
  right: { readonly action: string; readonly resource: string },
): AccessDeniedError {
  const why = `The key is in the KMS instance ${instanceId}, which is not shared with the account any more.`;
  return deniedByRule(context, { product: "Kms", ...right }, why);
}

/** Whether an instance's owner may do it to a key that was left behind as if the key were its own and had no policy. */
export function isClearing(action: string): boolean {
  return CLEARING_ACTIONS.has(action);
}
