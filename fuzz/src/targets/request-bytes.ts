import type { HttpRequest, RequestHeaders, RpcRequest, SignedRequest } from "@cinnabar/rpc";

/** A request as it stands in HTTP. */
export function encodeRequest({ method, url, headers, body }: SignedRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${[`${method} ${url}`, ...lines].join("\r\n")}\r\n\r\n`), body]);
}

/** Reads as node:http does, except that it takes everything. */
export function decodeRequest(input: Uint8Array): HttpRequest {
  const bytes = Buffer.from(input);
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
  const [first = "", ...lines] = head.split("\r\n");
  const space = first.indexOf(" ");
  const headers: Record<string, string | string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const present = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (Array.isArray(present)) present.push(value);
    else headers[name] = present === undefined ? value : [present, value];
  }
  return {
    method: first.slice(0, Math.max(0, space)),
    url: first.slice(space + 1),
    headers: headers satisfies RequestHeaders,
    body: end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4),
  };
}

/** All that a server goes by; the signature and what only guards it left out. */
export function meaningOf({
  protocol,
  action,
  version,
  format,
  accessKeyId,
  securityToken,
  nonce,
  timestampMillis,
  parameters,
}: RpcRequest): string {
  const sorted = [...parameters].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({
    protocol,
    action,
    version,
    format,
    accessKeyId,
    securityToken,
    nonce,
    timestampMillis,
    sorted,
  });
}
