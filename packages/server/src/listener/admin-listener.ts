import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import type { Metrics } from "@cinnabar/kernel";

import { bind, boundAddress } from "./bind.ts";
import { unmapped } from "./forwarded.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "./listen-address.ts";

const REQUEST_MILLIS = 10_000;
const MAX_CONNECTIONS = 64;
/** Longer than a share as text. */
const MAX_BODY_BYTES = 1024;
/** How long answers under way may take when the listener stops, in milliseconds. */
const STOP_GRACE_MILLIS = 1_000;
/** With one of these a request comes from elsewhere, through a proxy on this machine, or from a page in a browser. */
const FORWARDING_HEADERS = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via", "origin"];
const JSON_TYPE = "application/json; charset=utf-8";

/** Whether the server can do its work now, and what keeps it from it, a sentence each, without secrets. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export interface AdminListenerOptions extends ListenAddress {
  readonly metrics: Pick<Metrics, "contentType" | "expose">;
  ready(): Readiness;
  /**
   * Takes a share of a sealed server's, from this machine alone, by `POST /unseal`. Left out by a server that is open.
   *
   * @param share - as text; to be cleared by whoever takes it.
   */
  readonly unseal?: (share: Buffer) => Promise<{ readonly status: number; readonly answer: object }>;
}

/**
 * Listens for those who watch the server: `/healthz` (200 while the process lives), `/readyz` (200, or 503 with the
 * reasons), `/metrics` (Prometheus). A sealed server takes its shares here too.
 *
 * @throws OperatorError if the address cannot be had, with the reason.
 */
export async function startAdminListener(options: AdminListenerOptions): Promise<AdminListener> {
  const listener = new AdminListener(options);
  await listener.listen();
  return listener;
}

/** An HTTP server for GET and HEAD of three paths, and for shares. */
export class AdminListener {
  readonly #options: AdminListenerOptions;
  readonly #server: Server;
  readonly #answering = new Set<Promise<void>>();

  constructor(options: AdminListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { headersTimeout: REQUEST_MILLIS, requestTimeout: REQUEST_MILLIS, connectionsCheckingInterval: 1000 },
      (request, response) => {
        const answered = this.#answer(request, response)
          .catch((error: unknown) => void response.destroy(asError(error)))
          .finally(() => this.#answering.delete(answered));
        this.#answering.add(answered);
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** The address really bound. */
  get address(): ListenAddress {
    return boundAddress(this.#server);
  }

  /** The address really bound, as a URL without path. */
  get url(): string {
    return `http://${formatListenAddress(this.address)}`;
  }

  listen(): Promise<void> {
    // Who asks again is served then.
    return bind(this.#server, { address: this.#options, onError: () => {} });
  }

  /** Ends all connections as soon as what is asked is answered. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const { promise: expired, resolve: expire } = Promise.withResolvers<void>();
    const patience = setTimeout(expire, STOP_GRACE_MILLIS);
    await Promise.race([Promise.all(this.#answering), expired]);
    clearTimeout(patience);
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = (request.url ?? "").split("?");
    if (path === "/unseal" && this.#options.unseal !== undefined) {
      return send(response, await this.#takeShare(request, this.#options.unseal));
    }
    const { status, type, body } = await this.#page(path);
    if (status !== 404 && request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return send(response, { status: 405, type: JSON_TYPE, body: '{"error":"only GET and HEAD are served here"}' });
    }
    return send(response, { status, type, body });
  }

  async #takeShare(request: IncomingMessage, unseal: NonNullable<AdminListenerOptions["unseal"]>): Promise<Page> {
    const page = (status: number, answer: object): Page => ({ status, type: JSON_TYPE, body: JSON.stringify(answer) });
    if (request.method !== "POST") return page(405, { error: "only POST is served here" });
    // It comes in plaintext.
    const isForwarded = FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined);
    if (isForwarded || !isLoopback(unmapped(request.socket.remoteAddress ?? ""))) {
      return page(403, { error: "shares are taken from the server's own machine alone" });
    }
    const share = await readBody(request);
    if (share === undefined) return page(413, { error: "this is longer than a share" });
    const { status, answer } = await unseal(share);
    return page(status, answer);
  }

  async #page(path: string): Promise<Page> {
    const { metrics } = this.#options;
    switch (path) {
      case "/healthz":
        return { status: 200, type: JSON_TYPE, body: '{"healthy":true}' };
      case "/readyz": {
        const { ready, reasons } = this.#options.ready();
        return { status: ready ? 200 : 503, type: JSON_TYPE, body: JSON.stringify({ ready, reasons }) };
      }
      case "/metrics":
        return { status: 200, type: metrics.contentType, body: await metrics.expose() };
      default:
        return { status: 404, type: JSON_TYPE, body: '{"error":"there are /healthz, /readyz and /metrics"}' };
    }
  }
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Settles when the answer has left, or nobody takes it any more. */
function send(response: ServerResponse, { status, type, body }: Page): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
    response.end(body, resolve);
  });
}

/** `undefined` if it is too long. What was received is cleared but for the result. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const body = Buffer.alloc(MAX_BODY_BYTES);
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("the request has an encoding");
    if (length + chunk.length > MAX_BODY_BYTES) return undefined;
    length += chunk.copy(body, length);
    chunk.fill(0);
  }
  return body.subarray(0, length);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
