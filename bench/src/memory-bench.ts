import { setTimeout as sleep } from "node:timers/promises";
import { CinnabarServer } from "./cinnabar-server.ts";
import { EncryptRequests } from "./encrypt-requests.ts";
import type { Protocol } from "./signed-requests.ts";
import { type Goal, judge } from "./goal.ts";
import { Lane } from "./lane.ts";
import { makeBundle } from "./make-bundle.ts";
import { createStore, type StoreName } from "./stores.ts";
import { layOut } from "./table.ts";
import { Workbench } from "./workbench.ts";

const MEBIBYTE = 2 ** 20;
const IDLE_LIMIT_BYTES = 180e6;
const LOADED_LIMIT_BYTES = 400e6;
const IDLE_MILLIS = 10_000;
const KEYS = 100_000;
const CONNECTIONS = 64;
const WINDOW_MILLIS = 5_000;
/** Nonces are kept until 15 minutes after a request's timestamp, and this far ahead it may lie with a minute to spare. */
const AHEAD_MILLIS = 14 * 60_000;

export interface MemoryBenchOptions {
  readonly stores: readonly StoreName[];
  readonly protocol: Protocol;
  /** Requests to send at least, each leaving a nonce to remember. */
  readonly nonces: number;
  progress(text: string): void;
}

export interface MemoryResult {
  readonly store: StoreName;
  readonly idleBytes: number;
  /** The most that was seen while load ran over all keys. */
  readonly loadedBytes: number;
  readonly keys: number;
  /** Requests answered, all of whose nonces were still remembered at the end. */
  readonly nonces: number;
  readonly requestsPerSecond: number;
}

/** Measures the server's resident memory, idle after its start, then with many keys and nonces under full load. */
export async function runMemoryBench(options: MemoryBenchOptions): Promise<MemoryResult[]> {
  await makeBundle();
  const workbench = new Workbench();
  const results: MemoryResult[] = [];
  for (const name of options.stores) results.push(await measureStore(workbench, { ...options, name }));
  return results;
}

export function memoryGoals(results: readonly MemoryResult[]): Goal[] {
  return results.flatMap(({ store, idleBytes, loadedBytes }) => [
    judge(`memory-idle-${store}`, { ratio: IDLE_LIMIT_BYTES / idleBytes, floor: 1 }),
    judge(`memory-loaded-${store}`, { ratio: LOADED_LIMIT_BYTES / loadedBytes, floor: 1 }),
  ]);
}

/** What was measured, for people. */
export function memoryReport(results: readonly MemoryResult[]): string {
  const head = ["store", "idle MB", "loaded MB", "keys", "nonces", "requests/s"];
  const rows = results.map(({ store, idleBytes, loadedBytes, keys, nonces, requestsPerSecond }) => [
    store,
    (idleBytes / 1e6).toFixed(0),
    (loadedBytes / 1e6).toFixed(0),
    String(keys),
    String(nonces),
    requestsPerSecond.toFixed(0),
  ]);
  return [
    `Resident memory of the server, at most ${IDLE_LIMIT_BYTES / 1e6} MB idle and ${LOADED_LIMIT_BYTES / 1e6} MB loaded.`,
    "",
    layOut([head, ...rows]),
  ].join("\n");
}

async function measureStore(
  workbench: Workbench,
  options: MemoryBenchOptions & { name: StoreName },
): Promise<MemoryResult> {
  const { name } = options;
  const store = await createStore(workbench, name);
  const server = await CinnabarServer.start(workbench, store);
  options.progress(`idle on ${name}`);
  await sleep(IDLE_MILLIS);
  const idleBytes = server.residentBytes;

  options.progress(`making ${KEYS} keys on ${name}: ${(idleBytes / MEBIBYTE).toFixed(0)} MiB when idle`);
  const keyIds = await server.createKeys(KEYS);
  const source = new EncryptRequests({
    protocol: options.protocol,
    accessKey: server.accessKey,
    keyIds,
    aheadMillis: AHEAD_MILLIS,
  });
  const lane = new Lane(name, { port: server.port, pid: server.pid, core: workbench.cores.server, source });
  let loadedBytes = server.residentBytes;
  const watch = setInterval(() => (loadedBytes = Math.max(loadedBytes, server.residentBytes)), 500);
  let requestsPerSecond = 0;
  while (lane.answered < options.nonces) {
    const window = await lane.load({ connections: CONNECTIONS, windowMillis: WINDOW_MILLIS });
    if (window.failures[0] !== undefined) {
      throw new Error(`HTTP ${window.failures[0].status}: ${window.failures[0].body.toString()}`);
    }
    requestsPerSecond = Math.max(requestsPerSecond, window.requestsPerSecond);
    options.progress(
      `${lane.answered} of ${options.nonces} requests, ${(loadedBytes / MEBIBYTE).toFixed(0)} MiB at most`,
    );
  }
  clearInterval(watch);
  await server.stop();
  return { store: name, idleBytes, loadedBytes, keys: KEYS, nonces: lane.answered, requestsPerSecond };
}
