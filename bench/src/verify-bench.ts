import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { CinnabarServer, PROGRAM } from "./cinnabar-server.ts";
import { fillLog } from "./filled-log.ts";
import { type Goal, judge } from "./goal.ts";
import { EventMaker } from "./made-events.ts";
import { createStore, type StoreName } from "./stores.ts";
import { layOut } from "./table.ts";
import { Workbench } from "./workbench.ts";

/** Within which 1,000,000 events are verified, in seconds. */
const LIMIT_SECONDS = 60;
const MILLION = 1_000_000;
/** Any account will do: verification looks at all of them. */
const ACCOUNT = "1000000000000001";

const run = promisify(execFile);
const verified = z.object({ ok: z.literal(true), logs: z.array(z.object({ events: z.int() })) });

export interface VerifyResult {
  readonly store: StoreName;
  readonly events: number;
  /** Of `audit verify`, from the start of its process to its end, on the database and on exported files. */
  readonly seconds: { readonly database: number; readonly exported: number };
  readonly exportSeconds: number;
}

/** Measures how long the offline verification of a long log takes, as an auditor runs it. */
export async function runVerifyBench(options: {
  readonly stores: readonly StoreName[];
  readonly events: number;
  progress(text: string): void;
}): Promise<VerifyResult[]> {
  const workbench = new Workbench();
  const results: VerifyResult[] = [];
  for (const name of options.stores) results.push(await measureStore(workbench, { ...options, name }));
  return results;
}

export function verifyGoals(results: readonly VerifyResult[]): Goal[] {
  return results.flatMap(({ store, events, seconds }) =>
    Object.entries(seconds).map(([source, taken]) =>
      judge(`verify-${store}-${source}`, { ratio: (LIMIT_SECONDS * events) / MILLION / taken, floor: 1 }),
    ),
  );
}

/** What was measured, for people. */
export function verifyReport(results: readonly VerifyResult[]): string {
  const rows = results.map(({ store, events, seconds, exportSeconds }) => [
    store,
    String(events),
    seconds.database.toFixed(1),
    exportSeconds.toFixed(1),
    seconds.exported.toFixed(1),
  ]);
  return [
    `cinnabar audit verify, process and all; 1,000,000 events are to be verified within ${LIMIT_SECONDS} s.`,
    "",
    layOut([["store", "events", "from the database, s", "audit export, s", "from exported files, s"], ...rows]),
  ].join("\n");
}

async function measureStore(
  workbench: Workbench,
  options: { readonly name: StoreName; readonly events: number; progress(text: string): void },
): Promise<VerifyResult> {
  const { name, events } = options;
  const progress = (text: string): void => options.progress(text);
  const store = await createStore(workbench, name);
  // Makes the deployment.
  await (await CinnabarServer.start(workbench, store)).stop();
  await fillLog({ store, events, maker: new EventMaker(ACCOUNT), progress });

  const place = [`--data=${store.data}`, ...(store.database === undefined ? [] : [`--database=${store.database}`])];
  const exported = join(workbench.directory, `exported-${name}`);
  progress("verifying the database");
  const database = await verify(place, events);
  progress("exporting");
  const exportSeconds = await timed(() => cinnabar(["audit", "export", exported, "--with-events", ...place]));
  progress("verifying the exported files");
  const key = `--key=${join(store.data, "audit-verifier.vkey")}`;
  const files = await verify([`--from=${exported}`, key], events);
  return { store: name, events, seconds: { database, exported: files }, exportSeconds };
}

/** @returns seconds. @throws Error if anything is wrong with the log, or if there are not so many events in it. */
async function verify(place: readonly string[], events: number): Promise<number> {
  let output = "";
  const seconds = await timed(async () => {
    output = await cinnabar(["audit", "verify", "--json", ...place]);
  });
  const { logs } = verified.parse(JSON.parse(output));
  const found = logs.reduce((sum, log) => sum + log.events, 0);
  if (found < events) throw new Error(`${events} events were made, and only ${found} were verified.`);
  return seconds;
}

async function cinnabar(args: readonly string[]): Promise<string> {
  return (await run(process.execPath, [PROGRAM, ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
