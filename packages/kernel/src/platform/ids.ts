import { randomUUID } from "node:crypto";

import { randomBytesPooled } from "@cinnabar/crypto";

declare const kind: unique symbol;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** In an instance: 25 characters, and 36 of a version, as many as a UUID has (Alibaba Cloud KMS, "CreateKeyVersion"). */
const KEY = new RegExp(`${UUID.source}|^key-[a-z0-9]{21}$`);
const KEY_VERSION = new RegExp(`${UUID.source}|^key-[a-z0-9]{21}-[a-z0-9]{10}$`);

/** The shape of every kind of identifier. A new kind is a new line here. */
const SHAPES = {
  /** 16 digits, as Alibaba Cloud writes a uid. */
  Account: /^[1-9][0-9]{15}$/,
  /** 24 characters; whether we issued it, its last six tell (see custody). */
  AccessKey: /^LTAI5t[A-Za-z0-9]{18}$/,
  /** The AccessKey of a role's session: 28 characters. */
  SessionKey: /^STS\.[A-Za-z0-9]{24}$/,
  Key: KEY,
  KeyVersion: KEY_VERSION,
  /** The client key of an application; whether we issued it, its last twelve characters tell (see custody). */
  ClientKey: /^KAAP\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /** A KMS instance: 25 characters. */
  Instance: /^kst-[a-z0-9]{21}$/,
  /** 18 digits, of which the first is a 2. */
  User: /^2[0-9]{17}$/,
  Group: /^g-[A-Za-z0-9]{16}$/,
  /** 15 characters. */
  ResourceShare: /^rs-[A-Za-z0-9]{12}$/,
  /** 18 digits, of which the first is a 3. */
  Role: /^3[0-9]{17}$/,
  /** A UUID in upper case. */
  Request: /^[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$/,
} as const satisfies Readonly<Record<string, RegExp>>;

/** What an identifier names. */
export type IdKind = keyof typeof SHAPES;

/** The text of an identifier, known to have the shape of its kind. Whether the thing exists is another question. */
export type Id<K extends IdKind> = string & { readonly [kind]: K };

export type AccountId = Id<"Account">;
export type AccessKeyId = Id<"AccessKey">;
export type SessionKeyId = Id<"SessionKey">;
export type ClientKeyId = Id<"ClientKey">;
export type KeyId = Id<"Key">;
export type KeyVersionId = Id<"KeyVersion">;
export type InstanceId = Id<"Instance">;
export type UserId = Id<"User">;
export type GroupId = Id<"Group">;
export type ResourceShareId = Id<"ResourceShare">;
export type RoleId = Id<"Role">;
export type RequestId = Id<"Request">;

/** Whether `text` has the shape of an identifier of this kind. */
export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  return SHAPES[kind].test(text);
}

/** @throws RangeError, which names the kind and not the text, if `text` has not the shape of this kind. */
export function parseId<K extends IdKind>(kind: K, text: string): Id<K> {
  if (!isId(kind, text)) throw new RangeError(`not an identifier of the kind ${kind}`);
  return text;
}

/** A random UUID in lower case: 36 ASCII characters. */
export function newKeyId(): KeyId {
  return made(randomUUID());
}

/** A random UUID in lower case. Its 36 ASCII bytes begin every ciphertext blob. */
export function newKeyVersionId(): KeyVersionId {
  return made(randomUUID());
}

/** The id of a key in an instance: `key-` and 21 random characters. */
export function newInstanceKeyId(): KeyId {
  return made(`key-${randomCharacters(21)}`);
}

/**
 * The id of a further version of the key: of one in an instance the key's id with `-` and 10 random characters, of another
 * a UUID. Either way 36 ASCII characters.
 */
export function newKeyVersionIdOf(keyId: KeyId): KeyVersionId {
  return keyId.startsWith("key-") ? made(`${keyId}-${randomCharacters(10)}`) : newKeyVersionId();
}

/** `kst-` and 21 random characters. */
export function newInstanceId(): InstanceId {
  return made(`kst-${randomCharacters(21)}`);
}

/** A random UUID in upper case, as Alibaba Cloud writes a RequestId. */
export function newRequestId(): RequestId {
  return made(randomUUID().toUpperCase());
}

/** A 1 and 15 random digits. */
export function newAccountId(): AccountId {
  // 2^64 is so much more than 10^15 that the remainder favours no account by more than one part in 18,000.
  const digits = randomBytesPooled(8).readBigUInt64BE() % 10n ** 15n;
  return made(`1${digits.toString().padStart(15, "0")}`);
}

/** A 2 and 17 random digits. */
export function newUserId(): UserId {
  const digits = randomBytesPooled(8).readBigUInt64BE() % 10n ** 17n;
  return made(`2${digits.toString().padStart(17, "0")}`);
}

/** `g-` and 16 random letters and digits. */
export function newGroupId(): GroupId {
  return made(`g-${randomLettersAndDigits(16)}`);
}

/** `rs-` and 12 random letters and digits. */
export function newResourceShareId(): ResourceShareId {
  return made(`rs-${randomLettersAndDigits(12)}`);
}

/** Of either case. */
function randomLettersAndDigits(count: number): string {
  // More bytes than characters, since base64 has two characters that are neither; those of a few more are left over.
  let characters = "";
  while (characters.length < count) {
    characters += randomBytesPooled(count)
      .toString("base64")
      .replaceAll(/[^A-Za-z0-9]/g, "");
  }
  return characters.slice(0, count);
}

/** A 3 and 17 random digits. */
export function newRoleId(): RoleId {
  const digits = randomBytesPooled(8).readBigUInt64BE() % 10n ** 17n;
  return made(`3${digits.toString().padStart(17, "0")}`);
}

const SMALL_LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** The greatest multiple of 36 that a byte can be: bytes from here on are left out, so that no character is likelier. */
const FAIR_BYTES = 252;

/** Random lower-case letters and digits, each as likely as every other. */
function randomCharacters(count: number): string {
  let characters = "";
  while (characters.length < count) {
    for (const byte of randomBytesPooled(count)) {
      if (byte < FAIR_BYTES) characters += SMALL_LETTERS_AND_DIGITS.charAt(byte % SMALL_LETTERS_AND_DIGITS.length);
    }
  }
  return characters.slice(0, count);
}

// The one place where text becomes an identifier without being looked at: it was made a line above.
function made<K extends IdKind>(text: string): Id<K> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return text as Id<K>;
}
