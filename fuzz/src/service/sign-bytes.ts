import { createHmac, randomUUID } from "node:crypto";
import type { Credentials } from "@cinnabar/client";

/** A parameter as bytes, which need not be text. */
export type Field = readonly [name: Uint8Array, value: Uint8Array];

/**
 * The form of a request signed with RPC signature V1, whatever bytes its parameters are: signers for texts could not
 * send what is no UTF-8.
 */
export function signedForm(fields: readonly Field[], { accessKeyId, accessKeySecret }: Credentials): Buffer {
  const protocol: readonly [string, string][] = [
    ["AccessKeyId", accessKeyId],
    ["Format", "JSON"],
    ["SignatureMethod", "HMAC-SHA1"],
    ["SignatureNonce", randomUUID()],
    ["SignatureVersion", "1.0"],
    ["Timestamp", new Date().toISOString().replace(/\.[0-9]+Z$/, "Z")],
  ];
  const all = [...fields, ...protocol.map(([name, value]): Field => [Buffer.from(name), Buffer.from(value)])];
  const pairs = all
    .map(([name, value]) => ({ name: Buffer.from(name).toString(), pair: `${encode(name)}=${encode(value)}` }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair);
  const canonical = pairs.join("&");
  const stringToSign = `POST&%2F&${encode(Buffer.from(canonical))}`;
  const signature = createHmac("sha1", `${accessKeySecret}&`).update(stringToSign).digest();
  return Buffer.from(`${canonical}&Signature=${encode(Buffer.from(signature.toString("base64")))}`);
}

/** The form of a request that nobody signs. */
export function unsignedForm(fields: readonly Field[]): Buffer {
  return Buffer.from([...fields, FORMAT].map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&"));
}

const FORMAT: Field = [Buffer.from("Format"), Buffer.from("JSON")];

function encode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9_.~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
