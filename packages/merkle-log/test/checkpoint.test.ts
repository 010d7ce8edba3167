import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  EMPTY_ROOT,
  formatCheckpoint,
  NoteSigner,
  NoteVerifier,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "../src/index.ts";
import { notes, peterNeumannKey } from "./vectors.ts";

const signer = new NoteSigner({ name: "PeterNeumann", key: peterNeumannKey() });
const verifier = NoteVerifier.parse(signer.verifierKey);
const malformed = { name: "MerkleError", code: "malformed-checkpoint" };
const root = EMPTY_ROOT.toString("base64");

test("opens a checkpoint that the Go checksum database published", () => {
  const { verifierKey, note, origin, size, root } = notes.goChecksumDatabase;
  const checkpoint = openCheckpoint(note, NoteVerifier.parse(verifierKey), origin);
  assert.deepEqual(checkpoint, { origin, size, root: Buffer.from(root, "base64"), extensions: [] });
  assert.equal(formatCheckpoint(checkpoint), note.slice(0, note.indexOf("\n\n") + 1));
});

test("parses what it formats, and formats what it parses", () => {
  const line = fc.string({ minLength: 1 }).filter((text) => !text.includes("\n"));
  const checkpoints = fc.record(
    {
      origin: line,
      size: fc.maxSafeNat(),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      extensions: fc.array(line),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(checkpoints, (checkpoint) =>
      assert.deepEqual(parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint),
    ),
  );
});

test("signs and opens, with extension lines and for the empty tree", () => {
  const checkpoint = { origin: "example.com/log", size: 0, root: EMPTY_ROOT, extensions: ["one", "two"] };
  assert.deepEqual(openCheckpoint(signCheckpoint(checkpoint, signer), verifier, "example.com/log"), checkpoint);
});

test("refuses another log's checkpoint", () => {
  const note = signCheckpoint({ origin: "example.com/log", size: 0, root: EMPTY_ROOT }, signer);
  assert.equal(openCheckpoint(note, verifier).origin, "example.com/log");
  assert.throws(() => openCheckpoint(note, verifier, "example.com/other"), {
    name: "MerkleError",
    code: "origin-mismatch",
  });
});

test("refuses a note that the key signed but that holds no checkpoint", () => {
  assert.throws(() => openCheckpoint(signer.sign("hello\n"), verifier), malformed);
});

test("refuses text that deviates from the format in any way", () => {
  const wrong = [
    "",
    "\n",
    `example.com/log\n0\n${root}`,
    `\n0\n${root}\n`,
    "example.com/log\n0\n",
    `example.com/log\n00\n${root}\n`,
    `example.com/log\n01\n${root}\n`,
    `example.com/log\n+1\n${root}\n`,
    `example.com/log\n-1\n${root}\n`,
    `example.com/log\n1e3\n${root}\n`,
    `example.com/log\n 1\n${root}\n`,
    `example.com/log\n\u0661\n${root}\n`,
    `example.com/log\n9007199254740992\n${root}\n`,
    `example.com/log\n\n${root}\n`,
    `example.com/log\n1\n${root} \n`,
    `example.com/log\n1\n${root.slice(0, -1)}\n`,
    `example.com/log\n1\n${Buffer.alloc(31).toString("base64")}\n`,
    `example.com/log\n1\n${Buffer.alloc(33).toString("base64")}\n`,
    `example.com/log\n1\n${root.slice(0, -2)}V=\n`,
    `example.com/log\n1\n${EMPTY_ROOT.toString("base64url")}\n`,
    `example.com/log\n1\n${root}\n\n`,
    `example.com/log\n1\n${root}\n\nextension\n`,
    `example.com/log\r\n1\r\n${root}\r\n`,
  ];
  for (const text of wrong) assert.throws(() => parseCheckpoint(text), malformed, JSON.stringify(text));
});

test("refuses to format what could not be parsed", () => {
  const good = { origin: "example.com/log", size: 1, root: EMPTY_ROOT };
  for (const bad of [
    { ...good, origin: "" },
    { ...good, origin: "a\nb" },
    { ...good, size: -1 },
    { ...good, size: 0.5 },
    { ...good, size: 2 ** 53 },
    { ...good, root: EMPTY_ROOT.subarray(1) },
    { ...good, extensions: [""] },
    { ...good, extensions: ["a\nb"] },
  ]) {
    assert.throws(() => formatCheckpoint(bad), RangeError);
  }
});
