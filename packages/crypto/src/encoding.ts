const U32_BYTES = 4;

/**
 * Encodes a list of byte strings so that no two lists share an encoding: u32be count, then for each part u32be length
 * and the bytes. A string stands for its UTF-8 bytes, and is the same part as those bytes.
 *
 * @throws RangeError if a string has a lone surrogate, which has no UTF-8 form: Node would write U+FFFD for every one
 *   of them, and different strings would become equal.
 */
export function lengthPrefixed(parts: readonly (string | Uint8Array)[]): Buffer {
  let size = U32_BYTES;
  for (const part of parts) size += U32_BYTES + byteLength(part);

  const out = Buffer.allocUnsafe(size);
  let offset = out.writeUInt32BE(parts.length, 0);
  for (const part of parts) {
    const start = offset + U32_BYTES;
    const length = byteLength(part);
    out.writeUInt32BE(length, offset);
    if (typeof part === "string") out.write(part, start, length, "utf8");
    else out.set(part, start);
    offset = start + length;
  }
  return out;
}

function byteLength(part: string | Uint8Array): number {
  if (typeof part !== "string") return part.byteLength;
  if (!part.isWellFormed()) throw new RangeError("a string with a lone surrogate has no UTF-8 encoding");
  return Buffer.byteLength(part, "utf8");
}
