import { type LoadTarget, type LoadWindow, runLoad } from "./load.ts";

const RAMP_MILLIS = 300;
/** Until then compiled code keeps getting faster. */
const WARM_UP_MILLIS = 10_000;
const WARM_UP_CONNECTIONS = 64;
/** Requests signed in advance for each that the busiest window so far would take. */
const PREPARE_FACTOR = 1.25;
const FIRST_GUESS_PER_SECOND = 5_000;

const MAX_STEAL = 0.03;
/** At so many connections the server is to be busy all the time, and a window in which it was not tells too little. */
const SATURATING_CONNECTIONS = 64;
const MIN_UTILIZATION = 0.9;
const MAX_ATTEMPTS = 8;

/** A window, or none where every attempt was disturbed, and how many were thrown away. */
export interface Attempted {
  readonly window: LoadWindow | undefined;
  readonly discarded: number;
}

/** One of the servers compared, over all its windows. */
export class Lane {
  readonly name: string;
  readonly target: LoadTarget;
  readonly windows: LoadWindow[] = [];
  #peakPerSecond = FIRST_GUESS_PER_SECOND;

  constructor(name: string, target: LoadTarget) {
    this.name = name;
    this.target = target;
  }

  /** Requests answered in all windows, those thrown away too. */
  get answered(): number {
    return this.windows.reduce((sum, window) => sum + window.answeredInAll, 0);
  }

  warmUp(): Promise<LoadWindow> {
    return this.load({ connections: WARM_UP_CONNECTIONS, windowMillis: WARM_UP_MILLIS });
  }

  /** Measures one window, again if it was disturbed. */
  async measure(options: { connections: number; windowMillis: number }): Promise<Attempted> {
    for (let discarded = 0; discarded < MAX_ATTEMPTS; discarded++) {
      const window = await this.load(options);
      if (!isDisturbed(window, options.connections)) return { window, discarded };
    }
    return { window: undefined, discarded: MAX_ATTEMPTS };
  }

  /** Measures one window, whatever disturbs it. */
  async load({ connections, windowMillis }: { connections: number; windowMillis: number }): Promise<LoadWindow> {
    const seconds = (RAMP_MILLIS + windowMillis) / 1000;
    this.target.source.prepare(Math.ceil(this.#peakPerSecond * seconds * PREPARE_FACTOR));
    const window = await runLoad(this.target, { connections, rampMillis: RAMP_MILLIS, windowMillis });
    this.#peakPerSecond = Math.max(this.#peakPerSecond, window.requestsPerSecond);
    this.windows.push(window);
    return window;
  }
}

function isDisturbed(window: LoadWindow, connections: number): boolean {
  if (window.steal > MAX_STEAL) return true;
  return connections >= SATURATING_CONNECTIONS && window.utilization < MIN_UTILIZATION;
}
