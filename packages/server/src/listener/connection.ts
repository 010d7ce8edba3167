import type { ServerResponse } from "node:http";
import type { BlockList, Socket } from "node:net";

import type { CallOrigin } from "./forwarded.ts";

/** A socket that requests come on. */
export class Connection {
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
  /** What had been read of the socket when the last headers or the last body were whole, and the body that came since. */
  #bytesDone = 0;

  constructor(options: { socket: Socket; peer: CallOrigin; trusted: BlockList | undefined }) {
    this.socket = options.socket;
    this.peer = options.peer;
    this.trusted = options.trusted;
  }

  /** Bytes of headers, or of what may follow a body, that are not whole, which only the socket knows of: it has read at least so many. */
  get headerBytes(): number {
    return this.isRefused ? 0 : Math.max(0, this.socket.bytesRead - this.#bytesDone);
  }

  /** Headers, or a body, are whole. */
  cameWhole(): void {
    this.#bytesDone = this.socket.bytesRead;
  }

  /** A part of a body has come. */
  bodyCame(bytes: number): void {
    this.#bytesDone += bytes;
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
