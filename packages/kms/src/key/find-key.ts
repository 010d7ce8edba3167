import {
  type AccessRequest,
  ApiError,
  type EventObject,
  isId,
  type KeyVersionId,
  PrerequisiteError,
  proceed,
  type RequestContext,
} from "@cinnabar/kernel";
import type { Alias } from "../alias/alias.ts";
import { findAlias } from "../alias/alias-repository.ts";
import { withLivingMaterial } from "../import/living-material.ts";
import { instanceKind } from "../instance/instance-repository.ts";
import { withHost } from "../instance/host-policy.ts";
import { deniedAsWithdrawn, isClearing, type Reach, reachKey } from "../instance/reach.ts";
import { keyArn } from "../resource-name.ts";
import { createServiceKey } from "../service-key/create-service-key.ts";
import { isOwnServiceKey } from "../service-key/service-key.ts";
import { isGone } from "./key.ts";
import { type StoredKey, keyKind } from "./key-repository.ts";
import type { KeyReference } from "./key-reference.ts";

/** The forms that an operation's parameter takes beside a key's id (Alibaba Cloud SDK, each operation's KeyId). */
export interface AcceptedForms {
  readonly alias: boolean;
  readonly arn: boolean;
  /** What the key is in the call, beside the one that it is about. */
  readonly role?: "source";
}

/** The key that a call is about, and how it was named. */
export interface KeyTarget {
  readonly key: StoredKey;
  /** What somebody hears who may not know of it: the same as if what they named did not exist. */
  readonly hiddenAs: "Forbidden.KeyNotFound" | "Forbidden.AliasNotFound" | "InvalidResourceId.NotFound";
  /** What the event is to say of it. */
  readonly noted?: KeyNote | undefined;
  readonly reach: Reach;
}

/** How an event names a key. */
interface KeyNote {
  /** What the key is beside the one that the call is about: its members begin with that. */
  readonly role?: "source" | "previous";
  /** The version that a ciphertext named. */
  readonly keyVersionId?: KeyVersionId | undefined;
  /** The alias that it was named by: its name with the prefix, and whose it is. */
  readonly alias?: Pick<Alias, "name"> & { readonly accountId: string };
}

/**
 * Finds the key that a KeyId names and says so in the event. A key or an alias of another account is found by ARN only. A
 * service's own key in an account is made first, where there is none yet.
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
  const { role } = accepts;
  const found = isAlias
    ? proceed(findAlias(context, { accountId, name }), (alias) => alias && findLivingKey(context, alias.keyId))
    : findLivingKey(context, name);
  return proceed(found, (key) => {
    if (key === undefined && isUnmade(context, reference)) throw missingServiceKey(accountId);
    if (key === undefined) throw new ApiError(hiddenAs);
    // The ARN of a key names the account that made it, and no other.
    const isNamed = isAlias || place === undefined ? isOfAccount(context, key, accountId) : key.accountId === accountId;
    return proceed(isNamed, (isIt) => {
      if (!isIt) throw new ApiError(hiddenAs);
      return toTarget(context, key, { hiddenAs, noted: isAlias ? { alias: { accountId, name } } : role && { role } });
    });
  });
}

/** Whether an account has a key by its id, or by an alias of its own: it made the key, or another account did in its instance. */
export function isOfAccount(
  context: RequestContext,
  { accountId: maker, instanceId }: Pick<StoredKey, "accountId" | "instanceId">,
  accountId: string,
): boolean | Promise<boolean> {
  if (maker === accountId || instanceId === undefined) return maker === accountId;
  return proceed(context.find(instanceKind, instanceId), (instance) => instance?.accountId === accountId);
}

/** Whether a service names its own key in another account, as which it makes it on first use. */
function isUnmade({ principal }: RequestContext, { names, name, place }: KeyReference): boolean {
  return (
    names === "alias" &&
    place !== undefined &&
    place.accountId !== principal.accountId &&
    isId("Account", place.accountId) &&
    isOwnServiceKey(principal, name)
  );
}

function missingServiceKey(accountId: string): PrerequisiteError {
  const parameters = new Map([["AccountId", accountId]]);
  return new PrerequisiteError("Forbidden.AliasNotFound", { operation: createServiceKey, parameters });
}

/** The key, unless its deletion is due, and without material that has expired. Bounds the time in which the answer holds. */
export function findLivingKey(
  context: RequestContext,
  keyId: string,
): StoredKey | undefined | Promise<StoredKey | undefined> {
  return proceed(context.find(keyKind, keyId), (key) => ifLiving(context, key));
}

function ifLiving(context: RequestContext, key: StoredKey | undefined): StoredKey | undefined {
  if (key?.status.state === "PendingDeletion") {
    const { deleteAt } = key.status;
    if (isGone(key.status, context.now)) {
      context.holdsFrom(deleteAt);
      return undefined;
    }
    context.holdsUntil(deleteAt);
  }
  return key?.origin === "EXTERNAL" ? withLivingMaterial(context, key) : key;
}

/**
 * What was found as a call's target. Of the caller's own account's, the event says so, also if the call is refused.
 *
 * @throws {@link ApiError} as {@link reachKey}.
 */
export function toTarget(
  context: RequestContext,
  key: StoredKey,
  { hiddenAs, noted }: Pick<KeyTarget, "hiddenAs" | "noted">,
): KeyTarget | Promise<KeyTarget> {
  if (isOwn(context, key)) noteKey(context, key, noted);
  return proceed(reachKey(context, key, hiddenAs), (reach) => ({ key, hiddenAs, noted, reach }));
}

/**
 * The right to do `action` to the key. Of another account's key the event says something only once the caller has that
 * right: until then the caller must not learn of it, from its trail neither.
 *
 * @throws {@link ApiError} `Forbidden.NoPermission` if the key is withdrawn with its instance.
 */
export function onKey(context: RequestContext, action: string, target: KeyTarget): AccessRequest {
  const { key, hiddenAs, noted, reach } = target;
  const { accountId } = key;
  const right = { action, resource: keyArn({ region: context.region, accountId }, key.id) };
  if (reach === "withdrawn") throw deniedAsWithdrawn(context, key, right);
  const own = key.policy?.statements;
  const isCleared = reach === "leftBehind" && isClearing(action);
  return {
    ...right,
    accountId: isCleared ? context.principal.accountId : accountId,
    hiddenAs,
    resourcePolicy: isCleared ? undefined : reach === "open" ? own : withHost(own, context.principal.accountId),
    tags: key.tagValues,
    onAllowed: isOwn(context, key) ? undefined : () => noteKey(context, key, noted),
  };
}

function isOwn({ principal }: RequestContext, { accountId }: StoredKey): boolean {
  return accountId === principal.accountId;
}

/**
 * Says in the event which key the call is about, as of which revision, and whose it is if not the caller's account's. Of a
 * key in another role every member begins with that.
 */
function noteKey(context: RequestContext, key: StoredKey, note: KeyNote | undefined): void {
  const { id: keyId, accountId, stored } = key;
  if (note?.role === undefined) context.about("ACS::KMS::Key", keyId);
  const facts = { keyId, keyRevision: stored.revision };
  if (note === undefined && isOwn(context, key)) return context.note(facts);
  const { role, keyVersionId, alias } = note ?? {};
  const all = {
    ...(!isOwn(context, key) && { keyAccountId: accountId }),
    ...facts,
    ...(keyVersionId !== undefined && { keyVersionId }),
  };
  if (alias !== undefined) {
    // To the key's account a name that another one gave it is nothing.
    context.note({ alias: alias.name, ...(alias.accountId !== accountId && { aliasAccountId: alias.accountId }) });
  }
  context.note(role === undefined ? all : inRole(role, all));
}

function inRole(role: string, facts: EventObject): EventObject {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [`${role}${name.charAt(0).toUpperCase()}${name.slice(1)}`, value]),
  );
}
