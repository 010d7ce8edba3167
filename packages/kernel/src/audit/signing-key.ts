import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";
import type { RootKey } from "../custody/root-key.ts";

function identity(origin: string): string[] {
  return ["checkpoint signing key", origin];
}

/** A new Ed25519 key for signing checkpoints, and its PKCS#8 form wrapped under the root key. */
export function createSigningKey(rootKey: RootKey, origin: string): { key: KeyObject; wrapped: Buffer } {
  const { privateKey } = generateKeyPairSync("ed25519");
  using material = new SecretBytes(privateKey.export({ format: "der", type: "pkcs8" }));
  const wrapped = wrapKey({
    wrappingKey: rootKey.derive("checkpointKeyWrap"),
    material: material.bytes,
    identity: identity(origin),
  });
  return { key: privateKey, wrapped };
}

/** @throws AuthenticationError if it was wrapped for another origin or under another root key. */
export function openSigningKey(options: { rootKey: RootKey; origin: string; wrapped: Uint8Array }): KeyObject {
  using material = openMaterial(options);
  return createPrivateKey({ key: material.bytes, format: "der", type: "pkcs8" });
}

/** Wraps the key anew, under another root key. @throws as {@link openSigningKey} */
export function rewrapSigningKey(options: {
  readonly from: RootKey;
  readonly to: RootKey;
  readonly origin: string;
  readonly wrapped: Uint8Array;
}): Buffer {
  const { from: rootKey, to, origin, wrapped } = options;
  using material = openMaterial({ rootKey, origin, wrapped });
  return wrapKey({
    wrappingKey: to.derive("checkpointKeyWrap"),
    material: material.bytes,
    identity: identity(origin),
  });
}

function openMaterial(options: { rootKey: RootKey; origin: string; wrapped: Uint8Array }): SecretBytes<Buffer> {
  const { rootKey, origin, wrapped } = options;
  return new SecretBytes(
    unwrapKey({ wrappingKey: rootKey.derive("checkpointKeyWrap"), wrapped, identity: identity(origin) }),
  );
}
