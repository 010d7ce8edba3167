import { fileURLToPath } from "node:url";
import { z } from "zod";
import { assertCorrect } from "./checked-answers.ts";
import { CinnabarServer } from "./cinnabar-server.ts";
import { startEcho } from "./echo-lane.ts";
import { EncryptRequests } from "./encrypt-requests.ts";
import { type Attempted, Lane } from "./lane.ts";
import { LatencyBeside, type LatencyRound } from "./latency-beside.ts";
import { LoopDelay } from "./loop-delay.ts";
import { type Protocol, SignedRequests } from "./signed-requests.ts";
import { type BenchOperation, makeOperations } from "./slow-operations.ts";
import { median } from "./statistics.ts";
import { createStore, type StoreName } from "./stores.ts";
import { Workbench } from "./workbench.ts";

const BARE_OPERATIONS = fileURLToPath(new URL("bare-operations.ts", import.meta.url));
const KEYS = 1_000;
const CONNECTIONS = 64;

export interface SlowBenchOptions {
  readonly stores: readonly StoreName[];
  readonly protocol: Protocol;
  readonly rounds: number;
  readonly windowMillis: number;
  /** Told what is going on. */
  progress(text: string): void;
}

/** What one operation took in one round. */
export interface OperationWindow {
  readonly attempted: Attempted;
  /** How late the event loop was meanwhile, for 99 % of the time. */
  readonly loopDelayP99Millis: number;
  /** CPU time of the same without a server, in this round. */
  readonly bareMicros: number;
  readonly echo: Attempted;
}

export interface SlowBenchResult {
  readonly store: StoreName;
  /** The rounds of each operation, by its name. */
  readonly operations: ReadonlyMap<string, readonly OperationWindow[]>;
  readonly latencies: readonly LatencyRound[];
  /** How many calls a second were sent: of Encrypt, and of signing beside it. */
  readonly rates: { readonly encrypt: number; readonly sign: number };
}

/**
 * Measures operations whose cryptography is slow, or has to be fast, against the same cryptography without a server and against
 * the yardstick; then what signatures, and pairs that are made, leave of Encrypt's latency.
 *
 * @throws Error if anything was not answered correctly.
 */
export async function runSlowBench(options: SlowBenchOptions): Promise<SlowBenchResult[]> {
  const workbench = new Workbench();
  const results: SlowBenchResult[] = [];
  for (const name of options.stores) results.push(await measureStore(workbench, { ...options, name }));
  return results;
}

async function measureStore(
  workbench: Workbench,
  options: SlowBenchOptions & { readonly name: StoreName },
): Promise<SlowBenchResult> {
  const { name, protocol, rounds, windowMillis } = options;
  options.progress(`starting on ${name}, ${KEYS} keys`);
  const store = await createStore(workbench, name);
  const loopDelay = new LoopDelay(workbench, name);
  const server = await CinnabarServer.start(workbench, { ...store, nodeOptions: loopDelay.nodeOptions });
  const { port, pid, accessKey, client } = server;
  const keyIds = await server.createKeys(KEYS);
  const laneOf = async (lane: string, source: SignedRequests): Promise<Lane> => {
    const { databasePid } = store;
    const made = new Lane(lane, { port, pid, core: workbench.cores.server, databasePid, source });
    await made.warmUp();
    return made;
  };

  const encrypt = await laneOf("encrypt", new EncryptRequests({ protocol, accessKey, keyIds }));
  const operations: { readonly operation: BenchOperation; readonly lane: Lane }[] = [];
  for (const operation of await makeOperations(client)) {
    options.progress(`warming up ${operation.name} on ${name}`);
    const { action } = operation;
    const source = new SignedRequests({ protocol, accessKey, action, make: () => operation.make() });
    operations.push({ operation, lane: await laneOf(operation.name, source) });
  }
  const echo = await startEcho(workbench, sizesOf(encrypt));

  const measured = new Map<string, OperationWindow[]>(operations.map(({ operation }) => [operation.name, []]));
  for (let round = 1; round <= rounds; round++) {
    options.progress(`operations on ${name}, round ${round} of ${rounds}`);
    const bare = await measureBare(workbench);
    const echoed = await echo.measure({ connections: CONNECTIONS, windowMillis });
    for (const { operation, lane } of operations) {
      await loopDelay.takeP99Millis(pid);
      const attempted = await lane.measure({ connections: CONNECTIONS, windowMillis });
      const loopDelayP99Millis = await loopDelay.takeP99Millis(pid);
      const bareMicros = bare[operation.name] ?? Number.NaN;
      measured.get(operation.name)?.push({ attempted, loopDelayP99Millis, bareMicros, echo: echoed });
    }
  }

  const capacityOf = (lane: Lane): number => median(lane.windows.slice(1).map((window) => window.requestsPerSecond));
  await encrypt.load({ connections: CONNECTIONS, windowMillis });
  const signing = operations.find(({ operation }) => operation.name === "sign-rsa-2048");
  if (signing === undefined) throw new Error("Nothing signs with RSA.");
  const latency = new LatencyBeside({
    server,
    core: workbench.cores.server,
    loopDelay,
    encrypt: encrypt.target.source,
    sign: signing.lane.target.source,
    capacity: { encrypt: capacityOf(encrypt), sign: capacityOf(signing.lane) },
    createKey: new SignedRequests({
      protocol,
      accessKey,
      action: "CreateKey",
      make: () => ({ form: { KeySpec: "RSA_4096" } }),
    }),
  });
  const latencies: LatencyRound[] = [];
  for (let round = 1; round <= rounds; round++) {
    options.progress(`Encrypt's latency on ${name}, round ${round} of ${rounds}`);
    latencies.push(await latency.measureRound(2 * windowMillis));
  }

  options.progress(`checking the answers on ${name}`);
  await assertCorrect(client, encrypt.windows);
  for (const { operation, lane } of operations) await assertAnswers(operation, lane);
  await server.stop();
  return { store: name, operations: measured, latencies, rates: latency.rates };
}

/** CPU time of each operation without a server, in microseconds, on the servers' core. */
async function measureBare(workbench: Workbench): Promise<Readonly<Record<string, number>>> {
  const process = workbench.startNode([BARE_OPERATIONS]);
  await process.ended();
  return z.record(z.string(), z.number()).parse(JSON.parse(process.output));
}

function sizesOf(lane: Lane): { readonly requestBytes: number; readonly answerBytes: number } {
  return {
    requestBytes: lane.target.source.next().bytes.length,
    answerBytes: lane.windows[0]?.samples[0]?.answer.body.length ?? 0,
  };
}

async function assertAnswers(operation: BenchOperation, { windows }: Lane): Promise<void> {
  const failures = windows.flatMap((window) => window.failures);
  if (failures[0] !== undefined) {
    const { status, body } = failures[0];
    throw new Error(
      `${operation.name}: ${failures.length} requests failed; the first: HTTP ${status} ${body.toString()}`,
    );
  }
  for (const sample of windows.flatMap((window) => window.samples)) await operation.check(sample);
}
