/** Standard padded base64 (RFC 4648 section 4) to bytes; `undefined` for anything an encoder would not have written. */
export function parseBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
