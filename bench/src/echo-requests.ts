import { randomBytes } from "node:crypto";
import { encodeRequest } from "./http-bytes.ts";
import type { ReadyRequest, RequestSource } from "./load.ts";

const VARIANTS = 256;

/** Requests for the yardstick, of as many bytes, head and body, as a signed Encrypt. */
export class EchoRequests implements RequestSource {
  readonly #requests: readonly ReadyRequest[];
  #next = 0;

  constructor(options: { host: string; requestBytes: number }) {
    this.#requests = Array.from({ length: VARIANTS }, () => echoRequest(options));
  }

  prepare(): void {}

  next(): ReadyRequest {
    const request = this.#requests[this.#next++ % VARIANTS];
    if (request === undefined) throw new RangeError("there are no requests");
    return request;
  }
}

function echoRequest({ host, requestBytes }: { host: string; requestBytes: number }): ReadyRequest {
  const encode = (text: string) =>
    encodeRequest(
      {
        method: "POST",
        url: "/",
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify({ text })),
      },
      { host },
    );
  // Of three digits, as the body's length will have.
  const overhead = encode("=".repeat(100)).length - 100;
  const text = randomBytes(requestBytes)
    .toString("base64")
    .slice(0, requestBytes - overhead);
  return { bytes: encode(text), plaintext: "" };
}
