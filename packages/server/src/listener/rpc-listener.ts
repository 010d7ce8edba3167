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

import type { RefusalDetails } from "@cinnabar/kernel";
import { readClientKeyId } from "@cinnabar/rpc";

import type { TlsMaterial } from "../tls/index.ts";
import { bind, boundAddress } from "./bind.ts";
import { Connection } from "./connection.ts";
import { ConnectionCounter } from "./connection-counter.ts";
import { Exchange, type ListenerCall } from "./exchange.ts";
import { unmapped } from "./forwarded.ts";
import { formatListenAddress, isWildcard, type ListenAddress } from "./listen-address.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "./listener-limits.ts";
import { contains, parseNetworks } from "./networks.ts";
import { formatRefusal, type ListenerRefusalReason, type Refusal, refusalOf, REFUSALS } from "./refusal.ts";

/** How often headers on their way are counted, in milliseconds. */
const HEADERS_WATCH_MILLIS = 250;
/** The largest body that is counted only while it is received: what has more may wait long for its answer. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

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
  #headersWatch: NodeJS.Timeout | undefined;
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

  async listen(): Promise<void> {
    await bind(this.#server, {
      address: this.#options,
      onError: ({ code }) => this.#options.onRefused("too-many-connections", { code }),
    });
    // Node says nothing of headers before they are whole.
    this.#headersWatch = setInterval(() => this.#endLongHeaders(), HEADERS_WATCH_MILLIS).unref();
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
    clearInterval(this.#headersWatch);
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
    const hasBody = (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
    connection.cameWhole();
    if (hasBody) this.#receiveBody(request, exchange);
    else this.#handOver(exchange);
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
      exchange.connection.bodyCame(chunk.length);
      this.#receivingBytes += chunk.length;
      chunks.push(chunk);
      if (size > limit) refuse(REFUSALS.bodyTooLarge);
      else if (this.#receivingBytes > this.#limits.receivingBytes) refuse(REFUSALS.tooManyBodies);
    });
    request.on("end", () => {
      if (exchange.connection.isRefused) return;
      exchange.connection.cameWhole();
      if (!this.#countUnanswered(exchange, size)) return refuse(REFUSALS.tooManyBodies);
      const [only] = chunks;
      exchange.http.body = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, size);
      this.#handOver(exchange);
    });
    request.on("close", release);
  }

  /** Ends the connections with the longest headers on their way, as long as those of all are too long together. */
  #endLongHeaders(): void {
    let bytes = 0;
    for (const { headerBytes } of this.#connections.values()) bytes += headerBytes;
    if (bytes <= this.#limits.receivingBytes) return;
    const longestFirst = [...this.#connections.values()].toSorted((a, b) => b.headerBytes - a.headerBytes);
    for (const { headerBytes, peer, socket } of longestFirst) {
      if (bytes <= this.#limits.receivingBytes) return;
      bytes -= headerBytes;
      const { reason, code } = REFUSALS.tooManyBodies;
      this.#options.onRefused(reason, { code, source: peer.sourceAddress });
      // Without an answer: until it was read, the headers would stay in memory.
      socket.destroy();
    }
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
