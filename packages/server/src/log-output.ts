import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { type DestinationStream, symbols } from "pino";

/** Most bytes of lines that wait to be written. */
const MAX_WAITING_BYTES = 1_048_576;
/** More than that for errors: what anybody can cause to be logged crowds no alarm out. */
const MORE_FOR_ERRORS_BYTES = 262_144;
/** Pino's number for `error`; `fatal` is above it. */
const ERROR_LEVEL = 50;
/** How soon what could not be written is tried again, in milliseconds. */
const RETRY_MILLIS = 20;
/** Longest time that the end of the process waits for a reader of the lines that are left, in milliseconds. */
const END_PATIENCE_MILLIS = 1_000;
const END_POLL_MILLIS = 10;

/** An open file of the operating system, to write lines to. */
interface OpenOutput {
  readonly fd: number;
  /** Whether a write can take as long as a disk does; else it returns at once, with `EAGAIN` where nobody reads. */
  readonly isFile: boolean;
}

/**
 * Where log lines go: standard error, which may be a pipe that nobody reads, a terminal that was stopped, or a file on a
 * full disk. Writing never waits and never throws. Lines that cannot leave wait, so many bytes of them; the rest is
 * dropped, and counted.
 */
export class LogOutput implements DestinationStream {
  /** Makes pino set {@link LogOutput.lastLevel} before each line. */
  readonly [symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  readonly #output: OpenOutput;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** What waits is being written, by this turn or a thread, or going to be by the timer. */
  #isBusy = false;
  #isInThread = false;
  #hasEnded = false;
  #retry: NodeJS.Timeout | undefined;
  #dropped = 0;
  #droppedUntold = 0;
  #tellDropped: (lines: number) => void = () => undefined;

  /** @param output - standard error unless given. */
  constructor(output: OpenOutput = openStandardError()) {
    this.#output = output;
  }

  /** Lines dropped up to now. */
  get dropped(): number {
    return this.#dropped;
  }

  /** From now on `tell` is called with how many lines were dropped, once all that waited has left. */
  onDropped(tell: (lines: number) => void): void {
    this.#tellDropped = tell;
  }

  /** Takes one whole line. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    const limit = MAX_WAITING_BYTES + (this.lastLevel >= ERROR_LEVEL ? MORE_FOR_ERRORS_BYTES : 0);
    if (this.#waitingBytes + bytes.length > limit) {
      this.#dropped++;
      this.#droppedUntold++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isBusy) this.#proceed();
  }

  /**
   * Writes what waits, as far as it is taken within a second. For the very end of the process, which it blocks until
   * then: what is logged afterwards is lost.
   */
  finish(): void {
    clearTimeout(this.#retry);
    this.#isBusy = true;
    this.#hasEnded = true;
    // That line leaves with its thread, which the process waits for.
    if (this.#isInThread) this.#take(this.#waiting[0]?.length ?? 0);
    const endAt = performance.now() + END_PATIENCE_MILLIS;
    const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      try {
        this.#take(writeSync(this.#output.fd, line));
      } catch (error) {
        if (!isForNow(error) || performance.now() >= endAt) return;
        Atomics.wait(sleeper, 0, 0, END_POLL_MILLIS);
      }
    }
  }

  #proceed(): void {
    this.#isBusy = true;
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      if (this.#output.isFile) {
        this.#writeInThread(line);
        return;
      }
      try {
        this.#take(writeSync(this.#output.fd, line));
      } catch {
        // Nobody reads now, or nobody ever will: either may change.
        this.#retryLater();
        return;
      }
    }
    this.#isBusy = false;
  }

  #writeInThread(line: Uint8Array): void {
    this.#isInThread = true;
    write(this.#output.fd, line, (error, written) => {
      this.#isInThread = false;
      if (this.#hasEnded) return;
      if (error !== null) {
        this.#retryLater();
        return;
      }
      this.#take(written);
      this.#proceed();
    });
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => this.#proceed(), RETRY_MILLIS);
    this.#retry.unref();
  }

  /** The first line that waits; if none does any more, that of whoever tells how many were dropped. */
  #next(): Uint8Array | undefined {
    if (this.#waiting.length === 0 && this.#droppedUntold > 0) {
      const lines = this.#droppedUntold;
      this.#droppedUntold = 0;
      this.#tellDropped(lines);
    }
    return this.#waiting[0];
  }

  /** So many bytes of the first line have left. */
  #take(bytes: number): void {
    const [line] = this.#waiting;
    if (line === undefined) return;
    this.#waitingBytes -= bytes;
    if (bytes < line.length) this.#waiting[0] = line.subarray(bytes);
    else this.#waiting.shift();
  }
}

const STANDARD_ERROR = 2;

function openStandardError(): OpenOutput {
  const fd = STANDARD_ERROR;
  // Through a description of our own, lines would overwrite what comes by the shared one.
  if (fstatSync(fd).isFile()) return { fd, isFile: true };
  try {
    // A description of our own, so that nobody else's settings make its writes wait.
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return { fd: openSync("/proc/self/fd/2", flags), isFile: false };
  } catch {
    // A socket, or somebody else's pipe or terminal: asking for Node's stream makes pipes and sockets return at once.
    void process.stderr;
    return { fd, isFile: false };
  }
}

/** Whether it is only that nobody reads at the moment. */
function isForNow(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
