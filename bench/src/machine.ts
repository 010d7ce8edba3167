import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { processTree } from "./cpu-time.ts";

const TMPFS_MAGIC = 0x01021994;

/** Which core the measured server runs on, and which one all that works for the measurement. */
export interface Cores {
  readonly server: number;
  readonly others: number;
}

/** The first two cores that this process may use. @throws Error if there is only one, or this is not Linux. */
export function chooseCores(): Cores {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "";
  const cores = list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  const [server, others] = cores;
  if (server === undefined || others === undefined) {
    throw new Error("The server and the load need a core each, and this process may use one only.");
  }
  return { server, others };
}

/** Binds a running process and all its descendants, every thread of them, to one core. */
export function pinTree(pid: number, core: number): void {
  for (const process of processTree(pid)) execFileSync("taskset", ["--all-tasks", "-cp", `${core}`, `${process}`]);
}

/** Ticks of one core since the machine started: all of them, and those that the hypervisor gave to somebody else. */
export interface CoreTicks {
  readonly all: number;
  readonly stolen: number;
}

export function readCoreTicks(core: number): CoreTicks {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? "";
  // user nice system idle iowait irq softirq steal; what follows is part of user and nice.
  const ticks = line.split(" ").slice(0, 8).map(Number);
  return { all: ticks.reduce((sum, value) => sum + value, 0), stolen: ticks[7] ?? 0 };
}

/** What the numbers were measured on, in a few lines. */
export function describeMachine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  const lines = [
    `${model}, ${cpus().length} cores, Linux ${release()}, Node ${process.version}, OpenSSL ${process.versions.openssl}`,
  ];
  if (statfsSync(tmpdir()).type === TMPFS_MAGIC) {
    lines.push(`${tmpdir()} is in memory: nothing is flushed to a disk here. Set TMPDIR to a directory on one.`);
  }
  return lines.join("\n");
}
