import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import type { Metrics } from "@cinnabar/kernel";

import { bind, boundAddress } from "./bind.ts";
import { formatListenAddress, type ListenAddress } from "./listen-address.ts";

const REQUEST_MILLIS = 10_000;
const MAX_CONNECTIONS = 64;
const JSON_TYPE = "application/json; charset=utf-8";

/** Whether the server can do its work now, and what keeps it from it, a sentence each, without secrets. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export interface AdminListenerOptions extends ListenAddress {
  readonly metrics: Pick<Metrics, "contentType" | "expose">;
  ready(): Readiness;
}

/**
 * Listens for those who watch the server: `/healthz` (200 while the process lives), `/readyz` (200, or 503 with the
 * reasons), `/metrics` (Prometheus).
 *
 * @throws OperatorError if the address cannot be had, with the reason.
 */
export async function startAdminListener(options: AdminListenerOptions): Promise<AdminListener> {
  const listener = new AdminListener(options);
  await listener.listen();
  return listener;
}

/** An HTTP server for GET and HEAD of three paths. */
export class AdminListener {
  readonly #options: AdminListenerOptions;
  readonly #server: Server;

  constructor(options: AdminListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { headersTimeout: REQUEST_MILLIS, requestTimeout: REQUEST_MILLIS, connectionsCheckingInterval: 1000 },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => response.destroy(asError(error)));
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

  /** Ends all connections at once: nobody loses anything. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = (request.url ?? "").split("?");
    const { status, type, body } = await this.#page(path);
    if (status !== 404 && request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return send(response, { status: 405, type: JSON_TYPE, body: '{"error":"only GET and HEAD are served here"}' });
    }
    send(response, { status, type, body });
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

function send(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
