import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A V8 CPU profile, as Node writes it with `--cpu-prof`: a tree of calls, and which node each sample was in. */
const cpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).default([]),
    }),
  ),
  /** Microseconds on the monotonic clock. */
  startTime: z.number(),
  samples: z.array(z.number()),
  /** Microseconds before each sample. */
  timeDeltas: z.array(z.number()),
});
type CpuProfile = z.output<typeof cpuProfile>;

/** A function's part of a stretch of time. */
export interface FunctionTime {
  /** Function and place. */
  readonly name: string;
  /** Microseconds in the function itself. */
  readonly self: number;
  /** Microseconds in it and in what it called. */
  readonly total: number;
}

export interface ProfileSummary {
  /** By time in the function itself, longest first; without the time in which nothing ran. */
  readonly functions: readonly FunctionTime[];
  /** Microseconds in all of them. */
  readonly busy: number;
}

/**
 * Adds up one thread's profile by function.
 *
 * @param options.from - only samples between these times count: microseconds of `process.hrtime`, which V8 uses too.
 */
export function summarizeProfile(file: string, options: { from: number; to: number }): ProfileSummary {
  const profile = cpuProfile.parse(JSON.parse(readFileSync(file, "utf8")));
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const parents = new Map(profile.nodes.flatMap(({ id, children }) => children.map((child) => [child, id])));
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  let busy = 0;
  for (const [node, micros] of timeByNode(profile, options)) {
    const name = names.get(node) ?? "";
    if (name === "(idle)") continue;
    busy += micros;
    add(self, name, micros);
    // A recursive function counts once.
    for (const caller of new Set(pathOf(node, { names, parents }))) add(total, caller, micros);
  }
  const functions = [...total]
    .map(([name, micros]) => ({ name, self: self.get(name) ?? 0, total: micros }))
    .toSorted((one, other) => other.self - one.self);
  return { functions, busy };
}

function timeByNode(profile: CpuProfile, { from, to }: { from: number; to: number }): Map<number, number> {
  const times = new Map<number, number>();
  let at = profile.startTime;
  for (const [i, node] of profile.samples.entries()) {
    const micros = profile.timeDeltas[i] ?? 0;
    at += micros;
    if (at >= from && at < to) add(times, node, micros);
  }
  return times;
}

function* pathOf(
  node: number,
  { names, parents }: { names: ReadonlyMap<number, string>; parents: ReadonlyMap<number, number> },
): Generator<string> {
  for (let at: number | undefined = node; at !== undefined; at = parents.get(at)) yield names.get(at) ?? "";
}

function nameOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName || "(anonymous)";
  if (url === "") return name;
  const path = url.startsWith("file:") ? fileURLToPath(url).replace(ROOT, "") : url;
  return `${name} ${path}:${lineNumber + 1}`;
}

function add<K>(sums: Map<K, number>, key: K, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}
