import { createHmac, type KeyObject } from "node:crypto";
import { deriveKey, Xaes256Gcm } from "@cinnabar/crypto";
import type { SessionKeyId } from "@cinnabar/kernel";

// What a label derives must never change: tokens that are in use depend on it.
const TOKEN_LABEL = "cinnabar account key v1: security token";
const SECRET_LABEL = "cinnabar account key v1: session secret";

/** What one version of an account's key does for the sessions of the account's roles. */
export interface SessionKeys {
  /** Seals security tokens. */
  readonly token: Xaes256Gcm;
  /** Derives the secrets of sessions. */
  readonly secret: KeyObject;
}

const derived = new WeakMap<KeyObject, SessionKeys>();

/** The keys under a version of an account's key: HKDF-SHA256 (RFC 5869) of it, the same ones every time. */
export function sessionKeysOf(accountKey: KeyObject): SessionKeys {
  let keys = derived.get(accountKey);
  if (keys === undefined) {
    keys = {
      token: new Xaes256Gcm(deriveKey({ key: accountKey, label: TOKEN_LABEL })),
      secret: deriveKey({ key: accountKey, label: SECRET_LABEL }),
    };
    derived.set(accountKey, keys);
  }
  return keys;
}

const SECRET_BYTES = 20;

/**
 * The AccessKeySecret of a session: the first 160 bits of HMAC-SHA256 of its AccessKeyId, as 40 hexadecimal digits in
 * ASCII. The token does not hold it, and nobody stores it. The caller clears the bytes.
 */
export function sessionSecret({ secret }: SessionKeys, accessKeyId: SessionKeyId): Buffer {
  const digest = createHmac("sha256", secret).update(accessKeyId).digest();
  const text = Buffer.from(digest.toString("hex", 0, SECRET_BYTES), "latin1");
  digest.fill(0);
  return text;
}
