/** The bytes of hexadecimal text with spaces, as standards print it. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}
