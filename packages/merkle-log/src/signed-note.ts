import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { parseBase64 } from "./base64.ts";
import { MerkleError } from "./merkle-error.ts";
import { formatVerifierKey, isKeyName, KEY_ID_BYTES, type NoteKey, noteKey, parseVerifierKey } from "./note-key.ts";

/** C2SP signed-note asks verifiers for a limit of at least 16; this is the one of golang.org/x/mod/sumdb/note. */
const MAX_SIGNATURES = 100;
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([^ ]+)$/u;

/** Signs notes with one Ed25519 key (C2SP signed-note). */
export class NoteSigner {
  readonly name: string;
  /** The text that {@link NoteVerifier.parse} takes: `name+id+base64`. Public; give it to verifiers. */
  readonly verifierKey: string;
  readonly #noteKey: NoteKey;
  readonly #privateKey: KeyObject;

  /**
   * @param options.name - the key's name, without white space and plus; C2SP recommends a URL without its scheme.
   * @param options.key - a private Ed25519 key.
   * @throws RangeError for another name, TypeError for another key.
   */
  constructor({ name, key }: { name: string; key: KeyObject }) {
    if (!isKeyName(name))
      throw new RangeError("a key name is not empty and has no white space, control character or plus");
    if (key.type !== "private" || key.asymmetricKeyType !== "ed25519") {
      throw new TypeError("notes are signed with a private Ed25519 key");
    }
    this.name = name;
    this.#noteKey = noteKey(name, createPublicKey(key));
    this.#privateKey = key;
    this.verifierKey = formatVerifierKey(this.#noteKey);
  }

  /**
   * The whole note: the text, an empty line, one signature line.
   *
   * @param text - ends with a newline and has no other control character below U+0020.
   * @throws {@link MerkleError} `malformed-note` for another text.
   */
  sign(text: string): string {
    assertNoteText(text);
    const signature = sign(null, Buffer.from(text), this.#privateKey);
    return `${text}\n\u2014 ${this.name} ${Buffer.concat([this.#noteKey.id, signature]).toString("base64")}\n`;
  }
}

/** Verifies notes by one Ed25519 key (C2SP signed-note). */
export class NoteVerifier {
  readonly name: string;
  readonly #key: NoteKey;

  private constructor(key: NoteKey) {
    this.name = key.name;
    this.#key = key;
  }

  /**
   * @param verifierKey - `name+id+base64`, as {@link NoteSigner.verifierKey} has it.
   * @throws {@link MerkleError} `malformed-verifier-key`.
   */
  static parse(verifierKey: string): NoteVerifier {
    return new NoteVerifier(parseVerifierKey(verifierKey));
  }

  /**
   * The text of a note that this key has signed, its last newline included. Other keys' signatures are ignored, this
   * key's must all be right.
   *
   * @throws {@link MerkleError} `malformed-note`; `unknown-signer` if this key did not sign; `invalid-signature`.
   */
  verify(note: string | Uint8Array): string {
    const { text, signatures } = parseNote(note);
    const own = signatures.filter(({ name, keyId }) => name === this.name && keyId.equals(this.#key.id));
    if (own.length === 0) {
      throw new MerkleError(
        "unknown-signer",
        `the note has no signature by ${this.name}+${this.#key.id.toString("hex")}`,
      );
    }
    const message = Buffer.from(text);
    if (!own.every(({ signature }) => verify(null, message, this.#key.publicKey, signature))) {
      throw new MerkleError("invalid-signature", `the note's signature by ${this.name} is wrong`);
    }
    return text;
  }
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

function parseNote(note: string | Uint8Array): { text: string; signatures: NoteSignature[] } {
  const content = typeof note === "string" ? note : decodeUtf8(note);
  assertNoteText(content);
  const textEnd = content.lastIndexOf("\n\n") + 1;
  if (textEnd === 0) throw new MerkleError("malformed-note", "the note has no empty line before its signatures");
  const lines = content.slice(textEnd + 1, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) {
    throw new MerkleError("malformed-note", `the note has more than ${MAX_SIGNATURES} signatures`);
  }
  return { text: content.slice(0, textEnd), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name = "", encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = parseBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw new MerkleError("malformed-note", "a signature line of the note is malformed");
  }
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

function assertNoteText(text: string): void {
  if (!text.isWellFormed()) throw new MerkleError("malformed-note", "the note is not Unicode text");
  if (!text.endsWith("\n")) throw new MerkleError("malformed-note", "the note does not end with a newline");
  for (const character of text) {
    if (character < " " && character !== "\n") {
      throw new MerkleError("malformed-note", "the note has a control character");
    }
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MerkleError("malformed-note", "the note is not UTF-8");
  }
}
