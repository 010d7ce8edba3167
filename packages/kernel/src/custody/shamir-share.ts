import { createHash, createSecretKey } from "node:crypto";

import { deriveBytes, SecretBytes } from "@cinnabar/crypto";

import { readHex, writeHex } from "./hex.ts";
import { SealError } from "./seal.ts";

/** A byte of each of the 32 of the secret, and the share's coordinate. */
const SHARE_BYTES = 33;
/** Names the shares of one seal. */
export const SHARE_SET_BYTES = 8;

const PREFIX = Buffer.from("cinnabar-share-v1-", "latin1");
const HYPHEN = 0x2d;
const CHECKSUM_BYTES = 4;
const CHECK_VALUE_LABEL = "cinnabar shamir share v1: check value";
const CHECK_VALUE_BYTES = 16;
const SET_AT = PREFIX.length;
const SHARE_AT = SET_AT + 2 * SHARE_SET_BYTES + 1;
const CHECKSUM_AT = SHARE_AT + 2 * SHARE_BYTES + 1;
const TEXT_BYTES = CHECKSUM_AT + 2 * CHECKSUM_BYTES;

/**
 * Tells shares apart without telling anything about them, so that a wrong one is named when it is given and not when
 * all are together: HKDF-SHA256 of the share, in base64url.
 */
export function shareCheck(share: Uint8Array): string {
  const key = createSecretKey(share);
  return deriveBytes({ key, label: CHECK_VALUE_LABEL, bytes: CHECK_VALUE_BYTES }).toString("base64url");
}

/**
 * A share as text to hand out, ASCII: `cinnabar-share-v1-`, the set in hex, `-`, the share in hex, `-`, and the first 4
 * bytes of the SHA-256 of all before that last hyphen, in hex.
 *
 * @param input.set - 8 bytes; `input.share` - 33 bytes.
 */
export function encodeShare(input: { readonly set: Uint8Array; readonly share: Uint8Array }): SecretBytes<Buffer> {
  const text = Buffer.alloc(TEXT_BYTES, HYPHEN);
  text.set(PREFIX);
  writeHex(text, SET_AT, input.set);
  writeHex(text, SHARE_AT, input.share);
  writeHex(text, CHECKSUM_AT, checksum(text));
  return new SecretBytes(text);
}

/**
 * Decodes what {@link encodeShare} encoded; white space around it does not matter.
 *
 * @throws SealError `wrongSecret` if it is no share, or was typed wrongly.
 */
export function decodeShare(text: Uint8Array): { readonly set: Buffer; readonly share: SecretBytes<Buffer> } {
  const trimmed = trim(text);
  if (PREFIX.compare(trimmed.subarray(0, PREFIX.length)) !== 0) {
    throw new SealError("wrongSecret", `This is not a share: a share begins with ${PREFIX.toString("latin1")}.`);
  }
  const set = Buffer.alloc(SHARE_SET_BYTES);
  const share = new SecretBytes(Buffer.alloc(SHARE_BYTES));
  const sum = Buffer.alloc(CHECKSUM_BYTES);
  const isWhole =
    trimmed.length === TEXT_BYTES &&
    readHex(trimmed, SET_AT, set) &&
    trimmed[SHARE_AT - 1] === HYPHEN &&
    readHex(trimmed, SHARE_AT, share.bytes) &&
    trimmed[CHECKSUM_AT - 1] === HYPHEN &&
    readHex(trimmed, CHECKSUM_AT, sum) &&
    sum.equals(checksum(trimmed));
  if (isWhole) return { set, share };
  share[Symbol.dispose]();
  throw new SealError("wrongSecret", "This share was not typed or copied as it was handed out.");
}

function checksum(text: Uint8Array): Buffer {
  const hash = createHash("sha256").update(text.subarray(0, CHECKSUM_AT - 1));
  return hash.digest().subarray(0, CHECKSUM_BYTES);
}

function trim(text: Uint8Array): Uint8Array {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.subarray(start, end);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}
