import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { parseBase64 } from "./base64.ts";
import { MerkleError } from "./merkle-error.ts";

/** Signature type of plain Ed25519 (C2SP signed-note, "Signature types"). */
const ED25519_TYPE = 0x01;
const PUBLIC_KEY_BYTES = 32;
export const KEY_ID_BYTES = 4;

/** The public half of a note's key: what a verifier is configured with. */
export interface NoteKey {
  readonly name: string;
  readonly id: Buffer;
  readonly publicKey: KeyObject;
}

export function isKeyName(name: string): boolean {
  return name !== "" && name.isWellFormed() && !/[\p{White_Space}\p{Cc}+]/u.test(name);
}

export function noteKey(name: string, publicKey: KeyObject): NoteKey {
  return { name, id: keyId(name, rawPublicKey(publicKey)), publicKey };
}

/** `name+id+base64(type ‖ public key)`: the verifier key of golang.org/x/mod/sumdb/note. */
export function formatVerifierKey({ name, id, publicKey }: NoteKey): string {
  const typed = Buffer.concat([Buffer.of(ED25519_TYPE), rawPublicKey(publicKey)]);
  return `${name}+${id.toString("hex")}+${typed.toString("base64")}`;
}

export function parseVerifierKey(text: string): NoteKey {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([^\s]+)$/.exec(text) ?? [];
  if (name === undefined || id === undefined || encoded === undefined || !isKeyName(name)) {
    throw new MerkleError("malformed-verifier-key", "a verifier key reads name+8 hexadecimal digits+base64");
  }
  const typed = parseBase64(encoded);
  if (typed?.length !== 1 + PUBLIC_KEY_BYTES || typed[0] !== ED25519_TYPE) {
    throw new MerkleError("malformed-verifier-key", "the verifier key is not an Ed25519 key");
  }
  const raw = typed.subarray(1);
  if (keyId(name, raw).toString("hex") !== id) {
    throw new MerkleError("malformed-verifier-key", "the verifier key's id does not belong to its name and key");
  }
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") },
    format: "jwk",
  });
  return noteKey(name, publicKey);
}

/** C2SP signed-note, "Signatures": SHA-256(name ‖ newline ‖ type ‖ public key)[:4]. */
function keyId(name: string, raw: Uint8Array): Buffer {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Buffer.of(ED25519_TYPE))
    .update(raw)
    .digest()
    .subarray(0, KEY_ID_BYTES);
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  const { x = "" } = publicKey.export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}
