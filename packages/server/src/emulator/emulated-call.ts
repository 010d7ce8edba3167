import type { Answer } from "@cinnabar/kernel";
import type { ListenerCall } from "../listener/index.ts";

/** A call on its way through an emulator, which may delay its answer or lose it. */
export class EmulatedCall implements ListenerCall {
  readonly http: ListenerCall["http"];
  readonly sourceAddress: string;
  readonly isSecure: boolean;
  readonly #inner: ListenerCall;
  readonly #settled: () => void;
  #delayMillis = 0;
  #losesAnswer = false;

  /** @param settled - told once, when the server is done with the call; its answer may still be delayed. */
  constructor(inner: ListenerCall, settled: () => void) {
    this.http = inner.http;
    this.sourceAddress = inner.sourceAddress;
    this.isSecure = inner.isSecure;
    this.#inner = inner;
    this.#settled = settled;
  }

  /** By how much the answer leaves later, in milliseconds. */
  get delayMillis(): number {
    return this.#delayMillis;
  }

  /** Has the answer leave later by so many milliseconds, beside what was said before. */
  delay(millis: number): void {
    this.#delayMillis += millis;
  }

  /** Has the connection end instead of the answer's leaving. */
  loseAnswer(): void {
    this.#losesAnswer = true;
  }

  drop(): void {
    this.#settled();
    this.#afterDelay(() => this.#inner.drop());
  }

  respond(answer: Answer): void {
    this.#settled();
    this.#afterDelay(() => (this.#losesAnswer ? this.#inner.drop() : this.#inner.respond(answer)));
  }

  #afterDelay(leave: () => void): void {
    if (this.#delayMillis === 0) leave();
    else setTimeout(leave, this.#delayMillis);
  }
}
