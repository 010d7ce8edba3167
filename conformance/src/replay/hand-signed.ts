import { createHash, createHmac, randomUUID } from "node:crypto";
import type { RequestShape } from "./request-shape.ts";

// Signs by the published rules, and with none of the project's own code: a mistake shared by signer and server would
// pass unseen.

export interface HandSignedCall {
  readonly host: string;
  readonly action: string;
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

export interface HandSigned {
  /** The whole HTTP request. */
  readonly bytes: Buffer;
  readonly stringToSign: string;
}

/** A call as bytes, as a client of this shape would send it now. */
export function handSigned(shape: RequestShape, call: HandSignedCall): HandSigned {
  return shape.signature === "V1" ? signedV1(shape, call) : signedAcs3(shape, call);
}

function signedV1(shape: RequestShape, call: HandSignedCall): HandSigned {
  const common: Record<string, string> = {
    ...shape.parameters,
    AccessKeyId: call.accessKeyId,
    Action: call.action,
    SignatureMethod: "HMAC-SHA1",
    SignatureNonce: randomUUID(),
    SignatureVersion: "1.0",
    Timestamp: now(),
    Version: call.version,
  };
  const stringToSign = `POST&%2F&${enc(canonical({ ...common, ...call.parameters }))}`;
  const signature = createHmac("sha1", `${call.accessKeySecret}&`).update(stringToSign).digest("base64");
  const parts: Record<"query" | "form", Record<string, string>> = { query: {}, form: {} };
  Object.assign(parts[shape.ownIn], call.parameters);
  Object.assign(parts[shape.commonIn], common, { Signature: signature });
  return { bytes: http(shape, call, { ...parts, headers: {} }), stringToSign };
}

function signedAcs3(shape: RequestShape, call: HandSignedCall): HandSigned {
  const digest = createHash("sha256").update("").digest("hex");
  const signed: Record<string, string> = {
    host: call.host,
    "x-acs-action": call.action,
    "x-acs-content-sha256": digest,
    "x-acs-date": now(),
    "x-acs-signature-nonce": randomUUID().replaceAll("-", ""),
    "x-acs-version": call.version,
  };
  const names = Object.keys(signed).toSorted();
  const lines = names.map((name) => `${name}:${signed[name]}\n`).join("");
  const request = ["POST", "/", canonical(call.parameters), lines, names.join(";"), digest].join("\n");
  const stringToSign = `ACS3-HMAC-SHA256\n${createHash("sha256").update(request).digest("hex")}`;
  const signature = createHmac("sha256", call.accessKeySecret).update(stringToSign).digest("hex");
  const { host: _host, ...headers } = signed;
  const authorization = `ACS3-HMAC-SHA256 Credential=${call.accessKeyId},SignedHeaders=${names.join(";")},Signature=${signature}`;
  const parts = { query: { ...call.parameters }, form: {}, headers: { ...headers, Authorization: authorization } };
  return { bytes: http(shape, call, parts), stringToSign };
}

function http(
  shape: RequestShape,
  call: HandSignedCall,
  parts: Record<"query" | "form" | "headers", Readonly<Record<string, string>>>,
): Buffer {
  const query = onWire(shape, parts.query);
  const body = onWire(shape, parts.form);
  const headers = { ...shape.headers, ...parts.headers, "Content-Length": String(body.length) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${fill(value, call)}`);
  return Buffer.from(`POST /${query === "" ? "" : `?${query}`} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
}

function fill(value: string, { host, action, version }: HandSignedCall): string {
  return value.replace("@host", host).replace("@action", action).replace("@version", version);
}

function onWire({ wire }: RequestShape, parameters: Readonly<Record<string, string>>): string {
  return canonical(parameters).replaceAll("%20", wire.space).replaceAll("~", wire.tilde).replaceAll("%2A", wire.star);
}

function canonical(parameters: Readonly<Record<string, string>>): string {
  const names = Object.keys(parameters).toSorted((a, b) => (a < b ? -1 : 1));
  return names.map((name) => `${enc(name)}=${enc(parameters[name] ?? "")}`).join("&");
}

/** RFC 3986. */
function enc(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function now(): string {
  return new Date().toISOString().replace(/\.[0-9]+Z$/, "Z");
}
