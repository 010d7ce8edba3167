import type { EncryptionContext } from "@cinnabar/client";
import { lengthPrefixed } from "@cinnabar/crypto";
import { EnvelopeError } from "./envelope-error.ts";

/** Bytes of the salt. */
export const SALT_BYTES = 32;

/** What an encrypted file says of itself: all that is needed to have its data key decrypted. None of it is secret. */
export interface EnvelopeHeader {
  /** The key that the data key is encrypted under, and its version: for people to read, since the blob names them too. */
  readonly keyId: string;
  readonly keyVersionId: string;
  /** The data key's ciphertext, as the service gave it. */
  readonly ciphertextBlob: string;
  readonly encryptionContext: EncryptionContext;
  /** Random, for the derivation of the file's keys from the data key. */
  readonly salt: Uint8Array;
}

const U32_BYTES = 4;
const FIXED_FIELDS = 4;
const VISIBLE_ASCII = /^[!-~]+$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * docs/formats/file-envelope.md, "Header".
 *
 * @throws RangeError if an identifier is not visible ASCII, or a text of the context has no UTF-8 form.
 */
export function encodeHeader({ encryptionContext, ...header }: EnvelopeHeader): Buffer {
  const entries = Object.entries(encryptionContext).toSorted(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const { keyId, keyVersionId, ciphertextBlob, salt } = header;
  const identifiers = [keyId, keyVersionId, ciphertextBlob];
  if (!identifiers.every((text) => VISIBLE_ASCII.test(text))) throw new RangeError("an identifier is visible ASCII");
  return lengthPrefixed([...identifiers, salt, ...entries.flat()]);
}

/**
 * Exact inverse of {@link encodeHeader}: there is one encoding of a header, and no other is accepted.
 *
 * @throws EnvelopeError if the bytes are not a header.
 */
export function decodeHeader(bytes: Buffer): EnvelopeHeader {
  const [keyId, keyVersionId, ciphertextBlob, salt, ...context] = splitFields(bytes);
  if (salt?.length !== SALT_BYTES) throw malformed();
  return {
    keyId: decodeIdentifier(keyId),
    keyVersionId: decodeIdentifier(keyVersionId),
    ciphertextBlob: decodeIdentifier(ciphertextBlob),
    encryptionContext: decodeContext(context),
    salt,
  };
}

function splitFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let offset = 0;
  const take = (length: number): Buffer => {
    if (length > bytes.length - offset) throw malformed();
    return bytes.subarray(offset, (offset += length));
  };
  const count = take(U32_BYTES).readUInt32BE();
  if (count < FIXED_FIELDS || count % 2 !== 0) throw malformed();
  // A count that is too high ends at the end of the bytes.
  while (fields.length < count) fields.push(take(take(U32_BYTES).readUInt32BE()));
  if (offset !== bytes.length) throw malformed();
  return fields;
}

function decodeIdentifier(bytes: Buffer | undefined): string {
  const text = bytes?.toString("latin1") ?? "";
  if (!VISIBLE_ASCII.test(text)) throw malformed();
  return text;
}

function decodeContext(fields: readonly Buffer[]): EncryptionContext {
  const entries: [string, string][] = [];
  let previous: Buffer | undefined;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [name, value] = fields.slice(index, index + 2);
    if (name === undefined || value === undefined) throw malformed();
    if (previous !== undefined && Buffer.compare(previous, name) >= 0) throw malformed();
    entries.push([decodeText(name), decodeText(value)]);
    previous = name;
  }
  return Object.fromEntries(entries);
}

function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed();
  }
}

function malformed(): EnvelopeError {
  return new EnvelopeError("is damaged: its header cannot be read");
}
