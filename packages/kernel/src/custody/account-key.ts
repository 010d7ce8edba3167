import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";

import type { AccountId } from "../platform/ids.ts";

const ACCOUNT_KEY_BYTES = 32;

/** Which account key: each account has one, in versions. */
export interface AccountKeyIdentity {
  /** The root key's `accountKeyWrap`. */
  readonly wrappingKey: KeyObject;
  readonly accountId: AccountId;
  /** Counts from 1. */
  readonly version: number;
}

/** Makes a key that wraps what belongs to one account. `wrapped` may be stored anywhere; `key` is never stored. */
export function createAccountKey(identity: AccountKeyIdentity): { readonly wrapped: Buffer; readonly key: KeyObject } {
  using material = new SecretBytes(randomBytes(ACCOUNT_KEY_BYTES));
  const { wrappingKey } = identity;
  const wrapped = wrapKey({ wrappingKey, material: material.bytes, identity: parts(identity) });
  return { wrapped, key: createSecretKey(material.bytes) };
}

/**
 * Opens what {@link createAccountKey} wrapped.
 *
 * @throws AuthenticationError if it was wrapped for another account or version, under another root key, or was altered.
 */
export function openAccountKey(identity: AccountKeyIdentity & { readonly wrapped: Uint8Array }): KeyObject {
  using material = openMaterial(identity);
  return createSecretKey(material.bytes);
}

/** Wraps an account key anew, under the `accountKeyWrap` of another root key. @throws as {@link openAccountKey} */
export function rewrapAccountKey(
  identity: AccountKeyIdentity & { readonly wrapped: Uint8Array },
  { under: wrappingKey }: { readonly under: KeyObject },
): Buffer {
  using material = openMaterial(identity);
  return wrapKey({ wrappingKey, material: material.bytes, identity: parts(identity) });
}

function openMaterial(identity: AccountKeyIdentity & { readonly wrapped: Uint8Array }): SecretBytes<Buffer> {
  const { wrappingKey, wrapped } = identity;
  return new SecretBytes(unwrapKey({ wrappingKey, wrapped, identity: parts(identity) }));
}

function parts({ accountId, version }: AccountKeyIdentity): string[] {
  return ["account key", accountId, String(version)];
}
