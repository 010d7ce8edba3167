import { type AccessRequest, ApiError, optional, type RequestContext, required } from "@cinnabar/kernel";
import { z } from "zod";
import { INSTANCE_CONDITION, NO_INSTANCE } from "../application-access/application-policies.ts";
import { findVersion, type VersionTarget } from "../cryptography/find-version.ts";
import { findVersionOf } from "../cryptography/key-work.ts";
import { findKey, isOfAccount, type KeyTarget, onKey } from "../key/find-key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { type KeyReference, keyReference } from "../key/key-reference.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** The parameter that names a key. */
export const keyId = required({ schema: keyReference, description: "The key's id, or an alias of it." });

/** The parameter that names a version of the key: no field of a message, but a header, in which the answer says it too. */
export const keyVersionId = optional({
  schema: z.string(),
  description: "One of the key's versions, in the header x-kms-migrationkeyversionid: by default the initial one.",
});

export function findInstanceKey(context: RequestContext, reference: KeyReference): KeyTarget | Promise<KeyTarget> {
  return findKey(context, reference, { alias: true, arn: false });
}

/**
 * Finds the key that a ciphertext names by one of its versions: of those that {@link findInstanceKey} finds by their ids, and
 * no other, whomever its policy lets in.
 *
 * @throws {@link ApiError} `Forbidden.KeyNotFound`.
 */
export async function findInstanceKeyOfVersion(context: RequestContext, versionId: string): Promise<VersionTarget> {
  const target = await findVersion(context, versionId);
  if (await isOfAccount(context, target.key, context.principal.accountId)) return target;
  throw new ApiError("Forbidden.KeyNotFound");
}

/** The right to do `action` to the key, which the access point's policies give for the keys of an instance. */
export function onInstanceKey(context: RequestContext, action: string, target: KeyTarget): AccessRequest {
  return { ...onKey(context, action, target), conditions: instanceConditions(target.key) };
}

/** What conditions find of a key if it is an application that calls. */
export function instanceConditions({ instanceId }: StoredKey): ReadonlyMap<string, string> {
  return new Map([[INSTANCE_CONDITION.toLowerCase(), instanceId ?? NO_INSTANCE]]);
}

/**
 * The version that a call names, or the one that the key began with, and says so in the event. Ask only once the caller's
 * right is certain.
 *
 * @throws {@link ApiError} `Forbidden.KeyVersionNotFound`.
 */
export function namedVersion(context: RequestContext, key: StoredKey, versionId: string | undefined): KeyVersion {
  if (versionId !== undefined) return findVersionOf(context, key, versionId);
  const version = initialVersion(key);
  context.note({ keyVersionId: version.identity.versionId });
  return version;
}

/** The version that a key began with: what the protocol uses where it does not say the primary one. */
export function initialVersion({ versions, primaryVersion }: StoredKey): KeyVersion {
  let initial = primaryVersion;
  for (const version of versions.values()) if (version.number < initial.number) initial = version;
  return initial;
}
