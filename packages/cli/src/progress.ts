import type { Io, Output } from "./io.ts";
import { formatAmount, type Unit } from "./quantity.ts";

const REDRAW_MILLIS = 100;
const BAR_CELLS = 20;
const CLEAR_LINE = "\r\u001b[K";

interface Task {
  /** What is going on, such as "Encrypting". */
  readonly label: string;
  readonly unit: Unit;
  /** How much there is to do, if known. */
  readonly total?: number | undefined;
}

/**
 * One line on a terminal that shows how far a task is, how fast it goes and when it will be done; nothing elsewhere.
 * It is gone when disposed of.
 */
export class Progress implements Disposable {
  readonly #output: Output | undefined;
  readonly #task: Task;
  readonly #now: () => number;
  readonly #startedAt: number;
  #drawnAt: number;
  #done = 0;

  /** @param now - a clock in milliseconds that never goes back. */
  constructor(io: Pick<Io, "stderr">, task: Task, now: () => number = () => performance.now()) {
    this.#output = io.stderr.isTTY === true ? io.stderr : undefined;
    this.#task = task;
    this.#now = now;
    this.#startedAt = now();
    this.#drawnAt = this.#startedAt;
  }

  advance(amount: number): void {
    this.#done += amount;
    if (this.#output === undefined) return;
    const now = this.#now();
    if (now - this.#drawnAt < REDRAW_MILLIS) return;
    this.#drawnAt = now;
    const width = (this.#output.columns ?? 80) - 1;
    this.#output.write(CLEAR_LINE + this.#line((now - this.#startedAt) / 1000).slice(0, width));
  }

  /** Passes bytes on, and counts them. */
  async *count<T extends Uint8Array>(source: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    for await (const chunk of source) {
      this.advance(chunk.length);
      yield chunk;
    }
  }

  [Symbol.dispose](): void {
    if (this.#drawnAt > this.#startedAt) this.#output?.write(CLEAR_LINE);
  }

  #line(elapsedSeconds: number): string {
    const { label, unit, total } = this.#task;
    const rate = this.#done / elapsedSeconds;
    const speed = `${formatAmount(rate, unit)}/s`;
    // A file may grow while it is read.
    if (total === undefined || this.#done > total) return `${label}  ${formatAmount(this.#done, unit)}  ${speed}`;
    const share = this.#done / total;
    const cells = Math.floor(share * BAR_CELLS);
    const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
    const amounts = `${formatAmount(this.#done, unit)} of ${formatAmount(total, unit)}`;
    const left = formatSeconds((total - this.#done) / rate);
    return `${label}  ${bar}  ${Math.floor(share * 100)} %  ${amounts}  ${speed}  ${left} left`;
  }
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
