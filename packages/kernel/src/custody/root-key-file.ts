import { SecretBytes } from "@cinnabar/crypto";

import { ROOT_KEY_BYTES, RootKey } from "./root-key.ts";
import { SealError } from "./seal.ts";

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
  let at = FIRST_LINE.length;
  for (const byte of material) {
    file[at++] = hexDigit(byte >>> 4);
    file[at++] = hexDigit(byte & 0x0f);
  }
  file.write(checkValue, at + 1, "latin1");
  return file;
}

/**
 * Decodes what {@link encodeRootKeyFile} encoded.
 *
 * @param path - for messages.
 * @throws SealError `unknownFormat` or `damaged`.
 */
export function decodeRootKeyFile(file: Uint8Array, path: string): RootKey {
  if (FIRST_LINE.compare(file.subarray(0, FIRST_LINE.length)) !== 0) {
    throw new SealError(
      "unknownFormat",
      `${path} is not a root key file that this version of Cinnabar knows: its first line is not "cinnabar root key v1".`,
    );
  }
  const damaged = (what: string) =>
    new SealError("damaged", `The root key file ${path} is damaged: ${what}. Restore it from its backup.`);
  if (file.length !== ROOT_KEY_FILE_BYTES) throw damaged("its length is wrong");

  using material = new SecretBytes(Buffer.alloc(ROOT_KEY_BYTES));
  let at = FIRST_LINE.length;
  for (let i = 0; i < ROOT_KEY_BYTES; i++) {
    const high = hexValue(file[at++]);
    const low = hexValue(file[at++]);
    if (high === undefined || low === undefined) throw damaged("the second line is not lower-case hex");
    material.bytes[i] = (high << 4) | low;
  }
  const rootKey = new RootKey(material.bytes);
  const rest = Buffer.from(file.subarray(at)).toString("latin1");
  if (rest !== `\n${rootKey.checkValue}\n`) throw damaged("key and check value do not match");
  return rootKey;
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x61 + value - 10;
}

function hexValue(digit: number | undefined): number | undefined {
  if (digit === undefined) return undefined;
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  if (digit >= 0x61 && digit <= 0x66) return digit - 0x61 + 10;
  return undefined;
}
