import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { NoteSigner, NoteVerifier } from "../src/index.ts";
import { notes, peterNeumannKey } from "./vectors.ts";

const { text, signature, verifierKey } = notes.peterNeumann;
const enochSignature = notes.enochRoot.signature;
const signer = new NoteSigner({ name: "PeterNeumann", key: peterNeumannKey() });
const peter = NoteVerifier.parse(verifierKey);
const enoch = NoteVerifier.parse(notes.enochRoot.verifierKey);
const malformedNote = { name: "MerkleError", code: "malformed-note" };
const malformedKey = { name: "MerkleError", code: "malformed-verifier-key" };
const unknownSigner = { name: "MerkleError", code: "unknown-signer" };
const invalidSignature = { name: "MerkleError", code: "invalid-signature" };

test("signs the published example byte for byte", () => {
  assert.equal(signer.sign(text), `${text}\n${signature}`);
  assert.equal(signer.verifierKey, verifierKey);
});

test("verifies the published example, as text and as bytes", () => {
  assert.equal(peter.verify(`${text}\n${signature}`), text);
  assert.equal(peter.verify(Buffer.from(`${text}\n${signature}`)), text);
});

test("ignores the signatures of other keys, wherever they stand", () => {
  const note = `${text}\n${signature}${enochSignature}`;
  assert.equal(peter.verify(note), text);
  assert.equal(enoch.verify(note), text);
  assert.throws(() => enoch.verify(`${text}\n${signature}`), unknownSigner);
  assert.throws(() => peter.verify(notes.unknownKeyNote), unknownSigner);
});

test("refuses a wrong signature of the known key, also beside a right one", () => {
  const wrong = `${signature.slice(0, 60)}ABCD${signature.slice(60)}`;
  assert.throws(() => peter.verify(`${text}\n${wrong}`), invalidSignature);
  assert.throws(() => peter.verify(`${text}\n${signature}${wrong}`), invalidSignature);
  assert.throws(() => peter.verify(`x${text}\n${signature}`), invalidSignature);
  assert.equal(enoch.verify(`${text}\n${wrong}${enochSignature}`), text);
});

test("takes a key of the same name or the same id for another key", () => {
  assert.throws(() => peter.verify(`${text}\n${signature.replace("PeterNeumann", "Peter")}`), unknownSigner);
  assert.throws(() => peter.verify(`${text}\n${signature.replace("x08g", "xxxx")}`), unknownSigner);
});

test("divides text from signatures at the last empty line", () => {
  const verses = notes.unknownKeyNoteText;
  assert.equal(peter.verify(signer.sign(verses)), verses);
  assert.equal(peter.verify(signer.sign("\n\n")), "\n\n");
});

test("refuses what is not a note", () => {
  const malformed = [
    "",
    "\n",
    text,
    `${text}\n`,
    `${text}\n${signature.slice(0, -1)}`,
    `${text}\n${signature}\n`,
    `\u0001${text}\n${signature}`,
    `a\r\n${text}\n${signature}`,
    `a\tb\n${text}\n${signature}`,
    `\ud800${text}\n${signature}`,
    `${text}\n${signature}Unexpected line.\n`,
    `${text}\n${signature.replace("PeterNeumann", "Bad Name")}`,
    `${text}\n${signature.replace("PeterNeumann", "Bad\u2003Name")}`,
    `${text}\n${signature.replace("PeterNeumann", "Peter+Neumann")}`,
    `${text}\n${signature.replace("PeterNeumann ", "")}`,
    `${text}\n${signature.replace("\u2014", "-")}`,
    `${text}\n${signature.replace("=\n", "\n")}`,
    `${text}\n${signature.replace("=\n", "==\n")}`,
    `${text}\n${signature}\u2014 EnochRoot AAAA\n`,
  ];
  for (const note of malformed) assert.throws(() => peter.verify(note), malformedNote, JSON.stringify(note));
  assert.throws(
    () => peter.verify(Buffer.concat([Buffer.of(0xff), Buffer.from(`${text}\n${signature}`)])),
    malformedNote,
  );
});

test("keeps a byte order mark as part of the text", () => {
  const marked = `\ufeff${text}`;
  assert.equal(peter.verify(Buffer.from(signer.sign(marked))), marked);
  assert.throws(() => peter.verify(Buffer.from(`\ufeff${text}\n${signature}`)), invalidSignature);
});

test("refuses more than 100 signatures", () => {
  assert.equal(peter.verify(`${text}\n${enochSignature.repeat(99)}${signature}`), text);
  assert.throws(() => peter.verify(`${text}\n${enochSignature.repeat(100)}${signature}`), malformedNote);
});

test("refuses a verifier key with any part missing or changed", () => {
  for (let start = 0; start <= verifierKey.length; start += 1) {
    for (let end = start; end <= verifierKey.length; end += 1) {
      if (end - start < verifierKey.length) {
        assert.throws(() => NoteVerifier.parse(verifierKey.slice(start, end)), malformedKey);
      }
    }
  }
  for (let position = 0; position < verifierKey.length; position += 1) {
    const next = String.fromCodePoint(verifierKey.charCodeAt(position) + 1);
    const changed = verifierKey.slice(0, position) + next + verifierKey.slice(position + 1);
    assert.throws(() => NoteVerifier.parse(changed), malformedKey, changed);
  }
  for (const key of notes.badVerifierKeys) assert.throws(() => NoteVerifier.parse(key), malformedKey);
});

test("refuses to sign text that could not be a note's", () => {
  for (const bad of ["", "no newline", "tab\t\n", "null\0\n", "\udfff\n"]) {
    assert.throws(() => signer.sign(bad), malformedNote);
  }
});

test("refuses to make a signer of a bad name or another key", () => {
  const key = peterNeumannKey();
  for (const name of ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\0b", "\ud800"]) {
    assert.throws(() => new NoteSigner({ name, key }), RangeError);
  }
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  assert.throws(() => new NoteSigner({ name: "a", key: privateKey }), TypeError);
  assert.throws(() => new NoteSigner({ name: "a", key: publicKey }), TypeError);
});

test("verifies whatever it signs, and nothing with one byte changed", () => {
  const line = fc.string({ unit: "grapheme" }).map((content) => content.replaceAll(/\p{Cc}/gu, " "));
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (lines, at, by) => {
        const signed = `${lines.join("\n")}\n`;
        const note = Buffer.from(signer.sign(signed));
        assert.equal(peter.verify(note), signed);
        note[at % note.length]! ^= by;
        assert.throws(() => peter.verify(note), { name: "MerkleError" });
      },
    ),
  );
});
