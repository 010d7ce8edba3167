import { type AccessRequest, ApiError, deniedByRule, proceed, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { instanceArn } from "../resource-name.ts";
import { instanceKind, type StoredInstance } from "./instance-repository.ts";

const MAX_INSTANCE_ID_CHARACTERS = 256;

/** The id of an instance. Nothing says yet that it exists, or even could. */
export const instanceId: z.ZodType<string> = z.string().max(MAX_INSTANCE_ID_CHARACTERS, {
  error: `It must have at most ${MAX_INSTANCE_ID_CHARACTERS} characters.`,
});

/**
 * Finds an instance that the caller's account owns, or that is shared with it, and says so in the event.
 *
 * @throws {@link ApiError} `Forbidden.DKMSInstanceNotFound`, also for one that exists and is neither.
 */
export function findInstance(context: RequestContext, id: string): StoredInstance | Promise<StoredInstance> {
  return proceed(context.find(instanceKind, id), (instance) => {
    if (instance === undefined || !isOpenTo(instance, context.principal.accountId)) {
      throw new ApiError("Forbidden.DKMSInstanceNotFound");
    }
    context.about("ACS::KMS::Instance", instance.id);
    context.note({ instanceId: instance.id, instanceRevision: instance.stored.revision });
    return instance;
  });
}

/** Whether the account may make keys in the instance. */
export function isOpenTo({ accountId: owner, sharedWith }: StoredInstance, accountId: string): boolean {
  return owner === accountId || sharedWith.has(accountId);
}

/** The right to do `action` to an instance that was found: in the caller's own account, also where it is a shared one. */
export function onInstance(
  { region, principal }: RequestContext,
  action: string,
  { id, accountId }: Pick<StoredInstance, "id" | "accountId">,
): AccessRequest {
  return {
    action,
    resource: instanceArn({ region, accountId }, id),
    accountId: principal.accountId,
    hiddenAs: "Forbidden.DKMSInstanceNotFound",
  };
}

/**
 * As {@link onInstance}, for what only its owner may do with it.
 *
 * @throws {@link ApiError} `Forbidden.NoPermission` for one that is shared with the caller's account.
 */
export function onOwnInstance(context: RequestContext, action: string, instance: StoredInstance): AccessRequest {
  const right = onInstance(context, action, instance);
  if (instance.accountId === context.principal.accountId) return right;
  const { resource } = right;
  throw deniedByRule(
    context,
    { product: "Kms", action, resource },
    "The KMS instance is another account's, whose owner alone may do this.",
  );
}

/** The right to something about all instances of the caller's account. */
export function onInstances({ region, principal }: RequestContext, action: string): AccessRequest {
  const { accountId } = principal;
  return {
    action,
    resource: `acs:kms:${region}:${accountId}:keystore`,
    accountId,
    hiddenAs: "Forbidden.NoPermission",
  };
}
