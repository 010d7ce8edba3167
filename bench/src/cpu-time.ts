import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds on a CPU of every thread of a process and of its descendants, by `pid/tid`. */
export type CpuTimes = ReadonlyMap<string, number>;

/**
 * Reads the scheduler's account of a process tree (Linux, `/proc/PID/task/TID/schedstat`): threads of its pools and
 * workers count, and so do the processes that a database makes for its sessions.
 */
export function readCpuTimes(pid: number): CpuTimes {
  const times = new Map<string, number>();
  for (const process of processTree(pid)) {
    for (const thread of threadsOf(process)) {
      const [nanoseconds] = readIfThere(`/proc/${process}/task/${thread}/schedstat`).split(" ");
      times.set(`${process}/${thread}`, Number(nanoseconds));
    }
  }
  return times;
}

/** Nanoseconds that each thread used between two readings. What a thread that ended in between used last is lost. */
export function cpuNanosByThread({ from, to }: { from: CpuTimes; to: CpuTimes }): CpuTimes {
  return new Map([...to].map(([thread, nanoseconds]) => [thread, nanoseconds - (from.get(thread) ?? 0)]));
}

/** The same of all threads together. */
export function cpuNanosBetween(readings: { from: CpuTimes; to: CpuTimes }): number {
  return [...cpuNanosByThread(readings).values()].reduce((sum, nanoseconds) => sum + nanoseconds, 0);
}

/** The name of a thread that is still there. */
export function threadName(thread: string): string {
  return readIfThere(`/proc/${thread.replace("/", "/task/")}/comm`).trim();
}

/** A process and all that descend from it. */
export function processTree(pid: number): number[] {
  const children = threadsOf(pid).flatMap((thread) =>
    readIfThere(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");
}
