import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";

import type { Duplex } from "node:stream";

import type { Metrics } from "@cinnabar/kernel";

import { bind, boundAddress } from "./bind.ts";
import { EMULATOR_HEADER } from "./emulator-header.ts";
import { unmapped } from "./forwarded.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "./listen-address.ts";

const REQUEST_MILLIS = 10_000;
const MAX_CONNECTIONS = 64;
/** Longer than a share as text. */
const MAX_SHARE_BYTES = 1024;
/** Longer than what is asked of an emulator. */
const MAX_EMULATOR_BYTES = 64 * 1024;
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
  /**
   * Answers what is asked of an emulator, from this machine alone, below `/emulator`. Left out by what is none: then there
   * are no such paths. Every answer of the listener is marked where it is given.
   */
  readonly emulator?:
    | ((request: EmulatorRequest) => Promise<{ readonly status: number; readonly answer: object }>)
    | undefined;
}

/** What is asked of an emulator. */
export interface EmulatorRequest {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
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
  #options: AdminListenerOptions;
  readonly #server: Server;
  readonly #answering = new Set<Promise<void>>();

  constructor(options: AdminListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: REQUEST_MILLIS,
        requestTimeout: REQUEST_MILLIS,
        connectionsCheckingInterval: 1000,
        // Node's own answer would not say that it is an emulator's.
        requireHostHeader: options.emulator === undefined,
      },
      (request, response) => {
        const answered = this.#answer(request, response)
          .catch((error: unknown) => void response.destroy(asError(error)))
          .finally(() => this.#answering.delete(answered));
        this.#answering.add(answered);
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    if (options.emulator !== undefined) {
      this.#server.on("clientError", refuseMarked);
      this.#server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
        response.writeHead(417, { [EMULATOR_HEADER]: "true" }).end();
      });
    }
  }

  /** The address really bound. */
  get address(): ListenAddress {
    return boundAddress(this.#server);
  }

  /** The address really bound, as a URL without path. */
  get url(): string {
    return `http://${formatListenAddress(this.address)}`;
  }

  /** Answers for somebody else from now on, who takes no shares. */
  handOver({ metrics, ready }: Pick<AdminListenerOptions, "metrics" | "ready">): void {
    const { host, port, emulator } = this.#options;
    this.#options = { host, port, emulator, metrics, ready };
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
    const { emulator } = this.#options;
    if (emulator !== undefined) {
      response.setHeader(EMULATOR_HEADER, "true");
      if (path === "/emulator" || path.startsWith("/emulator/")) {
        return send(response, await askEmulator(request, { path, emulator }));
      }
    }
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
    if (request.method !== "POST") return page(405, { error: "only POST is served here" });
    // It comes in plaintext.
    if (!isFromHere(request)) {
      return page(403, { error: "shares are taken from the server's own machine alone" });
    }
    const share = await readBody(request, MAX_SHARE_BYTES);
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
        const emulator = this.#options.emulator === undefined ? undefined : true;
        return page(ready ? 200 : 503, { ready, reasons, emulator });
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

function page(status: number, answer: object): Page {
  return { status, type: JSON_TYPE, body: JSON.stringify(answer) };
}

/** Whether a request comes from this machine, through no proxy and from no page in a browser. */
function isFromHere({ headers, socket }: IncomingMessage): boolean {
  const isForwarded = FORWARDING_HEADERS.some((name) => headers[name] !== undefined);
  return !isForwarded && isLoopback(unmapped(socket.remoteAddress ?? ""));
}

async function askEmulator(
  request: IncomingMessage,
  options: { readonly path: string; readonly emulator: NonNullable<AdminListenerOptions["emulator"]> },
): Promise<Page> {
  const { method = "", headers } = request;
  // A browser sends the name of the site that the page is from, whatever address that name was made to stand for.
  if (!isFromHere(request) || !isLoopback(hostOf(headers))) {
    return page(403, {
      error: "the emulator is told what to do from its own machine alone, and by no page in a browser",
    });
  }
  const body = await readBody(request, MAX_EMULATOR_BYTES);
  if (body === undefined) return page(413, { error: `a body has at most ${MAX_EMULATOR_BYTES} bytes` });
  const { status, answer } = await options.emulator({ method, path: options.path, headers, body });
  return page(status, answer);
}

/** The host that a request names, without port and brackets. */
function hostOf({ host = "" }: IncomingHttpHeaders): string {
  return host.replace(/:[0-9]*$/, "").replace(/^\[(.*)\]$/, "$1");
}

/** In the place of Node's own answer to what is no HTTP, which says nothing of the emulator. */
function refuseMarked(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `${EMULATOR_HEADER}: true`, "Connection: close", "", ""];
  socket.end(lines.join("\r\n"));
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
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const body = Buffer.alloc(maxBytes);
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("the request has an encoding");
    if (length + chunk.length > maxBytes) return undefined;
    length += chunk.copy(body, length);
    chunk.fill(0);
  }
  return body.subarray(0, length);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
