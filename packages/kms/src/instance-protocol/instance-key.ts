import { type AccessRequest, type RequestContext, required } from "@cinnabar/kernel";
import { INSTANCE_CONDITION, NO_INSTANCE } from "../application-access/application-policies.ts";
import { findKey, type KeyTarget, onKey } from "../key/find-key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { type KeyReference, keyReference } from "../key/key-reference.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** The parameter that names a key. */
export const keyId = required({ schema: keyReference, description: "The key's id, or an alias of it." });

export function findInstanceKey(context: RequestContext, reference: KeyReference): KeyTarget | Promise<KeyTarget> {
  return findKey(context, reference, { alias: true, arn: false });
}

/** The right to do `action` to the key, which the access point's policies give for the keys of an instance. */
export function onInstanceKey(context: RequestContext, action: string, target: KeyTarget): AccessRequest {
  const conditions = new Map([[INSTANCE_CONDITION.toLowerCase(), target.key.instanceId ?? NO_INSTANCE]]);
  return { ...onKey(context, action, target), conditions };
}

/** The version that a key began with: what the protocol uses where it does not say the primary one. */
export function initialVersion({ versions, primaryVersion }: StoredKey): KeyVersion {
  let initial = primaryVersion;
  for (const version of versions.values()) if (version.number < initial.number) initial = version;
  return initial;
}
