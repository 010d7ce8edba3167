import { SecretBytes } from "@cinnabar/crypto";

import { readHex, writeHex } from "./hex.ts";
import { ROOT_KEY_BYTES, RootKey } from "./root-key.ts";
import { SealError } from "./seal.ts";
import { sealKindOf } from "./sealed-root-key.ts";

const FIRST_LINE = Buffer.from("cinnabar root key v1\n", "latin1");
const HEX_CHARACTERS = 2 * ROOT_KEY_BYTES;
const CHECK_VALUE_CHARACTERS = 22;
const LINE_FEED = 0x0a;

/** Length in bytes of a root key file. */
export const ROOT_KEY_FILE_BYTES = FIRST_LINE.length + HEX_CHARACTERS + 1 + CHECK_VALUE_CHARACTERS + 1;

/**
 * Encodes a root key as three lines of ASCII: `cinnabar root key v1`, the key in lower-case hex, and its check value.
 * Hex because it can be written and read without the key ever being a string. The caller clears the result.
 */
export function encodeRootKeyFile(material: Uint8Array): Buffer {
  const { checkValue } = new RootKey(material);
  const file = Buffer.alloc(ROOT_KEY_FILE_BYTES, LINE_FEED);
  file.set(FIRST_LINE);
  const end = writeHex(file, FIRST_LINE.length, material);
  file.write(checkValue, end + 1, "latin1");
  return file;
}

/** Whether a file begins as one does that holds a root key, in plaintext or sealed. */
export function isRootKeyText(start: Uint8Array): boolean {
  return FIRST_LINE.compare(start.subarray(0, FIRST_LINE.length)) === 0 || sealKindOf(start) !== undefined;
}

/**
 * Decodes what {@link encodeRootKeyFile} encoded.
 *
 * @param path - for messages.
 * @throws SealError `unknownFormat` or `damaged`.
 */
export function decodeRootKeyFile(file: Uint8Array, path: string): RootKey {
  if (FIRST_LINE.compare(file.subarray(0, FIRST_LINE.length)) !== 0) {
    const kind = sealKindOf(file);
    if (kind !== undefined) {
      throw new SealError("unknownFormat", `${path} holds a root key under a seal of the kind ${kind}: name that one.`);
    }
    throw new SealError(
      "unknownFormat",
      `${path} is not a root key file that this version of Cinnabar knows: its first line is not "cinnabar root key v1".`,
    );
  }
  const damaged = (what: string) =>
    new SealError("damaged", `The root key file ${path} is damaged: ${what}. Restore it from its backup.`);
  if (file.length !== ROOT_KEY_FILE_BYTES) throw damaged("its length is wrong");

  using material = new SecretBytes(Buffer.alloc(ROOT_KEY_BYTES));
  if (!readHex(file, FIRST_LINE.length, material.bytes)) throw damaged("the second line is not lower-case hex");
  const rootKey = new RootKey(material.bytes);
  const rest = Buffer.from(file.subarray(FIRST_LINE.length + HEX_CHARACTERS)).toString("latin1");
  if (rest !== `\n${rootKey.checkValue}\n`) throw damaged("key and check value do not match");
  return rootKey;
}
