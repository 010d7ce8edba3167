import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type CpuTimes, cpuNanosBetween, readCpuTimes } from "./cpu-time.ts";
import { decodeAnswer, type HttpAnswer } from "./http-bytes.ts";
import { type CoreTicks, readCoreTicks } from "./machine.ts";
import { quantile } from "./statistics.ts";

const SAMPLE_EVERY = 997;
const MAX_SILENCE_MILLIS = 10_000;

/** A request ready to be written. */
export interface ReadyRequest {
  readonly bytes: Uint8Array;
  /** What is encrypted, to compare with later. */
  readonly plaintext: string;
}

/** Gives requests, each only once. */
export interface RequestSource {
  /** Makes so many now that `next` costs nothing when time counts; it makes more when they are used up. */
  prepare(count: number): void;
  next(): ReadyRequest;
}

/** Who is sent the load, and whose time is counted. */
export interface LoadTarget {
  readonly port: number;
  readonly pid: number;
  readonly core: number;
  /** The database's first process, its time counted apart. */
  readonly databasePid?: number | undefined;
  readonly source: RequestSource;
}

/** An answered request, kept to be checked after the measurement. */
export interface Sample {
  readonly plaintext: string;
  readonly answer: HttpAnswer;
}

/** What was measured in one window of time, in a closed loop: each connection sends its next request when it has an answer. */
export interface LoadWindow {
  /** In the window. */
  readonly answered: number;
  /** Before, in and after the window: all that the server has on record. */
  readonly answeredInAll: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** CPU time of the server's process tree, and of the database's, for each answered request. */
  readonly cpuMicros: number;
  readonly databaseCpuMicros: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
  /** CPU time of the server's process tree by wall time; it has one core. */
  readonly utilization: number;
  /** Share of the server's core that the hypervisor gave to somebody else. */
  readonly steal: number;
  readonly samples: readonly Sample[];
  /** Answers other than 200. */
  readonly failures: readonly HttpAnswer[];
}

/** Sends load for `rampMillis`, then measures for `windowMillis`, then lets open requests finish. */
export async function runLoad(
  target: LoadTarget,
  options: { connections: number; rampMillis: number; windowMillis: number },
): Promise<LoadWindow> {
  const run = new LoadRun(target);
  const connections = await Promise.all(Array.from({ length: options.connections }, () => run.open()));
  const finished = Promise.all(connections.map((connection) => connection.drive()));
  // A failed connection is reported by the last line; until then it must not end the process.
  finished.catch(() => {});
  await sleep(options.rampMillis);
  const from = run.mark();
  await sleep(options.windowMillis);
  const to = run.mark();
  run.stopped = true;
  await finished;
  return run.summarize(from, to);
}

interface Mark {
  readonly at: number;
  readonly answered: number;
  readonly server: CpuTimes;
  readonly database: CpuTimes;
  readonly ticks: CoreTicks;
}

class LoadRun {
  readonly target: LoadTarget;
  /** Milliseconds, in the order of the answers. */
  readonly latencies: number[] = [];
  readonly samples: Sample[] = [];
  readonly failures: HttpAnswer[] = [];
  stopped = false;

  constructor(target: LoadTarget) {
    this.target = target;
  }

  async open(): Promise<LoadConnection> {
    const socket = connect({ port: this.target.port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new LoadConnection(this, socket);
  }

  mark(): Mark {
    const { pid, databasePid, core } = this.target;
    return {
      at: performance.now(),
      answered: this.latencies.length,
      server: readCpuTimes(pid),
      database: databasePid === undefined ? new Map() : readCpuTimes(databasePid),
      ticks: readCoreTicks(core),
    };
  }

  summarize(from: Mark, to: Mark): LoadWindow {
    const answered = to.answered - from.answered;
    const seconds = (to.at - from.at) / 1000;
    const serverMicros = cpuNanosBetween({ from: from.server, to: to.server }) / 1000;
    const latencies = this.latencies.slice(from.answered, to.answered);
    return {
      answered,
      answeredInAll: this.latencies.length,
      seconds,
      requestsPerSecond: answered / seconds,
      cpuMicros: serverMicros / answered,
      databaseCpuMicros: cpuNanosBetween({ from: from.database, to: to.database }) / 1000 / answered,
      p50Millis: quantile(latencies, 0.5),
      p99Millis: quantile(latencies, 0.99),
      utilization: serverMicros / 1e6 / seconds,
      steal: (to.ticks.stolen - from.ticks.stolen) / (to.ticks.all - from.ticks.all),
      samples: this.samples,
      failures: this.failures,
    };
  }
}

class LoadConnection {
  readonly #run: LoadRun;
  readonly #socket: Socket;

  constructor(run: LoadRun, socket: Socket) {
    this.#run = run;
    this.#socket = socket;
  }

  /** Sends and receives until the run is stopped. */
  drive(): Promise<void> {
    const run = this.#run;
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let request = run.target.source.next();
      let sentAt = performance.now();
      let received: Buffer | undefined;

      const receive = (chunk: Buffer): void => {
        received = received === undefined ? chunk : Buffer.concat([received, chunk]);
        const answer = decodeAnswer(received);
        if (answer === undefined) return;
        received = undefined;
        const now = performance.now();
        if (answer.status !== 200) run.failures.push(answer);
        else if (run.latencies.length % SAMPLE_EVERY === 0) {
          run.samples.push({ plaintext: request.plaintext, answer });
        }
        run.latencies.push(now - sentAt);
        if (run.stopped) return finish();
        request = run.target.source.next();
        sentAt = now;
        socket.write(request.bytes);
      };
      const finish = (): void => {
        socket.removeAllListeners();
        socket.end();
        resolve();
      };

      socket.on("data", (chunk) => {
        try {
          receive(chunk);
        } catch (error) {
          socket.destroy();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("The server closed a connection before its answer.")));
      socket.setTimeout(MAX_SILENCE_MILLIS, () => socket.destroy(new Error("The server did not answer.")));
      socket.write(request.bytes);
    });
  }
}
