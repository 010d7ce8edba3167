import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { openEvents } from "@cinnabar/kernel";
import { ServerProcess } from "../server-process.ts";
import { RecordedDisk } from "./recorded-disk.ts";
import type { Progress, RigReport } from "./rig-report.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { descriptorOf, readTrace, recorder, stringsOf, type Syscall, traceHasEnded } from "./syscall-trace.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { Workload } from "./workload.ts";

const CLIENTS = 6;
const POLL_MILLIS = 20;
const TRACE_END_MILLIS = 30_000;
/** Without these the store is lost, or nobody can use it. */
const KEY_FILES = ["root.key", "root-access-key.json"];
const REQUEST_ID = /^x-acs-request-id: (\S+)\r$/gim;

export interface DurabilityOptions {
  /** At least so many answers are looked at. */
  readonly answers: number;
  readonly random: SeededRandom;
  readonly progress: Progress;
  /** Sources to run instead of this checkout's, such as a copy that does not sync. */
  readonly sources?: string;
}

/** The report's figure of answers whose record was not surely on disk when they left. */
export const EARLY_ANSWERS = "answers that left before their record was synced";

/**
 * Runs a server on SQLite under strace and replays what it did to its files. Whenever an answer begins to leave, and
 * whenever something was synced, the power fails: the database is rebuilt from what was surely on disk, once with
 * nothing else and once with a random half of what was not synced, and must have every answer given so far on record.
 */
export async function proveDurability(options: DurabilityOptions): Promise<RigReport> {
  const { random, progress } = options;
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  const traceFile = join(directory.path, "trace");
  const received = await recordLoad({ ...options, data, traceFile });
  progress(`recorded a server that gave ${received.size} answers`);

  const keys = await Promise.all(KEY_FILES.map(async (name) => ({ name, contents: await readFile(join(data, name)) })));
  const problems: string[] = [];
  const disk = new RecordedDisk(data);
  const replay = new Replay({ disk, directory: join(directory.path, "restored"), random });
  for await (const step of readTrace(traceFile)) {
    disk.follow(step);
    const answers = step.at === "begin" ? answersIn(step.call).filter((requestId) => received.has(requestId)) : [];
    if (answers.length > 0 && replay.answered.size === 0) {
      const missing = keys.filter(({ name, contents }) => disk.surelyHas(name)?.equals(contents) !== true);
      problems.push(...missing.map(({ name }) => `the first answer left before ${name} was synced`));
    }
    if (answers.length > 0 || step.at === "end") await replay.expect(answers);
  }
  await replay.fail();
  progress(`replayed ${replay.failures} power failures`);

  problems.push(...replay.problems);
  const unseen = [...received].filter((requestId) => !replay.answered.has(requestId));
  if (unseen.length > 0) problems.push(`the trace lacks ${unseen.length} answers that were received`);
  for (const name of await disk.differences()) problems.push(`the trace does not explain the contents of ${name}`);
  const figures = {
    "answers given": replay.answered.size,
    "syncs of files": disk.syncs,
    "power failures": replay.failures,
    [EARLY_ANSWERS]: replay.early,
  };
  return { name: "an answer leaves after its record was synced", figures, problems };
}

/** Runs a server under load. @returns the RequestIds of all answers received. */
async function recordLoad(
  options: DurabilityOptions & { data: string; traceFile: string },
): Promise<ReadonlySet<string>> {
  const { answers, random, data, traceFile, sources } = options;
  await using server = await ServerProcess.start({
    data,
    wrapper: recorder(traceFile),
    ...(sources !== undefined && { sources }),
  });
  const workload = new Workload({ clients: CLIENTS, random });
  const client = server.client();
  const loadEnd = new AbortController();
  const working = workload.run(client, loadEnd.signal);
  while (workload.answers.length < answers && workload.isRunning) await sleep(POLL_MILLIS);
  loadEnd.abort();
  await working;
  client.close();
  await server.stop();
  const endAt = performance.now() + TRACE_END_MILLIS;
  while (!(await traceHasEnded(traceFile, server.pid))) {
    if (performance.now() > endAt) throw new Error("strace did not write the server's end down");
    await sleep(POLL_MILLIS);
  }
  if (workload.problems.length > 0) throw new Error(workload.problems.join("\n"));
  return new Set(workload.answers.map(({ requestId }) => requestId));
}

/** Lets the power fail at every step that matters. */
class Replay {
  readonly #disk: RecordedDisk;
  readonly #directory: string;
  readonly #random: SeededRandom;
  readonly answered = new Set<string>();
  readonly problems: string[] = [];
  failures = 0;
  early = 0;
  #version = -1;
  #durable: ReadonlySet<string> = new Set();

  constructor(options: { disk: RecordedDisk; directory: string; random: SeededRandom }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#random = options.random;
  }

  /** These answers are leaving now. */
  async expect(answers: readonly string[]): Promise<void> {
    if (this.#version !== this.#disk.version && (answers.length > 0 || this.answered.size > 0)) await this.fail();
    for (const requestId of answers) {
      this.answered.add(requestId);
      if (this.#durable.has(requestId)) continue;
      this.early++;
      this.problems.push(`the answer ${requestId} left before its record was synced`);
    }
  }

  /** The power fails now. */
  async fail(): Promise<void> {
    this.#version = this.#disk.version;
    this.#durable = await this.#restore(() => false);
    const lucky = await this.#restore(() => this.#random.chance(0.5));
    for (const [found, what] of [[this.#durable, "nothing"] as const, [lucky, "half"] as const]) {
      const lost = [...this.answered].filter((requestId) => !found.has(requestId)).length;
      if (lost > 0) {
        this.problems.push(`power failure ${this.failures}: ${lost} answers lost when ${what} of the rest is on disk`);
      }
    }
  }

  /** @returns the RequestIds on record after a power failure. */
  async #restore(reached: () => boolean): Promise<ReadonlySet<string>> {
    this.failures++;
    await rm(this.#directory, { recursive: true, force: true });
    await this.#disk.restore(this.#directory, { reached });
    return recordedIds(join(this.#directory, "cinnabar.db"));
  }
}

/** Opens a database as a server would after a power failure. */
function recordedIds(path: string): ReadonlySet<string> {
  const database = new DatabaseSync(path);
  try {
    const rows = database.prepare("SELECT events, event_count FROM audit_batch").all();
    const events = rows.flatMap(
      (row) => openEvents({ events: row["events"] as Uint8Array, eventCount: Number(row["event_count"]) }) ?? [],
    );
    return new Set(events.map((event) => (JSON.parse(event) as { eventId: string }).eventId));
  } catch (error) {
    // Nothing that was lost can be read: an empty file has no table, a torn one is malformed.
    if (error instanceof Error && "errcode" in error) return new Set();
    throw error;
  } finally {
    database.close();
  }
}

/** RequestIds of the answers whose head is in what is written to a client. */
function answersIn(call: Syscall): readonly string[] {
  if (descriptorOf(call)?.target.startsWith("TCP:") !== true) return [];
  const text = Buffer.concat(stringsOf(call)).toString("latin1");
  return [...text.matchAll(REQUEST_ID)].map(([, requestId = ""]) => requestId);
}
