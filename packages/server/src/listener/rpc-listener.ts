import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type BlockList, type DropArgument, isIP, isIPv6, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Answer, IncomingCall, RefusalDetails } from "@cinnabar/kernel";
import {
  type HttpRequest,
  INSTANCE_HEADERS,
  JSON_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
  readClientKeyId,
  XML_CONTENT_TYPE,
} from "@cinnabar/rpc";

import type { TlsMaterial } from "../tls/index.ts";
import { bind, boundAddress } from "./bind.ts";
import { ConnectionCounter } from "./connection-counter.ts";
import { EMULATOR_HEADER } from "./emulator-header.ts";
import { type CallOrigin, readForwarded, unmapped } from "./forwarded.ts";
import { formatListenAddress, isWildcard, type ListenAddress } from "./listen-address.ts";
import { contains, parseNetworks } from "./networks.ts";
import { formatRefusal, type ListenerRefusalReason, type Refusal, refusalOf, REFUSALS } from "./refusal.ts";

/** What anybody may ask of the listener before being known. */
export interface ListenerLimits {
  /** Bytes of the request line and the headers. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** As `bodyBytes`, of whoever names a client key that was issued. */
  readonly instanceBodyBytes: number;
  /** Bytes of all bodies that are being received. */
  readonly receivingBytes: number;
  /** Bytes of all large bodies, beyond 64 KiB, whose calls are not answered: one takes its size thrice in memory. */
  readonly unansweredBytes: number;
  /** Time to send a whole request, and to finish a TLS handshake. */
  readonly requestMillis: number;
  /** How long a connection without a request is kept. */
  readonly keepAliveMillis: number;
  /** How long a connection is kept on which nothing moves, such as one whose client does not take its answer. */
  readonly stalledMillis: number;
  /** How long a client that was refused may go on sending, so that it comes to read why. */
  readonly lingerMillis: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Calls on one connection that wait for their answers. */
  readonly callsPerConnection: number;
}

const DEFAULT_LIMITS: ListenerLimits = {
  headerBytes: 256 * 1024,
  bodyBytes: 1024 * 1024,
  // Published: 3 MB (KMS Instance API, "Encrypt").
  instanceBodyBytes: 3 * 1024 * 1024,
  receivingBytes: 64 * 1024 * 1024,
  unansweredBytes: 32 * 1024 * 1024,
  requestMillis: 10_000,
  keepAliveMillis: 65_000,
  stalledMillis: 60_000,
  lingerMillis: 2_000,
  connections: 4_096,
  connectionsPerAddress: 1_024,
  callsPerConnection: 64,
};

/** The largest body that is counted only while it is received: what has more may wait long for its answer. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/** A call with the connection that it came on. */
export interface ListenerCall extends IncomingCall {
  /** Ends the connection instead of answering, with all that is open on it: what the emulator does to calls. */
  drop(): void;
}

export interface RpcListenerOptions extends ListenAddress {
  /** Serves https where given, TLS 1.2 and later; http where not. */
  readonly tls?: Pick<TlsMaterial, "cert" | "key"> | undefined;
  /**
   * Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed, and whose connections are counted
   * with the total alone.
   */
  readonly trustedProxies?: readonly string[];
  /** 1,024 where not given; an IPv6 network of 64 bits counts as one address. */
  readonly maxConnectionsPerAddress?: number;
  /** Takes a call, and answers it with its `respond`, once. Must not throw. The body is whole. */
  handle(call: ListenerCall): void;
  /** Whether a client key was certainly not invented by who names it. Left out, none is known. */
  readonly isIssuedClientKey?: ((clientKeyId: string) => boolean) | undefined;
  /** A request or a connection that never became a call. */
  onRefused(reason: ListenerRefusalReason, details: RefusalDetails): void;
  /** Marks every answer as an emulator's. */
  readonly isEmulator?: boolean;
  /** For tests: what is not given is as documented. */
  readonly limits?: Partial<ListenerLimits>;
}

/**
 * Listens for calls.
 *
 * @throws OperatorError if the address cannot be had, with the reason; RangeError for a network that is none.
 */
export async function startRpcListener(options: RpcListenerOptions): Promise<RpcListener> {
  const listener = new RpcListener(options);
  await listener.listen();
  return listener;
}

/**
 * The API's HTTP server. It knows nothing of the API: it bounds what a stranger may cost, hands over whole requests, and
 * writes answers, each with one write. What it refuses by itself is answered in JSON as well.
 */
export class RpcListener {
  #options: RpcListenerOptions;
  readonly #limits: ListenerLimits;
  readonly #trusted: BlockList;
  readonly #server: Server;
  readonly #perAddress: ConnectionCounter;
  /** All TCP sockets, those included whose TLS handshake is not done. */
  readonly #sockets = new Set<Socket>();
  /** By the socket that requests come on: with TLS, not one of the above. */
  readonly #connections = new Map<Duplex, Connection>();
  #receivingBytes = 0;
  #unansweredBytes = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: RpcListenerOptions) {
    this.#options = options;
    const { maxConnectionsPerAddress = DEFAULT_LIMITS.connectionsPerAddress } = options;
    this.#limits = { ...DEFAULT_LIMITS, connectionsPerAddress: maxConnectionsPerAddress, ...options.limits };
    this.#trusted = parseNetworks(options.trustedProxies ?? []);
    this.#perAddress = new ConnectionCounter(this.#limits.connectionsPerAddress);
    this.#server = this.#createServer();
  }

  /** The address really bound. */
  get address(): ListenAddress {
    return boundAddress(this.#server);
  }

  /**
   * Where this machine reaches the listener: the address really bound, or the name that it was given, which a
   * certificate may be made out to. No path, no slash at the end.
   */
  get url(): string {
    const { host, port } = this.address;
    const isName = isIP(this.#options.host) === 0 && this.#options.host !== "localhost";
    const reached = isWildcard(host) ? (isIPv6(host) ? "::1" : "127.0.0.1") : host;
    const authority = formatListenAddress({ host: isName ? this.#options.host : reached, port });
    return `${this.#options.tls === undefined ? "http" : "https"}://${authority}`;
  }

  /** Connections there are, counting those whose TLS handshake is not done. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  listen(): Promise<void> {
    return bind(this.#server, {
      address: this.#options,
      onError: ({ code }) => this.#options.onRefused("too-many-connections", { code }),
    });
  }

  /** Lets somebody else take the calls from now on. Who has connected stays connected. */
  handOver(options: Pick<RpcListenerOptions, "handle" | "isIssuedClientKey" | "onRefused">): void {
    const { handle, isIssuedClientKey, onRefused } = options;
    this.#options = { ...this.#options, handle, isIssuedClientKey, onRefused };
  }

  /**
   * Takes no more connections, closes those without a request, answers what is open, and ends all.
   *
   * @param graceMillis - after it, connections end without their answers.
   */
  stop(graceMillis: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMillis);
    return this.#stopped;
  }

  async #stop(graceMillis: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.values()) {
      // To Node, a connection that no request ever came on is not idle.
      if (connection.isUnused) connection.socket.destroy();
      else connection.closeAfterAnswers();
    }
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMillis);
    await closed;
    clearTimeout(deadline);
  }

  #createServer(): Server {
    const { tls } = this.#options;
    const limits = this.#limits;
    const http = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestMillis,
      requestTimeout: limits.requestMillis,
      connectionsCheckingInterval: Math.min(1000, limits.requestMillis / 2),
      keepAliveTimeout: limits.keepAliveMillis,
      // Node's own answer would have no body.
      requireHostHeader: false,
    };
    const server: Server =
      tls === undefined
        ? createServer(http)
        : createTlsServer({
            ...http,
            cert: tls.cert,
            key: tls.key,
            minVersion: "TLSv1.2",
            handshakeTimeout: limits.requestMillis,
          });
    server.maxConnections = limits.connections;
    server.timeout = limits.stalledMillis;
    // Whoever has sent a whole request and nothing else to say may still read the answer.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on("connection", (socket: Socket) => this.#admit(socket));
    server.on("secureConnection", (socket: Socket) => this.#greet(socket));
    server.on("drop", (dropped?: DropArgument) => this.#tooMany(dropped?.remoteAddress));
    server.on("request", (request, response) => this.#receive(request, response));
    server.on("checkContinue", (request, response) => this.#receive(request, response, "expects-continue"));
    server.on("checkExpectation", (request) => this.#refuseRequest(request, REFUSALS.expectation));
    server.on("connect", (request) => this.#refuseRequest(request, REFUSALS.tunnel));
    server.on("clientError", (error, socket) => this.#blame(error, socket));
    return server;
  }

  /** Counts a TCP connection, or ends it. */
  #admit(socket: Socket): void {
    const address = socket.remoteAddress;
    // It is gone already.
    if (address === undefined) return void socket.destroy();
    const peer = unmapped(address);
    const isCounted = !contains(this.#trusted, peer);
    if (isCounted && !this.#perAddress.enter(peer)) {
      socket.destroy();
      return this.#tooMany(peer);
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (isCounted) this.#perAddress.leave(peer);
    });
    if (this.#options.tls === undefined) this.#greet(socket);
  }

  /** Makes a connection of a socket that requests may come on. */
  #greet(socket: Socket): void {
    const sourceAddress = unmapped(socket.remoteAddress ?? "");
    const isTrusted = sourceAddress !== "" && contains(this.#trusted, sourceAddress);
    const peer = { sourceAddress, isSecure: this.#options.tls !== undefined };
    this.#connections.set(socket, new Connection({ socket, peer, trusted: isTrusted ? this.#trusted : undefined }));
    socket.once("close", () => this.#connections.delete(socket));
  }

  #receive(request: IncomingMessage, response: ServerResponse, expectation?: "expects-continue"): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.isRefused) return;
    connection.isUnused = false;
    const { headers } = request;
    if (headers.host === undefined && request.httpVersion !== "1.0") {
      return this.#refuseRequest(request, REFUSALS.hostMissing);
    }
    if (connection.open >= this.#limits.callsPerConnection) {
      return this.#refuseRequest(request, REFUSALS.tooManyCalls);
    }
    const length = headers["content-length"];
    if (length !== undefined && Number(length) > this.#bodyLimit(request)) {
      return this.#refuseRequest(request, REFUSALS.bodyTooLarge);
    }
    if (expectation !== undefined) response.writeContinue();
    const { isEmulator = false } = this.#options;
    const exchange = new Exchange({ connection, request, response, isEmulator });
    if ((length === undefined || length === "0") && headers["transfer-encoding"] === undefined) {
      this.#handOver(exchange);
    } else {
      this.#receiveBody(request, exchange);
    }
  }

  #receiveBody(request: IncomingMessage, exchange: Exchange): void {
    const limit = this.#bodyLimit(request);
    const chunks: Buffer[] = [];
    let size = 0;
    const release = () => {
      this.#receivingBytes -= size;
      size = 0;
      chunks.length = 0;
    };
    const refuse = (refusal: Refusal) => {
      release();
      this.#refuseRequest(request, refusal);
    };
    request.on("data", (chunk: Buffer) => {
      if (exchange.connection.isRefused) return;
      size += chunk.length;
      this.#receivingBytes += chunk.length;
      chunks.push(chunk);
      if (size > limit) refuse(REFUSALS.bodyTooLarge);
      else if (this.#receivingBytes > this.#limits.receivingBytes) refuse(REFUSALS.tooManyBodies);
    });
    request.on("end", () => {
      if (exchange.connection.isRefused) return;
      if (!this.#countUnanswered(exchange, size)) return refuse(REFUSALS.tooManyBodies);
      const [only] = chunks;
      exchange.http.body = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, size);
      this.#handOver(exchange);
    });
    request.on("close", release);
  }

  /** Counts a large body until its call is answered. @returns false if that were too much. */
  #countUnanswered(exchange: Exchange, bytes: number): boolean {
    if (bytes <= MAX_SMALL_BODY_BYTES) return true;
    if (this.#unansweredBytes + bytes > this.#limits.unansweredBytes) return false;
    this.#unansweredBytes += bytes;
    exchange.onEnded = () => (this.#unansweredBytes -= bytes);
    return true;
  }

  #bodyLimit({ headers }: IncomingMessage): number {
    const clientKeyId = readClientKeyId(headers);
    const isIssued = clientKeyId !== undefined && this.#options.isIssuedClientKey?.(clientKeyId) === true;
    return isIssued ? this.#limits.instanceBodyBytes : this.#limits.bodyBytes;
  }

  #handOver(exchange: Exchange): void {
    const { connection } = exchange;
    connection.owe(exchange.response);
    if (this.#stopped !== undefined) connection.closeAfterAnswers();
    this.#options.handle(exchange);
  }

  /** What Node found wrong with a connection. */
  #blame(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    // What goes on coming on a refused connection is as malformed as before; to end it now would lose the answer.
    if (connection?.isRefused === true) return;
    const refusal = refusalOf(error);
    if (connection !== undefined && refusal !== undefined && socket.writable) {
      return this.#refuse(connection.socket, refusal, {});
    }
    socket.destroy();
    // A handshake that failed otherwise than by the client's going away.
    if (connection === undefined && error.code !== "ECONNRESET") {
      this.#options.onRefused("malformed", { code: error.code });
    }
  }

  #refuseRequest(request: IncomingMessage, refusal: Refusal): void {
    // What is still to come of it is thrown away.
    request.resume();
    this.#refuse(request.socket, refusal, request.headers);
  }

  /** Tells a client why nothing more is taken from it. Calls that it has open are answered instead. */
  #refuse(socket: Duplex, refusal: Refusal, headers: IncomingHttpHeaders): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isRefused) return;
    const source = connection.peer.sourceAddress;
    this.#options.onRefused(refusal.reason, { code: refusal.code, status: refusal.status, source });
    const { isEmulator = false } = this.#options;
    connection.refuse(formatRefusal(refusal, { headers, isEmulator }), this.#limits.lingerMillis);
  }

  #tooMany(source: string | undefined): void {
    this.#options.onRefused("too-many-connections", { source });
  }
}

/** A socket that requests come on. */
class Connection {
  readonly socket: Socket;
  readonly peer: CallOrigin;
  /** The proxies to be believed, if the peer is one of them. */
  readonly trusted: BlockList | undefined;
  /** No request has come on it yet. */
  isUnused = true;
  /** Nothing more is taken from it. */
  isRefused = false;
  /** Calls handed over that have no answer yet. */
  open = 0;
  #last: ServerResponse | undefined;

  constructor(options: { socket: Socket; peer: CallOrigin; trusted: BlockList | undefined }) {
    this.socket = options.socket;
    this.peer = options.peer;
    this.trusted = options.trusted;
  }

  owe(response: ServerResponse): void {
    this.open++;
    this.#last = response;
  }

  /** Lets the last answer that is owed say, and be, the end of the connection. */
  closeAfterAnswers(): void {
    if (this.open > 0 && this.#last !== undefined) this.#last.shouldKeepAlive = false;
  }

  refuse(answer: Uint8Array, lingerMillis: number): void {
    this.isRefused = true;
    if (this.open > 0) return this.closeAfterAnswers();
    // The client may still be sending: to close at once would reset the connection before it has read the answer.
    this.socket.end(answer);
    this.socket.resume();
    setTimeout(() => this.socket.destroy(), lingerMillis).unref();
  }
}

class Exchange implements ListenerCall {
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

const CONTENT_TYPES: Readonly<Record<Answer["format"], string>> = {
  JSON: JSON_CONTENT_TYPE,
  XML: XML_CONTENT_TYPE,
  PROTOBUF: PROTOBUF_CONTENT_TYPE,
};

const NO_BODY = new Uint8Array();
