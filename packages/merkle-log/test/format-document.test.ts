import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  decodeEntryBundle,
  encodeEntryBundle,
  EntryBundleBuilder,
  formatTlogProof,
  Frontier,
  inclusionProof,
  leafHash,
  leafHashReader,
  NoteSigner,
  NoteVerifier,
  openCheckpoint,
  parseTlogProof,
  signCheckpoint,
  verifyInclusion,
  verifyLog,
  verifyTlogProof,
} from "../src/index.ts";
import { ed25519KeyFromSeed, hex } from "./vectors.ts";

const specification = readFileSync(new URL("../../../docs/formats/merkle-log.md", import.meta.url), "utf8");

function block(name: string): string {
  const content = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\`$`, "ms").exec(specification)?.[1];
  assert.ok(content, `the specification has a block "${name}"`);
  return content;
}

function lines(name: string): string[] {
  return block(name).trimEnd().split("\n");
}

const entries = lines("entries").map((line) => Buffer.from(line));
const leafHashes = lines("leaf-hashes").map(hex);
const root = hex(block("root"));
const verifier = NoteVerifier.parse(block("verifier-key").trimEnd());
const checkpoint = openCheckpoint(block("checkpoint"), verifier, "example.com/audit");

test("the documented entries hash to the documented leaves, frontier and root", () => {
  assert.deepEqual(entries.map(leafHash), leafHashes);
  const frontier = Frontier.empty().append(leafHashes);
  assert.equal(frontier.encode().toString("hex"), lines("frontier").join(""));
  assert.deepEqual(Frontier.decode(hex(lines("frontier").join(""))).root(), root);
  assert.deepEqual(frontier.root(), root);
});

test("the documented checkpoint opens, and vouches for the documented log", async () => {
  assert.deepEqual(checkpoint, { origin: "example.com/audit", size: 5, root, extensions: [] });
  const report = await verifyLog({ entries: entries.map((entry) => ({ entry })), checkpoints: [checkpoint] });
  assert.deepEqual(report.findings, []);
  assert.equal(report.verifiedSize, 5);
});

test("the documented seed makes the documented verifier key and checkpoint", () => {
  const [, seed = ""] = /seed is\s+`([0-9a-f]{64})`/.exec(specification) ?? [];
  const signer = new NoteSigner({ name: "example.com/audit", key: ed25519KeyFromSeed(hex(seed)) });
  assert.equal(`${signer.verifierKey}\n`, block("verifier-key"));
  assert.equal(signCheckpoint({ origin: "example.com/audit", size: 5, root }, signer), block("checkpoint"));
});

test("the documented inclusion proof is made and verified", async () => {
  const proof = lines("inclusion-proof").map(hex);
  assert.deepEqual(await inclusionProof(leafHashReader(leafHashes), { index: 2, size: 5 }), proof);
  verifyInclusion({ leafHash: leafHash(Buffer.from("gamma")), index: 2, head: checkpoint, proof });
});

test("the documented proof is written from the documented parts, and verified by the documented key alone", () => {
  const proof = parseTlogProof(block("proof"));
  assert.equal(formatTlogProof(proof), block("proof"));
  assert.deepEqual(proof, {
    index: 2,
    hashes: lines("inclusion-proof").map(hex),
    checkpoint: block("checkpoint"),
    extra: Buffer.from("gamma"),
  });
  const entry = proof.extra ?? assert.fail();
  assert.deepEqual(verifyTlogProof({ proof, leafHash: leafHash(entry), verifier }), checkpoint);
});

test("the documented entry bundle holds the documented entries, at the documented path", () => {
  const bundle = hex(block("entry-bundle").trimEnd());
  assert.deepEqual(decodeEntryBundle(bundle, 5), entries);
  assert.deepEqual(encodeEntryBundle(entries), bundle);
  const builder = new EntryBundleBuilder();
  entries.forEach((entry) => builder.add(entry));
  const path = builder.finish()?.path;
  assert.ok(path !== undefined && specification.includes(`\`${path}\``));
});
