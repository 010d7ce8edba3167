import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { NoteSigner, NoteVerifier } from "@cinnabar/merkle-log";

// The same in every run, so that an input that showed something once shows it again.

/** DER of an Ed25519 private key up to its 32 bytes (RFC 8410, section 7). */
const ED25519_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Bytes that only look random. */
export function fixedBytes(label: string): Buffer {
  return createHash("sha256").update(label).digest();
}

function fixedKey(label: string): KeyObject {
  return createPrivateKey({ key: Buffer.concat([ED25519_PREFIX, fixedBytes(label)]), format: "der", type: "pkcs8" });
}

export const ORIGIN = "fuzz.example/log";
export const noteSigner = new NoteSigner({ name: ORIGIN, key: fixedKey("signer") });
export const strangersSigner = new NoteSigner({ name: "stranger.example", key: fixedKey("stranger") });
export const noteVerifier = NoteVerifier.parse(noteSigner.verifierKey);
