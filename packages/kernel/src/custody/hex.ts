/**
 * Writes bytes as lower-case hex, in ASCII, without ever making a string of them: what is secret can be cleared.
 *
 * @returns where what follows is to be written.
 */
export function writeHex(target: Uint8Array, at: number, bytes: Uint8Array): number {
  let end = at;
  for (const byte of bytes) {
    target[end++] = hexDigit(byte >>> 4);
    target[end++] = hexDigit(byte & 0x0f);
  }
  return end;
}

/** Fills `bytes` from lower-case hex. @returns false if `source` has something else, or ends. */
export function readHex(source: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const high = hexValue(source[at + 2 * i]);
    const low = hexValue(source[at + 2 * i + 1]);
    if (high === undefined || low === undefined) return false;
    bytes[i] = (high << 4) | low;
  }
  return true;
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
