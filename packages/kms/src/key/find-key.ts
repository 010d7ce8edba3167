import { type AccessRequest, ApiError, type KeyVersionId, proceed, type RequestContext } from "@cinnabar/kernel";
import { findAlias } from "../alias/alias-repository.ts";
import { keyArn } from "../resource-name.ts";
import { isGone } from "./key.ts";
import { type StoredKey, keyKind } from "./key-repository.ts";
import type { KeyReference } from "./key-reference.ts";

/** The forms of KeyId that an operation takes beside a key's id (Alibaba Cloud SDK, each operation's KeyId). */
export interface AcceptedForms {
  readonly alias: boolean;
  readonly arn: boolean;
}

/** The key that a call is about, and how it was named. */
export interface KeyTarget {
  readonly key: StoredKey;
  /** What somebody hears who may not know of it: the same as if what they named did not exist. */
  readonly hiddenAs: "Forbidden.KeyNotFound" | "Forbidden.AliasNotFound" | "InvalidResourceId.NotFound";
}

/**
 * Finds the key that a KeyId names and says so in the event. A key or an alias of another account is found by ARN only.
 *
 * @throws {@link ApiError} `Unsupported.Alias`, `Forbidden.KeyNotFound` or `Forbidden.AliasNotFound`.
 */
export function findKey(
  context: RequestContext,
  reference: KeyReference,
  accepts: AcceptedForms,
): KeyTarget | Promise<KeyTarget> {
  const isAlias = reference.names === "alias";
  if (isAlias && !accepts.alias) throw new ApiError("Unsupported.Alias");
  const hiddenAs = isAlias ? "Forbidden.AliasNotFound" : "Forbidden.KeyNotFound";
  const { place } = reference;
  if (place !== undefined && (!accepts.arn || place.region !== context.region)) throw new ApiError(hiddenAs);

  const accountId = place?.accountId ?? context.principal.accountId;
  const { name } = reference;
  const found = isAlias
    ? proceed(findAlias(context, { accountId, name }), (alias) => alias && findLivingKey(context, alias.keyId))
    : findLivingKey(context, name);
  return proceed(found, (key): KeyTarget => {
    if (key?.accountId !== accountId) throw new ApiError(hiddenAs);
    noteKey(context, key);
    if (isAlias && key.accountId === context.principal.accountId) context.note({ alias: name });
    return { key, hiddenAs };
  });
}

/** The key, unless its deletion is due. Bounds the time in which the answer holds. */
export function findLivingKey(
  context: RequestContext,
  keyId: string,
): StoredKey | undefined | Promise<StoredKey | undefined> {
  return proceed(context.find(keyKind, keyId), (key) => ifLiving(context, key));
}

function ifLiving(context: RequestContext, key: StoredKey | undefined): StoredKey | undefined {
  if (key?.status.state !== "PendingDeletion") return key;
  const { deleteAt } = key.status;
  if (isGone(key.status, context.now)) {
    context.holdsFrom(deleteAt);
    return undefined;
  }
  context.holdsUntil(deleteAt);
  return key;
}

/**
 * Says in the event which key the call is about, as of which revision, and which version of it if a ciphertext named
 * one; of another account's key nothing.
 */
export function noteKey(
  context: RequestContext,
  { id, accountId, stored }: StoredKey,
  keyVersionId?: KeyVersionId,
): void {
  if (accountId !== context.principal.accountId) return;
  context.about("ACS::KMS::Key", id);
  context.note({ keyId: id, keyRevision: stored.revision, ...(keyVersionId !== undefined && { keyVersionId }) });
}

/**
 * Says in the event which other key the call is about, as `<role>KeyId`, `<role>KeyRevision` and perhaps
 * `<role>KeyVersionId`; of another account's key nothing.
 */
export function noteOtherKey(
  context: RequestContext,
  role: "source" | "previous",
  { key, keyVersionId }: { readonly key: StoredKey; readonly keyVersionId?: KeyVersionId },
): void {
  if (key.accountId !== context.principal.accountId) return;
  context.note({
    [`${role}KeyId`]: key.id,
    [`${role}KeyRevision`]: key.stored.revision,
    ...(keyVersionId !== undefined && { [`${role}KeyVersionId`]: keyVersionId }),
  });
}

/** The right to do `action` to the key. */
export function onKey(context: RequestContext, action: string, { key, hiddenAs }: KeyTarget): AccessRequest {
  return {
    action,
    resource: keyArn({ region: context.region, accountId: key.accountId }, key.id),
    accountId: key.accountId,
    hiddenAs,
  };
}
