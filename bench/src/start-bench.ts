import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "@cinnabar/testkit";
import { readCpuTimes } from "./cpu-time.ts";
import { type Goal, judge } from "./goal.ts";
import { median } from "./statistics.ts";
import { makeBundle } from "./make-bundle.ts";
import { layOut } from "./table.ts";

const LIMIT_MILLIS = 600;

/** What is started, and the settings that make it that. */
const STARTS = { serve: [], emulator: ["--emulator"] } as const satisfies Readonly<Record<string, readonly string[]>>;

export interface StartResult {
  readonly name: string;
  /** From the start of the process to the answer of the first call, of each round. */
  readonly wallMillis: readonly number[];
  /** CPU time of all its threads until then. */
  readonly cpuMillis: readonly number[];
}

export interface StartResults {
  readonly starts: readonly StartResult[];
  /** From the start of a Node that has nothing to do to its end, of each round. */
  readonly bareMillis: readonly number[];
}

/**
 * Measures how long a server and an emulator on a data directory that is there take from the start of their process to
 * their first answer, beside a Node that does nothing, turn by turn.
 */
export async function runStartBench(options: {
  readonly rounds: number;
  progress(text: string): void;
}): Promise<StartResults> {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-start-"));
  try {
    const bareMillis: number[] = [];
    const starts = Object.entries(STARTS).map(([name, flags]) => ({
      name,
      flags,
      wallMillis: [] as number[],
      cpuMillis: [] as number[],
    }));
    await makeBundle();
    for (const { name, flags } of starts) {
      options.progress(`making a data directory for ${name}`);
      // Twice: the second start leaves what Node made of the sources in its cache.
      for (let i = 0; i < 2; i++) await (await ServerProcess.start({ data: join(folder, name), flags })).stop();
    }
    for (let round = 1; round <= options.rounds; round++) {
      options.progress(`round ${round} of ${options.rounds}`);
      bareMillis.push(await startBare());
      for (const { name, flags, wallMillis, cpuMillis } of starts) {
        const startedAt = performance.now();
        await using server = await ServerProcess.start({ data: join(folder, name), flags });
        const client = server.client();
        await client.call("DescribeRegions");
        wallMillis.push(performance.now() - startedAt);
        const cpuNanos = [...readCpuTimes(server.pid).values()].reduce((sum, nanos) => sum + nanos, 0);
        cpuMillis.push(cpuNanos / 1e6);
        client.close();
        await server.stop();
      }
    }
    return { starts, bareMillis };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function startGoals({ starts }: StartResults): Goal[] {
  return starts.map(({ name, wallMillis }) =>
    judge(`start-${name}`, { ratio: LIMIT_MILLIS / median(wallMillis), floor: 1 }),
  );
}

/** What was measured, for people. */
export function startReport({ starts, bareMillis }: StartResults): string {
  const bare = median(bareMillis);
  const rows = starts.map(({ name, wallMillis, cpuMillis }) => [
    name,
    median(wallMillis).toFixed(0),
    Math.min(...wallMillis).toFixed(0),
    median(cpuMillis).toFixed(0),
    (median(wallMillis) / bare).toFixed(1),
  ]);
  return [
    `From the start of the process to the answer of the first call, at most ${LIMIT_MILLIS} ms. A bare Node: ${bare.toFixed(0)} ms.`,
    "",
    layOut([["start", "median ms", "least ms", "CPU ms", "ratio to bare"], ...rows]),
  ].join("\n");
}

async function startBare(): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore" });
  await once(child, "exit");
  return performance.now() - startedAt;
}
