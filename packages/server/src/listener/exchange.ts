import type { IncomingMessage, ServerResponse } from "node:http";

import type { Answer, IncomingCall } from "@cinnabar/kernel";
import {
  type HttpRequest,
  INSTANCE_HEADERS,
  JSON_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
  XML_CONTENT_TYPE,
} from "@cinnabar/rpc";

import type { Connection } from "./connection.ts";
import { EMULATOR_HEADER } from "./emulator-header.ts";
import { readForwarded } from "./forwarded.ts";

const CONTENT_TYPES: Readonly<Record<Answer["format"], string>> = {
  JSON: JSON_CONTENT_TYPE,
  XML: XML_CONTENT_TYPE,
  PROTOBUF: PROTOBUF_CONTENT_TYPE,
};

const NO_BODY = new Uint8Array();

/** A call with the connection that it came on. */
export interface ListenerCall extends IncomingCall {
  /** Ends the connection instead of answering, with all that is open on it: what the emulator does to calls. */
  drop(): void;
}

/** A request and its answer. */
export class Exchange implements ListenerCall {
  readonly http: HttpRequest & { body: Uint8Array };
  readonly sourceAddress: string;
  readonly isSecure: boolean;
  readonly connection: Connection;
  readonly response: ServerResponse;
  /** Called once nobody serves the call any more. */
  onEnded: (() => void) | undefined;
  readonly #isEmulator: boolean;

  constructor(options: {
    connection: Connection;
    request: IncomingMessage;
    response: ServerResponse;
    isEmulator: boolean;
  }) {
    const { connection, request } = options;
    this.#isEmulator = options.isEmulator;
    this.connection = connection;
    this.response = options.response;
    const { peer, trusted } = connection;
    const origin = trusted === undefined ? peer : readForwarded(request.headers, { peer, trusted });
    this.sourceAddress = origin.sourceAddress;
    this.isSecure = origin.isSecure;
    this.http = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: NO_BODY };
  }

  respond({ status, body, format, requestId, retryAfterMillis, keyVersionId }: Answer): void {
    const { connection, response } = this;
    connection.open--;
    this.onEnded?.();
    if (connection.socket.destroyed) return;
    // An array is written as it is, and a body that is text leaves with the headers in one write.
    const headers = [
      "Content-Type",
      CONTENT_TYPES[format],
      "x-acs-request-id",
      requestId,
      "Content-Length",
      String(Buffer.byteLength(body)),
    ];
    if (retryAfterMillis !== undefined) headers.push("x-acs-retry-after", String(retryAfterMillis));
    if (keyVersionId !== undefined) headers.push(INSTANCE_HEADERS.keyVersionId, keyVersionId);
    if (this.#isEmulator) headers.push(EMULATOR_HEADER, "true");
    response.writeHead(status, headers);
    response.end(body);
  }

  drop(): void {
    this.connection.open--;
    this.onEnded?.();
    this.connection.socket.destroy();
  }
}
