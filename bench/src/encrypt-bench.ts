import type { Backend } from "@cinnabar/kernel";
import { usedBytes } from "./audit-records.ts";
import { assertCorrect, assertRecorded } from "./checked-answers.ts";
import { CinnabarServer } from "./cinnabar-server.ts";
import { startEcho } from "./echo-lane.ts";
import { EncryptRequests } from "./encrypt-requests.ts";
import type { Protocol } from "./signed-requests.ts";
import { type Attempted, Lane } from "./lane.ts";
import { type BenchStore, createStore, type StoreName } from "./stores.ts";
import { Workbench } from "./workbench.ts";

const KEYS = 1000;
const GROWTH_CONNECTIONS = 64;
const GROWTH_MILLIS = 5_000;

export interface EncryptBenchOptions {
  readonly stores: readonly StoreName[];
  readonly connections: readonly number[];
  readonly protocol: Protocol;
  readonly rounds: number;
  readonly windowMillis: number;
  /** Told what is going on. */
  progress(text: string): void;
}

/** One round: every lane once, one after the other. */
export interface Round {
  readonly connections: number;
  readonly echo: Attempted;
  readonly stores: ReadonlyMap<StoreName, Attempted>;
}

export interface EncryptBenchResult {
  readonly rounds: readonly Round[];
  readonly durabilities: readonly string[];
  /** What the audit log of an Encrypt takes in the SQLite file, everything counted; undefined without SQLite. */
  readonly auditBytesPerEvent: number | undefined;
  /** Bytes of a request, head and body, and of an answer's body. */
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/**
 * Compares Encrypt with the yardstick: interleaved, in one run, on the same core.
 *
 * @throws Error if anything was not answered correctly, or is not on record.
 */
export async function runEncryptBench(options: EncryptBenchOptions): Promise<EncryptBenchResult> {
  const workbench = new Workbench();
  const lanes: StoreLane[] = [];
  for (const name of options.stores) {
    options.progress(`starting on ${name}, ${KEYS} keys`);
    lanes.push(await StoreLane.start(workbench, { name, protocol: options.protocol }));
  }
  const [first] = lanes;
  if (first === undefined) throw new RangeError("there is no store to measure on");
  const answerBytes = first.lane.windows[0]?.samples[0]?.answer.body.length ?? 0;
  const requestBytes = first.lane.target.source.next().bytes.length;
  const echo = await startEcho(workbench, { requestBytes, answerBytes });

  const rounds: Round[] = [];
  for (const connections of options.connections) {
    for (let i = 1; i <= options.rounds; i++) {
      options.progress(`${connections} connections, round ${i} of ${options.rounds}`);
      rounds.push(await measureRound({ connections, echo, lanes, windowMillis: options.windowMillis }));
    }
  }

  let auditBytesPerEvent: number | undefined;
  for (const lane of lanes) {
    options.progress(`checking the answers and the audit log on ${lane.store.name}`);
    await lane.check();
    if (lane.store.name === "sqlite") auditBytesPerEvent = await lane.measureGrowth(workbench);
  }
  const durabilities = lanes.map(({ store }) => store.durability);
  return { rounds, durabilities, auditBytesPerEvent, requestBytes, answerBytes };
}

async function measureRound(options: {
  connections: number;
  echo: Lane;
  lanes: readonly StoreLane[];
  windowMillis: number;
}): Promise<Round> {
  const { connections, windowMillis } = options;
  const echo = await options.echo.measure({ connections, windowMillis });
  const stores = new Map<StoreName, Attempted>();
  for (const { store, lane } of options.lanes) {
    stores.set(store.name, await lane.measure({ connections, windowMillis }));
  }
  return { connections, echo, stores };
}

/** Cinnabar on one store. */
class StoreLane {
  readonly store: BenchStore;
  readonly lane: Lane;
  readonly #server: CinnabarServer;
  readonly #laneFor: (server: CinnabarServer) => Lane;

  private constructor(
    store: BenchStore,
    { server, laneFor }: { server: CinnabarServer; laneFor: (server: CinnabarServer) => Lane },
  ) {
    this.store = store;
    this.lane = laneFor(server);
    this.#server = server;
    this.#laneFor = laneFor;
  }

  static async start(
    workbench: Workbench,
    { name, protocol }: { name: StoreName; protocol: Protocol },
  ): Promise<StoreLane> {
    const store = await createStore(workbench, name);
    const server = await CinnabarServer.start(workbench, store);
    const keyIds = await server.createKeys(KEYS);
    const laneFor = (server: CinnabarServer) =>
      new Lane(name, {
        port: server.port,
        pid: server.pid,
        core: workbench.cores.server,
        databasePid: store.databasePid,
        source: new EncryptRequests({ protocol, accessKey: server.accessKey, keyIds }),
      });
    const started = new StoreLane(store, { server, laneFor });
    await started.lane.warmUp();
    return started;
  }

  /** Proves that every request was answered, correctly, and is on record; stops the server. */
  async check(): Promise<void> {
    await assertCorrect(this.#server.client, this.lane.windows);
    await this.#server.stop();
    await assertRecorded(this.store, this.lane.answered);
  }

  /** Bytes that the file grows by for each Encrypt at 64 connections. The server must have been stopped. */
  async measureGrowth(workbench: Workbench): Promise<number> {
    const before = await this.#read(usedBytes);
    const server = await CinnabarServer.start(workbench, this.store);
    const window = await this.#laneFor(server).load({ connections: GROWTH_CONNECTIONS, windowMillis: GROWTH_MILLIS });
    await server.stop();
    return ((await this.#read(usedBytes)) - before) / window.answeredInAll;
  }

  async #read<T>(query: (backend: Backend) => Promise<T>): Promise<T> {
    const backend = await this.store.open();
    try {
      return await query(backend);
    } finally {
      await backend.close();
    }
  }
}
