import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Workbench } from "./workbench.ts";

const PRELOAD = new URL("loop-delay-preload.ts", import.meta.url);
const MAX_WAIT_MILLIS = 10_000;

const report = z.object({ p99Millis: z.number() });

/** Asks a server how late its event loop was: a timer that it has beside its own work. */
export class LoopDelay {
  readonly #file: string;

  /** @param name - tells it from those of other servers. */
  constructor(workbench: Workbench, name: string) {
    this.#file = join(workbench.makeDirectory(`loop-delay-${name}`), "report");
  }

  /** For the Node that is to be asked. */
  get nodeOptions(): string[] {
    const preload = new URL(PRELOAD);
    preload.searchParams.set("file", this.#file);
    return [`--import=${preload.href}`];
  }

  /** Milliseconds that 99 % of the delays since the last time do not exceed. @throws Error if the process does not say. */
  async takeP99Millis(pid: number): Promise<number> {
    rmSync(this.#file, { force: true });
    process.kill(pid, "SIGUSR2");
    for (let waited = 0; waited < MAX_WAIT_MILLIS; waited += 10) {
      await sleep(10);
      const text = readIfThere(this.#file);
      if (text !== undefined) return report.parse(JSON.parse(text)).p99Millis;
    }
    throw new Error("The server does not tell how late its event loop is.");
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
