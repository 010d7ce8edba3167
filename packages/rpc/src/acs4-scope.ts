import { transcode } from "node:buffer";
import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { MAX_CLOCK_SKEW_MILLIS } from "./clock-skew.ts";
import { formatTimestamp } from "./timestamp.ts";
import { incompleteSignature, WireError } from "./wire-error.ts";

/** What a signing key of ACS4 is derived for: one day, one region, one product. */
export interface Acs4Scope {
  /** UTC, `yyyymmdd`. */
  readonly date: string;
  /** What the client makes of the endpoint: `center`, or the second label of a host of two. Any name will do. */
  readonly region: string;
  /** For example `Kms`; its case is signed. */
  readonly product: string;
}

/**
 * How a key is derived from the one before it. `bytes` is the specification and what most languages do. Alibaba's client
 * for Node.js reads each derived key as UTF-8 `text` before it uses it, the last one too, which replaces about half of it.
 */
export type Acs4Derivation = "bytes" | "text";

const TERMINATOR = "aliyun_v4_request";
/** Stands before the secret in the first key. */
export const ACS4_KEY_PREFIX = "aliyun_v4";

/**
 * Fewest characters that must be left of a key read as text, besides those that replace bytes. Almost half of all bytes
 * are replaced, so of the key of one scope in some 2^37 nothing is left, and the caller chooses the region: such a key
 * could be guessed. With five left, a guess is right once in 2^67 at best (8 bits for each, 1 for each replaced byte); an
 * honest client has a key with fewer, in any of the four steps, on one day in 3,000 years (measured on 34 million keys).
 */
const MIN_TEXT_KEY_CHARACTERS = 5;

const DATE = /^[0-9]{8}$/;
const NAME = /^[\x21-\x7e]{1,64}$/;

/** Reads `<AccessKeyId>/<date>/<region>/<product>/aliyun_v4_request`, `undefined` if it is something else. */
export function parseAcs4Credential(credential: string): { accessKeyId: string; scope: Acs4Scope } | undefined {
  const [accessKeyId, date = "", region = "", product = "", terminator, ...more] = credential.split("/", 6);
  if (!accessKeyId || terminator !== TERMINATOR || more.length > 0) return undefined;
  if (!DATE.test(date) || !NAME.test(region) || !NAME.test(product)) return undefined;
  return { accessKeyId, scope: { date, region, product } };
}

/** The inverse of `parseAcs4Credential`. */
export function formatAcs4Credential(accessKeyId: string, { date, region, product }: Acs4Scope): string {
  return `${accessKeyId}/${date}/${region}/${product}/${TERMINATOR}`;
}

/** The day of an instant as a scope names it. */
export function scopeDate(timestampMillis: number): string {
  return formatTimestamp(timestampMillis).slice(0, "yyyy-mm-dd".length).replaceAll("-", "");
}

/**
 * Refuses a key of another day than the request's. Some clients read the clock once for the scope and once for the
 * header, so either may be a little past midnight.
 *
 * @throws WireError `IncompleteSignature`.
 */
export function assertScopeDate({ date }: Acs4Scope, timestampMillis: number): void {
  if (date === scopeDate(timestampMillis)) return;
  if (date === scopeDate(timestampMillis - MAX_CLOCK_SKEW_MILLIS)) return;
  if (date === scopeDate(timestampMillis + MAX_CLOCK_SKEW_MILLIS)) return;
  throw incompleteSignature("The date in Credential must be the day of x-acs-date, in UTC, as yyyymmdd.");
}

/** @throws WireError `SignatureDoesNotMatch`. */
export function assertScopeProduct({ product }: Acs4Scope, expected: string): void {
  if (product.toLowerCase() === expected.toLowerCase()) return;
  throw new WireError(
    "SignatureDoesNotMatch",
    `Specified signature is not matched with our calculation: its key is for the product "${product}", and the operation is one of "${expected}".`,
  );
}

/**
 * Derives the key that signs within a scope.
 *
 * @param key - the prefix and the secret.
 */
export function deriveAcs4Key(
  key: KeyObject,
  { date, region, product }: Acs4Scope,
  derivation: Acs4Derivation,
): KeyObject {
  let bytes: Uint8Array = derive(key, date, derivation);
  for (const step of [region, product, TERMINATOR]) {
    const next = derive(bytes, step, derivation);
    bytes.fill(0);
    bytes = next;
  }
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}

function derive(key: KeyObject | Uint8Array, step: string, derivation: Acs4Derivation): Uint8Array {
  const bytes = createHmac("sha256", key).update(step).digest();
  if (derivation === "bytes") return bytes;
  // Replaces what is not UTF-8 by U+FFFD as decoding does, without making a string of a key.
  const text = transcode(bytes, "utf8", "utf8");
  bytes.fill(0);
  // Instead of one that could be guessed, a key that nobody has: whatever was signed with the other is refused.
  return countCharacters(text) < MIN_TEXT_KEY_CHARACTERS ? randomBytes(bytes.length) : text;
}

/** Of UTF-8, without U+FFFD. */
function countCharacters(text: Uint8Array): number {
  let count = 0;
  for (const [index, byte] of text.entries()) {
    const isContinuation = (byte & 0xc0) === 0x80;
    const isReplacement = byte === 0xef && text[index + 1] === 0xbf && text[index + 2] === 0xbd;
    if (!isContinuation && !isReplacement) count++;
  }
  return count;
}
