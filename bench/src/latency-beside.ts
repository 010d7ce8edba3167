import type { CinnabarServer } from "./cinnabar-server.ts";
import type { RequestSource } from "./load.ts";
import type { LoopDelay } from "./loop-delay.ts";
import { readCoreTicks } from "./machine.ts";
import { OpenLoop, type OpenLoopResult } from "./open-loop.ts";

/** Of the capacity of each alone. */
const ENCRYPT_SHARE = 0.5;
const SIGN_SHARE = 0.3;
/** Many times what can be made: the rest is refused. */
const FLOOD_PER_SECOND = 20;

const RAMP_MILLIS = 500;
const MAX_STEAL = 0.03;
/** A load that is later than that measures itself. */
const MAX_LAG_MILLIS = 5;
const MAX_ATTEMPTS = 4;
const REFUSED = 429;

/** What goes on beside Encrypt. */
export const BESIDE = ["nothing", "signing", "flood"] as const;
export type Beside = (typeof BESIDE)[number];

/** Encrypt's latency in a window, or none where every attempt was disturbed, and how many were thrown away. */
export interface LatencyWindow {
  readonly latency: OpenLoopResult | undefined;
  readonly loopDelayP99Millis: number;
  readonly discarded: number;
}

/** One round: Encrypt beside each in turn. */
export type LatencyRound = Readonly<Record<Beside, LatencyWindow>>;

export interface LatencyBesideOptions {
  readonly server: CinnabarServer;
  /** The server's core. */
  readonly core: number;
  readonly loopDelay: LoopDelay;
  readonly encrypt: RequestSource;
  readonly sign: RequestSource;
  readonly createKey: RequestSource;
  /** Calls a second of each alone. */
  readonly capacity: { readonly encrypt: number; readonly sign: number };
}

/** Measures the latency of Encrypt at a fixed rate, alone and beside slow work of the same server. */
export class LatencyBeside {
  readonly rates: { readonly encrypt: number; readonly sign: number };
  readonly #options: LatencyBesideOptions;

  constructor(options: LatencyBesideOptions) {
    this.#options = options;
    const { encrypt, sign } = options.capacity;
    this.rates = { encrypt: encrypt * ENCRYPT_SHARE, sign: sign * SIGN_SHARE };
  }

  /** @throws Error if a call fails, but for pairs that are refused because too many are asked for. */
  async measureRound(windowMillis: number): Promise<LatencyRound> {
    return {
      nothing: await this.#measure("nothing", windowMillis),
      signing: await this.#measure("signing", windowMillis),
      flood: await this.#measure("flood", windowMillis),
    };
  }

  async #measure(beside: Beside, windowMillis: number): Promise<LatencyWindow> {
    const { server, core, loopDelay, encrypt } = this.#options;
    for (let discarded = 0; ; discarded++) {
      await loopDelay.takeP99Millis(server.pid);
      const before = readCoreTicks(core);
      const [latency, slow] = await Promise.all([
        this.#loop(encrypt, this.rates.encrypt).run({ rampMillis: RAMP_MILLIS, windowMillis }),
        this.#runBeside(beside, windowMillis),
      ]);
      const after = readCoreTicks(core);
      const loopDelayP99Millis = await loopDelay.takeP99Millis(server.pid);
      assertAnswered(latency, slow);
      const steal = (after.stolen - before.stolen) / (after.all - before.all);
      if (steal <= MAX_STEAL && latency.lagP99Millis <= MAX_LAG_MILLIS) {
        return { latency, loopDelayP99Millis, discarded };
      }
      if (discarded + 1 === MAX_ATTEMPTS) {
        return { latency: undefined, loopDelayP99Millis, discarded: MAX_ATTEMPTS };
      }
    }
  }

  async #runBeside(beside: Beside, windowMillis: number): Promise<OpenLoopResult | undefined> {
    const { sign, createKey } = this.#options;
    const window = { rampMillis: RAMP_MILLIS, windowMillis };
    switch (beside) {
      case "nothing":
        return undefined;
      case "signing":
        return this.#loop(sign, this.rates.sign).run(window);
      case "flood":
        return this.#loop(createKey, FLOOD_PER_SECOND).run(window);
    }
  }

  #loop(source: RequestSource, perSecond: number): OpenLoop {
    return new OpenLoop({ port: this.#options.server.port, source, perSecond });
  }
}

function assertAnswered(encrypt: OpenLoopResult, slow: OpenLoopResult | undefined): void {
  const refused = (slow?.failures ?? []).filter(({ status }) => status !== REFUSED);
  const [failure] = [...encrypt.failures, ...refused];
  if (failure !== undefined) throw new Error(`HTTP ${failure.status}: ${failure.body.toString()}`);
}
