import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";

import { unwrapKey, wrapKey } from "@cinnabar/crypto";

import { type AccessKeyId, type AccountId, isId, parseId, type SessionKeyId } from "../platform/ids.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Bytes at and above it are drawn again, so that every character is equally likely. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

const PREFIX = "LTAI5t";
const RANDOM_CHARACTERS = 12;
const SESSION_PREFIX = "STS.";
const SESSION_RANDOM_CHARACTERS = 18;
const TAG_CHARACTERS = 6;
const SECRET_CHARACTERS = 30;

/**
 * Makes an AccessKey id: `LTAI5t`, 12 random characters, and 6 that authenticate them, 24 in all, like those of Alibaba
 * Cloud. The six are HMAC-SHA256 under `tagKey`, its first 48 bits in base 62.
 *
 * @param tagKey - the deployment's `accessKeyTag`.
 */
export function issueAccessKeyId(tagKey: KeyObject): AccessKeyId {
  const body = PREFIX + randomCharacters(RANDOM_CHARACTERS).toString("latin1");
  return parseId("AccessKey", body + tag(tagKey, body));
}

/**
 * Whether {@link issueAccessKeyId} made this id, as far as its tag tells: of invented ones, one in 5.7 * 10^10 passes.
 * It keeps invented ids away from the store and grants nothing. The tag is compared in constant time.
 */
export function isIssuedAccessKeyId(tagKey: KeyObject, text: string): text is AccessKeyId {
  return isId("AccessKey", text) && endsWithTag(tagKey, text);
}

/** The version of an account's key that the credentials of a session are made with. */
export interface SessionKeySource {
  readonly accountId: AccountId;
  readonly keyVersion: number;
}

/**
 * Makes the id of a session's AccessKey: `STS.`, 18 random characters, and 6 that authenticate them, as
 * {@link issueAccessKeyId} does, together with the version of the account's key that is used for the session.
 */
export function issueSessionKeyId(tagKey: KeyObject, source: SessionKeySource): SessionKeyId {
  const body = SESSION_PREFIX + randomCharacters(SESSION_RANDOM_CHARACTERS).toString("latin1");
  return parseId("SessionKey", body + tag(tagKey, body + sourceText(source)));
}

/** Whether {@link issueSessionKeyId} made this id with that version of a key, as far as its tag tells. */
export function isIssuedSessionKeyId(tagKey: KeyObject, text: string, source: SessionKeySource): text is SessionKeyId {
  return isId("SessionKey", text) && endsWithTag(tagKey, text, sourceText(source));
}

/** Makes an AccessKey secret: 30 random letters and digits in ASCII (178 bits). The caller clears it. */
export function newAccessKeySecret(): Buffer {
  return randomCharacters(SECRET_CHARACTERS);
}

/** Whose secret it is: a wrapped secret opens for no other account or AccessKey. */
export interface AccessKeySecretIdentity {
  /** The account's key. */
  readonly wrappingKey: KeyObject;
  readonly accountId: AccountId;
  readonly accessKeyId: AccessKeyId;
}

/** Wraps a secret for the store. `secret` stays the caller's to clear. */
export function sealAccessKeySecret(input: AccessKeySecretIdentity & { readonly secret: Uint8Array }): Buffer {
  return wrapKey({ wrappingKey: input.wrappingKey, material: input.secret, identity: accessKeySecretIdentity(input) });
}

/**
 * Opens what {@link sealAccessKeySecret} wrapped. The caller clears the result.
 *
 * @throws AuthenticationError if it was wrapped for another account or AccessKey, under another key, or was altered.
 */
export function openAccessKeySecret(input: AccessKeySecretIdentity & { readonly wrapped: Uint8Array }): Buffer {
  return unwrapKey({
    wrappingKey: input.wrappingKey,
    wrapped: input.wrapped,
    identity: accessKeySecretIdentity(input),
  });
}

/** What a wrapped secret is bound to. */
export function accessKeySecretIdentity({
  accountId,
  accessKeyId,
}: Pick<AccessKeySecretIdentity, "accountId" | "accessKeyId">): string[] {
  return ["access key secret", accountId, accessKeyId];
}

/** What stands before it and the account's id have lengths of their own: no two inputs are written alike. */
function sourceText({ accountId, keyVersion }: SessionKeySource): string {
  return `${accountId}/${keyVersion}`;
}

function endsWithTag(tagKey: KeyObject, id: string, more = ""): boolean {
  const body = id.slice(0, -TAG_CHARACTERS);
  const claimed = id.slice(-TAG_CHARACTERS);
  return timingSafeEqual(Buffer.from(claimed, "latin1"), Buffer.from(tag(tagKey, body + more), "latin1"));
}

function tag(tagKey: KeyObject, text: string): string {
  let number = createHmac("sha256", tagKey).update(text).digest().readUIntBE(0, 6);
  let characters = "";
  for (let i = 0; i < TAG_CHARACTERS; i++) {
    characters += ALPHABET.charAt(number % ALPHABET.length);
    number = Math.floor(number / ALPHABET.length);
  }
  return characters;
}

function randomCharacters(count: number): Buffer {
  const characters = Buffer.alloc(count);
  let made = 0;
  while (made < count) {
    const random = randomBytes(count);
    for (const byte of random) {
      if (byte < FAIR_BYTES && made < count) characters[made++] = ALPHABET.charCodeAt(byte % ALPHABET.length);
    }
    random.fill(0);
  }
  return characters;
}
