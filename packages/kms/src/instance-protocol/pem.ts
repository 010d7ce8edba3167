const LINE_CHARACTERS = 64;

/** PEM (RFC 7468) as its ASCII bytes, which the caller clears where they are secret. */
export function encodePem(label: "PRIVATE KEY" | "PUBLIC KEY", der: Uint8Array): Buffer {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return Buffer.from(`-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`, "latin1");
}
