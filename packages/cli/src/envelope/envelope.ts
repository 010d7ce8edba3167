import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { AuthenticationError, deriveKey, openStream, SecretBytes, sealStream } from "@cinnabar/crypto";
import { ByteReader } from "./byte-reader.ts";
import { EnvelopeError } from "./envelope-error.ts";
import { decodeHeader, encodeHeader, type EnvelopeHeader, SALT_BYTES } from "./header.ts";

/** Bytes of the data key. */
export const DATA_KEY_BYTES = 32;

const FAMILY = "cinnabar-file/";
const VERSION = `${FAMILY}v1`;
const MAGIC = Buffer.from(`${VERSION}\n`);
const LENGTH_BYTES = 2;
const MAX_HEADER_BYTES = 0xffff;
const MAC_BYTES = 32;

interface Sealing {
  /** 32 bytes that encrypt this file and no other. They are cleared here, at once. */
  readonly dataKey: Uint8Array;
  readonly header: Omit<EnvelopeHeader, "salt">;
  readonly source: AsyncIterable<Uint8Array>;
  /** Random, if not given. */
  readonly salt?: Uint8Array;
}

/**
 * Encrypts all that `source` gives to a file of docs/formats/file-envelope.md, in constant memory.
 *
 * @throws RangeError if the header is longer than 65,535 bytes or cannot be encoded.
 */
export function sealEnvelope({
  dataKey,
  header,
  source,
  salt = randomBytes(SALT_BYTES),
}: Sealing): AsyncIterable<Buffer> {
  using secret = new SecretBytes(dataKey);
  const preamble = encodePreamble({ ...header, salt });
  const { headerKey, payloadKey } = deriveKeys({ dataKey: secret.bytes, salt, preamble });
  return (async function* () {
    yield Buffer.concat([preamble, authenticate(preamble, headerKey)]);
    yield* sealStream(payloadKey, source);
  })();
}

/** A file whose header has verified. */
export interface OpenedEnvelope {
  readonly header: EnvelopeHeader;
  /**
   * Verified piece by piece, so it is the file's plaintext only once it has ended without an error: until then it must
   * not be used. Throws {@link EnvelopeError} if the file was altered, cut off or extended.
   */
  readonly plaintext: AsyncIterable<Buffer>;
}

/**
 * Opens a file that {@link sealEnvelope} made.
 *
 * @param unwrap - has the data key decrypted. What it is told has not been verified yet: anybody may have written it.
 *   The 32 bytes that it gives are cleared here.
 * @throws EnvelopeError if the file is not one, or its header does not verify under the data key.
 */
export async function openEnvelope(
  source: AsyncIterable<Uint8Array>,
  unwrap: (header: EnvelopeHeader) => Promise<Uint8Array>,
): Promise<OpenedEnvelope> {
  const reader = new ByteReader(source);
  const { preamble, header } = await readPreamble(reader);
  const mac = await readFully(reader, MAC_BYTES);
  using dataKey = new SecretBytes(await unwrap(header));
  const { headerKey, payloadKey } = deriveKeys({ dataKey: dataKey.bytes, salt: header.salt, preamble });
  if (!timingSafeEqual(mac, authenticate(preamble, headerKey))) {
    throw new EnvelopeError("was altered or damaged: its header does not verify");
  }
  return { header, plaintext: openPayload(payloadKey, reader.rest()) };
}

function encodePreamble(header: EnvelopeHeader): Buffer {
  const encoded = encodeHeader(header);
  if (encoded.length > MAX_HEADER_BYTES) {
    throw new RangeError(`a header of ${encoded.length} bytes, and ${MAX_HEADER_BYTES} is the limit`);
  }
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(encoded.length);
  return Buffer.concat([MAGIC, length, encoded]);
}

async function readPreamble(reader: ByteReader): Promise<{ preamble: Buffer; header: EnvelopeHeader }> {
  const magic = await reader.read(MAGIC.length);
  if (!magic.equals(MAGIC)) {
    if (magic.length > 0 && MAGIC.subarray(0, magic.length).equals(magic)) throw cutShort();
    if (magic.toString("latin1").startsWith(`${FAMILY}v`)) {
      throw new EnvelopeError("is in a version of the format that this version of cinnabar does not know");
    }
    throw new EnvelopeError("is not a file that cinnabar encrypted");
  }
  const length = await readFully(reader, LENGTH_BYTES);
  const header = await readFully(reader, length.readUInt16BE());
  return { preamble: Buffer.concat([magic, length, header]), header: decodeHeader(header) };
}

async function readFully(reader: ByteReader, length: number): Promise<Buffer> {
  const bytes = await reader.read(length);
  if (bytes.length < length) throw cutShort();
  return bytes;
}

function cutShort(): EnvelopeError {
  return new EnvelopeError("is cut short");
}

interface Derivation {
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly preamble: Buffer;
}

function deriveKeys({ dataKey, salt, preamble }: Derivation): { headerKey: KeyObject; payloadKey: KeyObject } {
  if (dataKey.length !== DATA_KEY_BYTES) throw new RangeError("the data key of a file is 32 bytes");
  const key = createSecretKey(dataKey);
  // With the header's digest in it the payload's key is good for the payload of this header alone.
  const label = Buffer.concat([Buffer.from(`${VERSION} payload`), createHash("sha256").update(preamble).digest()]);
  return {
    headerKey: deriveKey({ key, salt, label: `${VERSION} header` }),
    payloadKey: deriveKey({ key, salt, label }),
  };
}

function authenticate(preamble: Buffer, headerKey: KeyObject): Buffer {
  return createHmac("sha256", headerKey).update(preamble).digest();
}

async function* openPayload(
  key: KeyObject,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* openStream(key, source);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new EnvelopeError("was altered, cut short or extended after it was encrypted", { cause: error });
  }
}
