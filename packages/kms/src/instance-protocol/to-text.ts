import { SecretBytes } from "@cinnabar/crypto";

/** Bytes as results have them, in base64. */
export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** As {@link toText}, and clears them. */
export function takeText(bytes: Uint8Array): string {
  using secret = new SecretBytes(bytes);
  return toText(secret.bytes);
}
