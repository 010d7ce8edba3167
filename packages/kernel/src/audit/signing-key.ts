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
  using material = new SecretBytes(
    unwrapKey({
      wrappingKey: options.rootKey.derive("checkpointKeyWrap"),
      wrapped: options.wrapped,
      identity: identity(options.origin),
    }),
  );
  return createPrivateKey({ key: material.bytes, format: "der", type: "pkcs8" });
}
