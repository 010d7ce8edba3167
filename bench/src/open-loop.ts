import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { decodeAnswer, type HttpAnswer } from "./http-bytes.ts";
import type { ReadyRequest, RequestSource } from "./load.ts";
import { quantile } from "./statistics.ts";

const CONNECTIONS = 64;
const MAX_SILENCE_MILLIS = 120_000;

/** What came of requests that were sent when they were due, whether or not those before were answered. */
export interface OpenLoopResult {
  /** From when a request was due to its answer. */
  readonly p50Millis: number;
  readonly p99Millis: number;
  readonly answers: number;
  /** By how much the load itself was late, at most, for 99 % of the requests. */
  readonly lagP99Millis: number;
  /** Answers other than 200. */
  readonly failures: readonly HttpAnswer[];
}

/**
 * Sends requests at a fixed rate until told to stop, over as many connections as are needed, 64 at most: a request that finds
 * none free waits, and its waiting counts.
 */
export class OpenLoop {
  readonly #port: number;
  readonly #source: RequestSource;
  readonly #intervalMillis: number;
  readonly #idle: OpenConnection[] = [];
  readonly #waiting: Due[] = [];
  readonly #latencies: number[] = [];
  readonly #lags: number[] = [];
  readonly #failures: HttpAnswer[] = [];
  #open = 0;
  #failure: Error | undefined;

  constructor(options: { readonly port: number; readonly source: RequestSource; readonly perSecond: number }) {
    this.#port = options.port;
    this.#source = options.source;
    this.#intervalMillis = 1_000 / options.perSecond;
  }

  /** Sends for so long, measures what was due after the ramp, and waits for the answers. */
  async run({ rampMillis, windowMillis }: { rampMillis: number; windowMillis: number }): Promise<OpenLoopResult> {
    const seconds = (rampMillis + windowMillis) / 1_000;
    this.#source.prepare(Math.ceil((seconds * 1_000) / this.#intervalMillis) + 1);
    const startedAt = performance.now();
    const measureFrom = startedAt + rampMillis;
    const until = measureFrom + windowMillis;
    for (let due = startedAt; due < until && this.#failure === undefined; due += this.#intervalMillis) {
      const ahead = due - performance.now();
      // A timer is a millisecond late: what is due sooner is sent with what is due now.
      if (ahead >= 1) await sleep(ahead);
      else if (ahead <= -1) await turn();
      const counts = due >= measureFrom;
      if (counts) this.#lags.push(Math.max(0, performance.now() - due));
      await this.#send({ due, counts });
    }
    while (this.#failure === undefined && this.#idle.length < this.#open) await sleep(5);
    for (const connection of this.#idle) connection.close();
    if (this.#failure !== undefined) throw this.#failure;
    return {
      p50Millis: quantile(this.#latencies, 0.5),
      p99Millis: quantile(this.#latencies, 0.99),
      answers: this.#latencies.length,
      lagP99Millis: quantile(this.#lags, 0.99),
      failures: this.#failures,
    };
  }

  async #send(request: Due): Promise<void> {
    const free = this.#idle.pop();
    if (free !== undefined) this.#give(free, request);
    else if (this.#open === CONNECTIONS) this.#waiting.push(request);
    else this.#give(await this.#connect(), request);
  }

  async #connect(): Promise<OpenConnection> {
    this.#open++;
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new OpenConnection(socket, (error) => (this.#failure ??= error));
  }

  #give(connection: OpenConnection, { due, counts }: Due): void {
    connection.send(this.#source.next(), (answer) => {
      if (answer.status !== 200) this.#failures.push(answer);
      if (counts) this.#latencies.push(performance.now() - due);
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(connection);
      else this.#give(connection, next);
    });
  }
}

/** A request, by the time at which it is due, and whether it is measured. */
interface Due {
  readonly due: number;
  readonly counts: boolean;
}

class OpenConnection {
  readonly #socket: Socket;
  readonly #fail: (error: Error) => void;
  #received: Buffer | undefined;
  #take: ((answer: HttpAnswer) => void) | undefined;

  constructor(socket: Socket, fail: (error: Error) => void) {
    this.#socket = socket;
    this.#fail = fail;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("The server closed a connection.")));
    socket.setTimeout(MAX_SILENCE_MILLIS, () => fail(new Error("The server did not answer.")));
  }

  send(request: ReadyRequest, take: (answer: HttpAnswer) => void): void {
    this.#take = take;
    this.#socket.write(request.bytes);
  }

  close(): void {
    this.#socket.removeAllListeners();
    this.#socket.end();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    try {
      const answer = decodeAnswer(this.#received);
      if (answer === undefined) return;
      this.#received = undefined;
      this.#take?.(answer);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
