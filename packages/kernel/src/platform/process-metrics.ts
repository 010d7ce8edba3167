import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** One number about the process, read when it is asked for and not before. */
export interface ProcessMetric {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  /** `undefined` where the system does not tell. */
  readonly value: () => number | undefined;
}

/**
 * What every program tells Prometheus of itself, under the usual names. prom-client's own set observes each garbage
 * collection; this one costs nothing between two scrapes.
 */
export const PROCESS_METRICS: readonly ProcessMetric[] = [
  {
    kind: "gauge",
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process, in bytes.",
    value: () => process.memoryUsage.rss(),
  },
  {
    kind: "counter",
    name: "process_cpu_seconds_total",
    help: "CPU time of the process in user and system mode, in seconds.",
    value: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    kind: "gauge",
    name: "process_start_time_seconds",
    help: "When the process was started, in seconds since 1970.",
    value: () => performance.timeOrigin / 1000,
  },
  {
    kind: "gauge",
    name: "process_open_fds",
    help: "Open file descriptors, connections included.",
    value: () => whereTold(() => readdirSync("/proc/self/fd").length),
  },
  {
    kind: "gauge",
    name: "process_max_fds",
    help: "Most file descriptors that the process may have open.",
    value: () => whereTold(readMaxDescriptors),
  },
  {
    kind: "gauge",
    name: "nodejs_heap_size_used_bytes",
    help: "Memory of V8's heap in use, garbage that was not collected yet included, in bytes.",
    value: () => getHeapStatistics().used_heap_size,
  },
  {
    kind: "gauge",
    name: "nodejs_heap_size_total_bytes",
    help: "Memory that V8 has taken for its heap, in bytes.",
    value: () => getHeapStatistics().total_heap_size,
  },
  {
    kind: "counter",
    name: "nodejs_eventloop_active_seconds_total",
    help: "Time that the event loop has spent at work rather than waiting, in seconds.",
    value: () => performance.eventLoopUtilization().active / 1000,
  },
];

function readMaxDescriptors(): number | undefined {
  const [, limit] = /^Max open files +([0-9]+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return limit === undefined ? undefined : Number(limit);
}

/** Other systems than Linux have no /proc. */
function whereTold(read: () => number | undefined): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
