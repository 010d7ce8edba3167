import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";

import type { AccountId } from "../platform/ids.ts";
import type { RootKey } from "./root-key.ts";

const ACCOUNT_KEY_BYTES = 32;

/** Which account key: each account has one, in versions. */
export interface AccountKeyIdentity {
  readonly rootKey: RootKey;
  readonly accountId: AccountId;
  /** Counts from 1. */
  readonly version: number;
}

/** Makes a key that wraps what belongs to one account. `wrapped` may be stored anywhere; `key` is never stored. */
export function createAccountKey(identity: AccountKeyIdentity): { readonly wrapped: Buffer; readonly key: KeyObject } {
  using material = new SecretBytes(randomBytes(ACCOUNT_KEY_BYTES));
  const wrapped = wrapKey({
    wrappingKey: identity.rootKey.derive("accountKeyWrap"),
    material: material.bytes,
    identity: parts(identity),
  });
  return { wrapped, key: createSecretKey(material.bytes) };
}

/**
 * Opens what {@link createAccountKey} wrapped.
 *
 * @throws AuthenticationError if it was wrapped for another account or version, under another root key, or was altered.
 */
export function openAccountKey(identity: AccountKeyIdentity & { readonly wrapped: Uint8Array }): KeyObject {
  using material = new SecretBytes(
    unwrapKey({
      wrappingKey: identity.rootKey.derive("accountKeyWrap"),
      wrapped: identity.wrapped,
      identity: parts(identity),
    }),
  );
  return createSecretKey(material.bytes);
}

function parts({ accountId, version }: AccountKeyIdentity): string[] {
  return ["account key", accountId, String(version)];
}
