import type { SignedRequest } from "@cinnabar/rpc";

/** Every request of the benchmark has these headers, as an official client would send them. */
const COMMON_HEADERS = { accept: "application/json", "user-agent": "AlibabaCloud (Linux; x64) Node.js/v24 Core/1.0.1" };

/** The bytes of an HTTP/1.1 request. `host` counts only if the request has no Host header of its own. */
export function encodeRequest(request: SignedRequest, { host }: { host: string }): Buffer {
  const headers = { host, ...COMMON_HEADERS, ...request.headers, "content-length": String(request.body.length) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("")}\r\n`),
    request.body,
  ]);
}

/** An answer read from a socket. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * Reads an answer with a Content-Length from the bytes received so far.
 *
 * @returns undefined while it is not complete.
 * @throws Error if it is not such an answer, or bytes follow it.
 */
export function decodeAnswer(bytes: Buffer): HttpAnswer | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`An answer has no Content-Length:\n${head}`);
  const bodyStart = headEnd + 4;
  const end = bodyStart + Number(length);
  if (bytes.length < end) return undefined;
  if (bytes.length > end) throw new Error("More bytes were received than one answer has.");
  return { status: Number(head.slice(9, 12)), body: bytes.subarray(bodyStart, end) };
}
