import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatCheckpoint,
  formatTlogProof,
  inclusionProof,
  leafHash,
  leafHashReader,
  NoteSigner,
  NoteVerifier,
  parseCheckpoint,
  parseTlogProof,
  signCheckpoint,
  treeRoot,
  verifyTlogProof,
} from "../src/index.ts";
import { c2spExamples, eightLeaves, notes, peterNeumannKey } from "./vectors.ts";

const signer = new NoteSigner({ name: "PeterNeumann", key: peterNeumannKey() });
const verifier = NoteVerifier.parse(signer.verifierKey);
const malformed = { name: "MerkleError", code: "malformed-proof" };
const ORIGIN = "example.com/log";

function textOf(note: string): string {
  return note.slice(0, note.indexOf("\n\n") + 1);
}

/** A proof of the second of the eight leaves. */
async function exampleProof(extra?: Uint8Array): Promise<string> {
  const { leafHashes } = eightLeaves;
  const checkpoint = signCheckpoint({ origin: ORIGIN, size: 8, root: treeRoot(leafHashes) }, signer);
  const hashes = await inclusionProof(leafHashReader(leafHashes), { index: 1, size: 8 });
  return formatTlogProof({ index: 1, hashes, checkpoint, extra });
}

test("reads and writes the example of C2SP tlog-proof byte for byte", () => {
  const proof = parseTlogProof(c2spExamples.proof);
  assert.equal(formatTlogProof(proof), c2spExamples.proof);
  assert.equal(proof.index, 73_894);
  assert.equal(proof.hashes.length, 5);
  assert.equal(Buffer.from(proof.extra ?? []).toString("latin1", 0, 30), "age-v1.2.1-darwin-arm64.tar.gz");
  const { origin, size } = parseCheckpoint(textOf(proof.checkpoint));
  assert.deepEqual([origin, size], ["example.com/fancylog", 109_482]);
});

test("reads and writes the checkpoints of C2SP tlog-checkpoint and tlog-cosignature byte for byte", () => {
  for (const note of [c2spExamples.checkpoint, c2spExamples.cosigned]) {
    const text = textOf(note);
    assert.equal(formatCheckpoint(parseCheckpoint(text)), text);
    assert.deepEqual(parseCheckpoint(text), {
      origin: "example.com/behind-the-sofa",
      size: 20_852_163,
      root: Buffer.from(notes.goChecksumDatabase.root, "base64"),
      extensions: [],
    });
  }
});

test("takes a checkpoint that witnesses have cosigned, and verifies the log's own signature", async () => {
  const [, ...witness] = c2spExamples.cosigned.split(/(?=\u2014)/).slice(1);
  const proof = parseTlogProof(`${await exampleProof()}${witness.join("")}`);
  assert.match(proof.checkpoint, /\u2014 witness\.example\.com\/w1 /);
  const hash = eightLeaves.leafHashes[1]!;
  assert.equal(verifyTlogProof({ proof, leafHash: hash, verifier, origin: ORIGIN }).size, 8);
  const unsigned = { ...proof, checkpoint: proof.checkpoint.replace(/^\u2014 PeterNeumann.*\n/m, "") };
  assert.throws(() => verifyTlogProof({ proof: unsigned, leafHash: hash, verifier }), { code: "unknown-signer" });
});

test("parses what it formats, and formats what it parses", () => {
  const bytes = (length: { minLength: number; maxLength: number }) =>
    fc.uint8Array(length).map((array) => Buffer.from(array));
  const proofs = fc.record({
    index: fc.maxSafeNat(),
    hashes: fc.array(bytes({ minLength: 32, maxLength: 32 }), { maxLength: 53 }),
    checkpoint: fc.string(),
    extra: fc.option(bytes({ minLength: 1, maxLength: 200 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(proofs, ({ extra, ...proof }) => {
      const whole = extra === undefined ? proof : { ...proof, extra };
      const text = formatTlogProof(whole);
      assert.deepEqual(parseTlogProof(text), whole);
      assert.equal(formatTlogProof(parseTlogProof(text)), text);
    }),
  );
});

test("verifies an entry at its place, and no other entry, place, key or log", async () => {
  const proof = parseTlogProof(await exampleProof(Buffer.from("context")));
  const [, hash, other] = eightLeaves.leafHashes;
  assert(hash !== undefined && other !== undefined);
  const claim = { proof, leafHash: hash, verifier, origin: ORIGIN };
  assert.equal(verifyTlogProof(claim).origin, ORIGIN);
  assert.throws(() => verifyTlogProof({ ...claim, leafHash: other }), { code: "root-mismatch" });
  assert.throws(() => verifyTlogProof({ ...claim, proof: { ...proof, index: 2 } }), { code: "root-mismatch" });
  assert.throws(() => verifyTlogProof({ ...claim, proof: { ...proof, index: 8 } }), malformed);
  assert.throws(() => verifyTlogProof({ ...claim, proof: { ...proof, hashes: proof.hashes.slice(1) } }), malformed);
  assert.throws(() => verifyTlogProof({ ...claim, origin: "example.com/other" }), { code: "origin-mismatch" });
  const goKey = NoteVerifier.parse(notes.goChecksumDatabase.verifierKey);
  assert.throws(() => verifyTlogProof({ ...claim, verifier: goKey }), { code: "unknown-signer" });
});

test("a tree of one leaf needs no hashes", () => {
  const hash = leafHash("alone");
  const checkpoint = signCheckpoint({ origin: ORIGIN, size: 1, root: hash }, signer);
  const text = formatTlogProof({ index: 0, hashes: [], checkpoint });
  assert.equal(text, `c2sp.org/tlog-proof@v1\nindex 0\n\n${checkpoint}`);
  assert.equal(verifyTlogProof({ proof: parseTlogProof(text), leafHash: hash, verifier }).size, 1);
});

test("refuses text that deviates from the format in any way", () => {
  const first = "c2sp.org/tlog-proof@v1\n";
  const hash = Buffer.alloc(32, 1).toString("base64");
  const wrong = [
    "",
    first,
    `${first}index 0\n`,
    `${first}index 0\nnote`,
    `${first}\nnote`,
    `index 0\n\nnote`,
    `c2sp.org/tlog-proof@v2\nindex 0\n\nnote`,
    ` ${first}index 0\n\nnote`,
    `${first.toUpperCase()}index 0\n\nnote`,
    `${first}index 00\n\nnote`,
    `${first}index 01\n\nnote`,
    `${first}index -1\n\nnote`,
    `${first}index 1e3\n\nnote`,
    `${first}index  1\n\nnote`,
    `${first}index 1 \n\nnote`,
    `${first}index 9007199254740992\n\nnote`,
    `${first}Index 1\n\nnote`,
    `${first}index 0\nindex 0\n\nnote`,
    `${first}index 0\nextra AAAA\n\nnote`,
    `${first}extra AAAA\nextra AAAA\nindex 0\n\nnote`,
    `${first}extra \nindex 0\n\nnote`,
    `${first}extra\nindex 0\n\nnote`,
    `${first}extra AAA\nindex 0\n\nnote`,
    `${first}extra AAA-\nindex 0\n\nnote`,
    `${first}extra AAAA\n\nindex 0\n\nnote`,
    `${first}index 0\n${hash} \n\nnote`,
    `${first}index 0\n${hash.slice(0, -1)}\n\nnote`,
    `${first}index 0\n${Buffer.alloc(31).toString("base64")}\n\nnote`,
    `${first}index 0\n${`${hash}\n`.repeat(54)}\nnote`,
    `${first}index 0\r\n\r\nnote`,
  ];
  for (const text of wrong) assert.throws(() => parseTlogProof(text), malformed, JSON.stringify(text));
});

test("refuses to format what could not be parsed", () => {
  const good = { index: 0, hashes: [], checkpoint: "" };
  for (const bad of [
    { ...good, index: -1 },
    { ...good, index: 0.5 },
    { ...good, index: 2 ** 53 },
    { ...good, hashes: [Buffer.alloc(31)] },
    { ...good, extra: Buffer.alloc(0) },
  ]) {
    assert.throws(() => formatTlogProof(bad), RangeError);
  }
});
