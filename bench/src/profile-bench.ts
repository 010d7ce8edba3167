import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CinnabarServer } from "./cinnabar-server.ts";
import { cpuNanosByThread, readCpuTimes, threadName } from "./cpu-time.ts";
import { type ProfileSummary, summarizeProfile } from "./cpu-profile.ts";
import { EncryptRequests } from "./encrypt-requests.ts";
import type { Protocol } from "./signed-requests.ts";
import { Lane } from "./lane.ts";
import { type BenchStore, createStore, type StoreName } from "./stores.ts";
import { layOut } from "./table.ts";
import { Workbench } from "./workbench.ts";

const KEYS = 1000;
const WINDOW_MILLIS = 15_000;
const INTERVAL_MICROS = 500;
const ROWS = 40;
const MIN_THREAD_MICROS = 0.1;

export interface ProfileBenchOptions {
  readonly store: StoreName;
  readonly connections: number;
  readonly protocol: Protocol;
}

/**
 * Finds where the server's time goes under full load: first by thread, then, in a second run under V8's profiler, by
 * function.
 *
 * @returns text for people.
 */
export async function runProfileBench(options: ProfileBenchOptions): Promise<string> {
  const workbench = new Workbench();
  const store = await createStore(workbench, options.store);
  const profiles = workbench.makeDirectory("profiles");
  const nodeOptions = ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-interval=${INTERVAL_MICROS}`];
  const plain = await loadServer(workbench, { ...options, target: store, nodeOptions: [] });
  const { from, to, window } = await loadServer(workbench, { ...options, target: store, nodeOptions });
  const threads = readdirSync(profiles)
    .map((file) => summarizeProfile(join(profiles, file), { from, to }))
    .filter(({ busy }) => busy > 0)
    .toSorted((one, other) => other.busy - one.busy);
  return [
    `Encrypt at ${options.connections} connections on ${store.name}: ${plain.window.cpuMicros.toFixed(1)} µs each, ${window.cpuMicros.toFixed(1)} µs with the profiler`,
    plain.threadTable,
    ...threads.map((thread) => describeThread(thread, window.answeredInAll)),
  ].join("\n\n");
}

async function loadServer(
  workbench: Workbench,
  options: ProfileBenchOptions & { target: BenchStore; nodeOptions: readonly string[] },
) {
  const { protocol, connections, target: store, nodeOptions } = options;
  const server = await CinnabarServer.start(workbench, { ...store, nodeOptions });
  const keyIds = await server.createKeys(KEYS);
  const source = new EncryptRequests({ protocol, accessKey: server.accessKey, keyIds });
  const lane = new Lane(store.name, { port: server.port, pid: server.pid, core: workbench.cores.server, source });
  await lane.warmUp();
  const from = nowMicros();
  const cpuFrom = readCpuTimes(server.pid);
  const window = await lane.load({ connections, windowMillis: WINDOW_MILLIS });
  const cpuByThread = cpuNanosByThread({ from: cpuFrom, to: readCpuTimes(server.pid) });
  const to = nowMicros();
  const threadTable = describeThreads(cpuByThread, window.answeredInAll);
  await server.stop();
  return { from, to, window, threadTable };
}

/** CPU time by the names that Node gives its threads. */
function describeThreads(cpuByThread: ReadonlyMap<string, number>, requests: number): string {
  const rows = [...cpuByThread]
    .toSorted(([, one], [, other]) => other - one)
    .map(([thread, nanos]) => ({ thread, micros: nanos / 1000 / requests }))
    .filter(({ micros }) => micros >= MIN_THREAD_MICROS)
    .map(({ thread, micros }) => [`${threadName(thread)} ${thread}`, micros.toFixed(1)]);
  return layOut([["CPU time of the server's threads", "µs"], ...rows]);
}

function describeThread({ functions, busy }: ProfileSummary, requests: number): string {
  const row = ({ name, self, total }: { name: string; self: number; total: number }): string[] => [
    name,
    (self / requests).toFixed(2),
    `${((100 * self) / busy).toFixed(1)} %`,
    (total / requests).toFixed(2),
    `${((100 * total) / busy).toFixed(1)} %`,
  ];
  const head = ["", "self µs", "", "total µs", ""];
  const ours = functions.filter(({ name }) => name.includes(" packages/"));
  return [
    `A thread that ran or waited in a call for ${(busy / requests).toFixed(1)} µs a request, by time in each function itself:`,
    layOut([head, ...functions.slice(0, ROWS).map(row)]),
    "",
    "The project's own functions, by time in them and what they call:",
    layOut([
      head,
      ...ours
        .toSorted((one, other) => other.total - one.total)
        .slice(0, ROWS)
        .map(row),
    ]),
  ].join("\n");
}

function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
