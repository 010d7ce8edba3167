import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { test } from "node:test";
import { STREAM, sealedSize } from "@cinnabar/crypto";
import * as fc from "fast-check";
import { openEnvelope, sealEnvelope } from "../src/envelope/envelope.ts";
import { EnvelopeError } from "../src/envelope/envelope-error.ts";
import { decodeHeader, encodeHeader, type EnvelopeHeader } from "../src/envelope/header.ts";

const dataKey = randomBytes(32);
const header = {
  keyId: "key",
  keyVersionId: "version",
  ciphertextBlob: "blob",
  encryptionContext: { team: "sales" },
};

async function seal(plaintext: Uint8Array, changes: Partial<typeof header> = {}): Promise<Buffer> {
  return buffer(
    sealEnvelope({
      dataKey: Uint8Array.from(dataKey),
      header: { ...header, ...changes },
      source: Readable.from([plaintext]),
    }),
  );
}

async function open(file: Uint8Array, key: Uint8Array = dataKey): Promise<{ header: EnvelopeHeader; bytes: Buffer }> {
  const { header, plaintext } = await openEnvelope(Readable.from([file]), async () => Uint8Array.from(key));
  return { header, bytes: await buffer(plaintext) };
}

test("a file opens to what was sealed, whatever its size and however it is cut", async () => {
  for (const size of [0, 1, STREAM.chunkBytes, STREAM.chunkBytes + 1, 2 * STREAM.chunkBytes + 100]) {
    const plaintext = randomBytes(size);
    const file = await seal(plaintext);
    const empty = await seal(Buffer.alloc(0));
    assert.equal(file.length - empty.length, sealedSize(size) - sealedSize(0));
    const opened = await open(file);
    assert(opened.bytes.equals(plaintext));
    assert.deepEqual({ ...opened.header, salt: undefined }, { ...header, salt: undefined });
  }
  const file = await seal(Buffer.from("byte by byte"));
  const bytewise = await openEnvelope(Readable.from([...file].map((byte) => Buffer.of(byte))), async () =>
    Uint8Array.from(dataKey),
  );
  assert.equal(String(await buffer(bytewise.plaintext)), "byte by byte");
});

const identifier = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCodePoint(code)),
  minLength: 1,
});
const text = fc.string({ unit: "binary" });
const headers = fc.record(
  {
    keyId: identifier,
    keyVersionId: identifier,
    ciphertextBlob: identifier,
    encryptionContext: fc
      .array(fc.tuple(fc.oneof(text, fc.constantFrom("__proto__", "\ufeff", "1", "01")), text))
      .map((entries) => Object.fromEntries<string>(entries)),
    salt: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  },
  { noNullPrototype: true },
);

test("a header is decoded to what was encoded, whatever the order of its context", () => {
  fc.assert(
    fc.property(headers, (header) => {
      const encoded = encodeHeader(header);
      const decoded = decodeHeader(encoded);
      assert.deepEqual({ ...decoded, salt: Uint8Array.from(decoded.salt) }, header);
      const reversed = Object.fromEntries(Object.entries(header.encryptionContext).toReversed());
      assert(encoded.equals(encodeHeader({ ...header, encryptionContext: reversed })));
    }),
  );
});

test("bytes that decode as a header are its only encoding", () => {
  const mutated = headers
    .map((header) => encodeHeader(header))
    .chain((bytes) =>
      fc.tuple(fc.constant(bytes), fc.nat(bytes.length - 1), fc.nat(255), fc.integer({ min: -1, max: 1 })),
    )
    .map(([bytes, at, value, grow]) =>
      Buffer.concat([
        bytes.subarray(0, at),
        Buffer.of(value),
        ...(grow > 0 ? [Buffer.of(0)] : []),
        bytes.subarray(at + 1 - Math.min(grow, 0)),
      ]),
    );
  fc.assert(
    fc.property(mutated, (bytes) => {
      const decoded = decodeOrRefuse(bytes);
      if (decoded !== undefined) assert(encodeHeader(decoded).equals(bytes));
    }),
    { numRuns: 1000 },
  );
});

function decodeOrRefuse(bytes: Buffer): EnvelopeHeader | undefined {
  try {
    return decodeHeader(bytes);
  } catch (error) {
    assert(error instanceof EnvelopeError, String(error));
    return undefined;
  }
}

test("a header is refused that has fields of a wrong number, order or form", () => {
  const salt = Buffer.alloc(32);
  const fields = (...all: (string | Buffer)[]) => {
    const parts = all.map((field) => Buffer.from(field));
    const number = (value: number) => Buffer.of(0, 0, value >> 8, value & 0xff);
    return Buffer.concat([number(parts.length), ...parts.flatMap((part) => [number(part.length), part])]);
  };
  assert.deepEqual(decodeHeader(fields("k", "v", "b", salt, "a", "1", "b", "2")).encryptionContext, { a: "1", b: "2" });
  const refused = [
    Buffer.alloc(0),
    Buffer.of(0xff, 0xff, 0xff, 0xff),
    fields("k", "v", "b"),
    fields("k", "v", "b", salt, "a"),
    fields("k", "v", "b", Buffer.alloc(31)),
    fields("", "v", "b", salt),
    fields("k", "v v", "b", salt),
    fields("k", "v", "b\u001b", salt),
    fields("k\u00e9", "v", "b", salt),
    fields("k", "v", "b", salt, "b", "2", "a", "1"),
    fields("k", "v", "b", salt, "a", "1", "a", "2"),
    fields("k", "v", "b", salt, "a", Buffer.of(0xff)),
    fields("k", "v", "b", salt, Buffer.of(0xed, 0xa0, 0x80), "1"),
    Buffer.concat([fields("k", "v", "b", salt), Buffer.of(0)]),
  ];
  for (const bytes of refused) assert.throws(() => decodeHeader(bytes), EnvelopeError, bytes.toString("hex"));
});

test("no header is written that could not be read", async () => {
  await assert.rejects(() => seal(Buffer.alloc(0), { ciphertextBlob: "x".repeat(65_536) }), RangeError);
  await assert.rejects(() => seal(Buffer.alloc(0), { keyId: "two words" }), RangeError);
  await assert.rejects(() => seal(Buffer.alloc(0), { encryptionContext: { team: "\ud800" } }), RangeError);
  assert.throws(() => sealEnvelope({ dataKey: Buffer.alloc(16), header, source: Readable.from([]) }), RangeError);
});

test("every flipped bit, every truncation and every extension is refused, even under the right data key", async () => {
  const file = await seal(Buffer.from("plain"));
  for (let bit = 0; bit < file.length * 8; bit++) {
    const altered = Buffer.from(file);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    await assert.rejects(open(altered), EnvelopeError, `bit ${bit}`);
  }
  for (let length = 0; length < file.length; length++) {
    await assert.rejects(open(file.subarray(0, length)), EnvelopeError, `${length} bytes`);
  }
  await assert.rejects(open(Buffer.concat([file, Buffer.of(0)])), EnvelopeError);
  await assert.rejects(open(Buffer.concat([file, file])), EnvelopeError);
});

test("a file cut off between two chunks is refused", async () => {
  const file = await seal(randomBytes(STREAM.chunkBytes * 2));
  const cut = file.subarray(0, file.length - STREAM.sealedChunkBytes);
  await assert.rejects(open(cut), EnvelopeError);
});

test("header and payload of two files under one data key cannot be mixed", async () => {
  const [one, other] = [await seal(Buffer.from("one")), await seal(Buffer.from("two"))];
  const payloadBytes = sealedSize(3);
  const mixed = Buffer.concat([one.subarray(0, -payloadBytes), other.subarray(-payloadBytes)]);
  assert.equal(mixed.length, one.length);
  await assert.rejects(open(mixed), EnvelopeError);
});

test("another data key is refused before anything is decrypted", async () => {
  const file = await seal(Buffer.from("plain"));
  await assert.rejects(open(file, randomBytes(32)), {
    name: "EnvelopeError",
    message: "was altered or damaged: its header does not verify",
  });
});

test("the data key is cleared before anything is encrypted", () => {
  for (const keyId of ["key", "not an id"]) {
    const handedOver = Uint8Array.from(dataKey);
    try {
      sealEnvelope({ dataKey: handedOver, header: { ...header, keyId }, source: Readable.from([]) });
    } catch (error) {
      assert(error instanceof RangeError);
    }
    assert(handedOver.every((byte) => byte === 0));
  }
});

test("the data key is cleared once the file's keys are derived, or refused", async () => {
  const file = await seal(Buffer.from("plain"));
  for (const key of [dataKey, randomBytes(32), randomBytes(16)]) {
    const handedOver = Uint8Array.from(key);
    await openEnvelope(Readable.from([file]), async () => handedOver).catch(() => undefined);
    assert(handedOver.every((byte) => byte === 0));
  }
});
