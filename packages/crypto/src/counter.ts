/** Adds 1 to a big-endian number as long as `bytes`; after the greatest one comes 0. */
export function incrementCounter(bytes: Buffer): void {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const next = (bytes.readUInt8(i) + 1) & 0xff;
    bytes.writeUInt8(next, i);
    if (next !== 0) return;
  }
}
