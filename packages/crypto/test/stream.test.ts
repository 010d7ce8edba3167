import assert from "node:assert/strict";
import { createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";

import * as fc from "fast-check";

import {
  AuthenticationError,
  openStream,
  plaintextSize,
  sealAesGcm,
  sealedSize,
  sealStream,
  STREAM,
  StreamOpener,
  StreamSealer,
} from "../src/index.ts";

const CHUNK = STREAM.chunkBytes;
const SEALED = STREAM.sealedChunkBytes;
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 100];

const key = createSecretKey(randomBytes(32));

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function seal(plaintext: Buffer): Promise<Buffer> {
  return collect(sealStream(key, [plaintext]));
}

async function refuses(sealed: Buffer): Promise<void> {
  await assert.rejects(collect(openStream(key, [sealed])), AuthenticationError);
}

function* cut(bytes: Buffer, lengths: Iterable<number>): Generator<Buffer> {
  let offset = 0;
  for (const length of lengths) yield bytes.subarray(offset, (offset += length));
  yield bytes.subarray(offset);
}

/** Cuts into single bytes near the chunks' boundaries and both ends, and leaves the rest in large pieces. */
function* crumbs(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  const margin = 20;
  for (let offset = 0; offset < bytes.length;) {
    const within = offset % chunkBytes;
    const left = bytes.length - offset;
    const inside = within >= margin && within < chunkBytes - margin && left > margin;
    const length = inside ? Math.min(chunkBytes - margin - within, left - margin) : 1;
    yield bytes.subarray(offset, (offset += length));
  }
}

test("a stream of any size opens to what was sealed, whole and byte by byte, and has the size foretold", async () => {
  for (const size of SIZES) {
    const plaintext = randomBytes(size);
    const sealed = await seal(plaintext);
    assert.equal(sealed.length, sealedSize(size));
    assert.equal(plaintextSize(sealed.length), size);
    assert(plaintext.equals(await collect(openStream(key, [sealed]))));
    assert(sealed.equals(await collect(sealStream(key, crumbs(plaintext, CHUNK)))));
    assert(plaintext.equals(await collect(openStream(key, crumbs(sealed, SEALED)))));
  }
});

test("how the input is split changes nothing", async () => {
  const lengths = fc.array(fc.oneof(fc.nat(20), fc.nat(2 * CHUNK), fc.constantFrom(CHUNK, SEALED)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SIZES), lengths, lengths, async (size, first, second) => {
      const plaintext = randomBytes(size);
      const sealed = await seal(plaintext);
      assert(sealed.equals(await collect(sealStream(key, cut(plaintext, first)))));
      assert(plaintext.equals(await collect(openStream(key, cut(sealed, second)))));
    }),
    { numRuns: 40 },
  );
});

test("each chunk is AES-256-GCM under an 11-byte counter and a last-chunk byte", async () => {
  const plaintext = randomBytes(2 * CHUNK + 5);
  const sealed = await seal(plaintext);
  const nonces = ["000000000000000000000000", "000000000000000000000100", "000000000000000000000201"];
  for (const [index, nonce] of nonces.entries()) {
    const chunk = sealed.subarray(index * SEALED, (index + 1) * SEALED);
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "hex"));
    decipher.setAuthTag(chunk.subarray(-16));
    const opened = Buffer.concat([decipher.update(chunk.subarray(0, -16)), decipher.final()]);
    assert(opened.equals(plaintext.subarray(index * CHUNK, (index + 1) * CHUNK)));
  }
});

test("every truncation of a short stream is refused, the empty one included", async () => {
  const sealed = await seal(randomBytes(50));
  for (let length = 0; length < sealed.length; length++) await refuses(sealed.subarray(0, length));
});

test("a long stream is refused wherever it is cut, at the chunks' boundaries above all", async () => {
  const sealed = await seal(randomBytes(3 * CHUNK));
  const boundaries = [1, 2].flatMap((n) => [-17, -16, -1, 0, 1, 15, 16, 17].map((shift) => n * SEALED + shift));
  for (const length of [...boundaries, sealed.length - 1]) await refuses(sealed.subarray(0, length));
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), (length) => refuses(sealed.subarray(0, length))),
    { numRuns: 50 },
  );
});

test("every flipped bit is refused", async () => {
  const short = await seal(randomBytes(20));
  for (let bit = 0; bit < short.length * 8; bit++) await refuses(flipped(short, bit));
  const long = await seal(randomBytes(2 * CHUNK + 20));
  await fc.assert(
    fc.asyncProperty(fc.nat(long.length * 8 - 1), (bit) => refuses(flipped(long, bit))),
    { numRuns: 50 },
  );
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const altered = Buffer.from(bytes);
  altered[bit >> 3]! ^= 1 << (bit & 7);
  return altered;
}

test("trailing data is refused, be it a byte, a chunk's worth, or a whole stream", async () => {
  for (const size of [0, 10, CHUNK, CHUNK + 1]) {
    const sealed = await seal(randomBytes(size));
    for (const tail of [Buffer.alloc(1), Buffer.alloc(SEALED), sealed]) await refuses(Buffer.concat([sealed, tail]));
  }
});

test("reordered, repeated, dropped and foreign chunks are refused", async () => {
  const sealed = await seal(randomBytes(3 * CHUNK + 9));
  const other = await collect(sealStream(createSecretKey(randomBytes(32)), [randomBytes(3 * CHUNK + 9)]));
  const [a, b, c, end] = [0, 1, 2, 3].map((n) => sealed.subarray(n * SEALED, (n + 1) * SEALED)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  for (const order of [
    [b, a, c, end],
    [a, a, c, end],
    [a, b, b, c, end],
    [a, c, end],
    [b, c, end],
    [end],
    [a, b, end, c],
    [other, end],
  ]) {
    await refuses(Buffer.concat(order));
  }
});

test("an opener gives out nothing from the first chunk that does not verify on", async () => {
  const plaintext = randomBytes(3 * CHUNK);
  const sealed = await seal(plaintext);
  const released: Buffer[] = [];
  await assert.rejects(async () => {
    for await (const chunk of openStream(key, [flipped(sealed, 8 * (SEALED + 5))])) released.push(chunk);
  }, AuthenticationError);
  assert(Buffer.concat(released).equals(plaintext.subarray(0, CHUNK)));

  const opener = new StreamOpener(key);
  const first = sealed.subarray(0, SEALED);
  assert.throws(() => opener.open(flipped(first, 0), { last: false }), AuthenticationError);
  assert.throws(() => opener.open(first, { last: false }), /has ended/);
});

test("an empty last chunk is refused unless it is the only one", () => {
  const full = Buffer.alloc(CHUNK);
  const empty = Buffer.alloc(0);
  const sealer = new StreamSealer(key);
  sealer.seal(full, { last: false });
  assert.throws(() => sealer.seal(empty, { last: true }), RangeError);

  const opener = new StreamOpener(key);
  opener.open(new StreamSealer(key).seal(full, { last: false }), { last: false });
  const emptyTag = sealAt(1, empty);
  assert.throws(() => opener.open(emptyTag, { last: true }), AuthenticationError);

  const only = new StreamSealer(key).seal(empty, { last: true });
  assert.deepEqual(new StreamOpener(key).open(only, { last: true }), empty);
});

test("a short chunk before the last is refused, even a genuine one", () => {
  assert.throws(() => new StreamSealer(key).seal(Buffer.alloc(5), { last: false }), RangeError);
  assert.throws(() => new StreamSealer(key).seal(Buffer.alloc(CHUNK + 1), { last: true }), RangeError);
  assert.throws(() => new StreamOpener(key).open(sealAt(0, Buffer.alloc(5), 0), { last: false }), AuthenticationError);
  assert.throws(
    () => new StreamOpener(key).open(sealAt(0, Buffer.alloc(CHUNK + 1)), { last: true }),
    AuthenticationError,
  );
});

/** Seals as no sealer would: any length at any place. */
function sealAt(counter: number, plaintext: Buffer, last = 1): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(counter, 7);
  nonce[11] = last;
  return sealAesGcm({ key, nonce, plaintext, aad: Buffer.alloc(0) }).box;
}

test("sealers and openers refuse to go on after the last chunk, and keys of other lengths", () => {
  const sealer = new StreamSealer(key);
  const sealed = sealer.seal(Buffer.of(1), { last: true });
  assert.throws(() => sealer.seal(Buffer.of(2), { last: true }), /has ended/);
  const opener = new StreamOpener(key);
  opener.open(sealed, { last: true });
  assert.throws(() => opener.open(sealed, { last: true }), /has ended/);

  const short = createSecretKey(randomBytes(16));
  assert.throws(() => new StreamSealer(short), RangeError);
  assert.throws(() => new StreamOpener(short), RangeError);
});

test("streams are steps of a node:stream pipeline and hold one chunk at a time", async () => {
  const pieces = 400;
  let ahead = 0;
  let most = 0;
  function* source() {
    for (let i = 0; i < pieces; i++) {
      most = Math.max(most, ++ahead);
      yield Buffer.alloc(CHUNK, i);
    }
  }
  let received = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      ahead--;
      setImmediate(done);
    },
  });
  await pipeline(
    Readable.from(source(), { highWaterMark: 1 }),
    (bytes: AsyncIterable<Buffer>) => sealStream(key, bytes),
    (bytes: AsyncIterable<Buffer>) => openStream(key, bytes),
    sink,
  );
  assert.equal(received, pieces * CHUNK);
  assert(most < 20, `${most} chunks were in flight`);
});

test("sealedSize and plaintextSize are inverses, and refuse what is no length of a stream", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (n) => {
      const size = n % (STREAM.maxChunks * CHUNK + 1);
      assert.equal(plaintextSize(sealedSize(size)), size);
    }),
  );
  assert.equal(sealedSize(STREAM.maxChunks * CHUNK), STREAM.maxChunks * SEALED);
  for (const size of [-1, 0.5, Number.NaN, Infinity, STREAM.maxChunks * CHUNK + 1]) {
    assert.throws(() => sealedSize(size), RangeError);
  }
  for (const size of [-1, 0, 15, 16.5, Number.NaN, SEALED + 1, SEALED + 16, STREAM.maxChunks * SEALED + 17]) {
    assert.throws(() => plaintextSize(size), AuthenticationError);
  }
});
