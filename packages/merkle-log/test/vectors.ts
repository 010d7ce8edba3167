import { createPrivateKey, type KeyObject } from "node:crypto";
import c2spVectors from "./vectors/c2sp-examples.json" with { type: "json" };
import eightLeavesVectors from "./vectors/eight-leaves.json" with { type: "json" };
import noteVectors from "./vectors/signed-notes.json" with { type: "json" };

export const eightLeaves = {
  leaves: eightLeavesVectors.leaves.map(hex),
  leafHashes: eightLeavesVectors.leafHashes.map(hex),
  roots: eightLeavesVectors.roots.map(hex),
  inclusionProofs: eightLeavesVectors.inclusionProofs.map((vector) => ({ ...vector, proof: vector.proof.map(hex) })),
  consistencyProofs: eightLeavesVectors.consistencyProofs.map((vector) => ({
    ...vector,
    proof: vector.proof.map(hex),
  })),
};

export const notes = noteVectors;

export const c2spExamples = c2spVectors;

export function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

/** A private key from its 32-byte seed, in the PKCS #8 form of RFC 8410 section 7. */
export function ed25519KeyFromSeed(seed: Uint8Array): KeyObject {
  const prefix = hex("302e020100300506032b657004220420");
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
}

/** Peter Neumann's key of golang.org/x/mod/sumdb/note; its encoding is a type byte and the seed. */
export function peterNeumannKey(): KeyObject {
  return ed25519KeyFromSeed(Buffer.from(notes.peterNeumann.privateKey, "base64").subarray(1));
}
