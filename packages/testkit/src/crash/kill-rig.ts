import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestPostgres } from "../postgres.ts";
import { ServerProcess } from "../server-process.ts";
import { auditCheckpoint, type AuditedDeployment, auditVerify } from "./audit-command.ts";
import { crashMarkers, missingRecords, unaccountedRecords } from "./accounting.ts";
import { AuditLog, CONTROL_LOG } from "./audit-log.ts";
import { accessDatabase } from "./database-access.ts";
import type { Progress, RigReport } from "./rig-report.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { Workload } from "./workload.ts";

const CLIENTS = 8;
const LOAD_MILLIS = { least: 30, most: 500 };
const RECOVERY_MILLIS = 60_000;
const POLL_MILLIS = 20;

export interface KillOptions {
  /** How often the server is killed with SIGKILL. */
  readonly kills: number;
  readonly random: SeededRandom;
  readonly progress: Progress;
}

/** Kills a server on SQLite under load, again and again over the same data directory. */
export async function killOnSqlite({ kills, random, progress }: KillOptions): Promise<RigReport> {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using rig = new KillRig({
    deployment: { data, database: `sqlite:${join(data, "cinnabar.db")}` },
    random,
    progress,
  });
  for (let kill = 1; kill <= kills; kill++) await rig.killServer(`server kill ${kill} of ${kills}`);
  return await rig.finish("kill -9 of the server on SQLite");
}

/**
 * Kills a server on PostgreSQL under load, and PostgreSQL beneath the running server with SIGQUIT, by turns.
 *
 * @param options.postgres - a database server that nobody else uses.
 * @param options.databaseKills - how often PostgreSQL is killed.
 */
export async function killOnPostgresql(
  options: KillOptions & { databaseKills: number; postgres: TestPostgres },
): Promise<RigReport> {
  const { kills, databaseKills, postgres, random, progress } = options;
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using rig = new KillRig({
    deployment: { data, database: await postgres.createDatabase() },
    random,
    progress,
  });
  for (let kill = 1; kill <= Math.max(kills, databaseKills); kill++) {
    if (kill <= kills) await rig.killServer(`server kill ${kill} of ${kills}`);
    if (kill <= databaseKills) await rig.killDatabase(postgres, `PostgreSQL kill ${kill} of ${databaseKills}`);
  }
  return await rig.finish("kill -9 of the server and SIGQUIT of PostgreSQL");
}

/** One deployment of one node through all its kills. */
class KillRig implements AsyncDisposable {
  readonly #deployment: AuditedDeployment;
  readonly #checkpointFile: string;
  readonly #random: SeededRandom;
  readonly #progress: Progress;
  readonly #workload: Workload;
  readonly #log = new AuditLog();
  readonly #problems: string[] = [];
  #server: ServerProcess | undefined;
  #checkedAnswers = 0;
  #serverKills = 0;
  #databaseKills = 0;

  constructor(options: { deployment: AuditedDeployment; random: SeededRandom; progress: Progress }) {
    this.#deployment = options.deployment;
    this.#checkpointFile = `${options.deployment.data}.checkpoints`;
    this.#random = options.random;
    this.#progress = options.progress;
    this.#workload = new Workload({ clients: CLIENTS, random: options.random });
  }

  async killServer(title: string): Promise<void> {
    const server = await this.#running();
    using client = disposable(server.client());
    const working = this.#workload.run(client, new AbortController().signal);
    // A server that was killed before its log began leaves no marker.
    const { length } = this.#workload.answers;
    while (this.#workload.answers.length === length && this.#workload.isRunning) await sleep(POLL_MILLIS);
    await sleep(this.#random.between(LOAD_MILLIS));
    await server.kill("SIGKILL");
    await working;
    this.#serverKills++;
    this.#server = undefined;
    await this.#check(title);
    if (this.#serverKills === 1) await writeFile(this.#checkpointFile, await auditCheckpoint(this.#deployment));
  }

  async killDatabase(postgres: TestPostgres, title: string): Promise<void> {
    const server = await this.#running();
    using client = disposable(server.client());
    const loadEnd = new AbortController();
    const working = this.#workload.run(client, loadEnd.signal);
    await sleep(this.#random.between(LOAD_MILLIS));
    postgres.kill("SIGQUIT");
    await sleep(this.#random.between(LOAD_MILLIS));
    await postgres.restart();
    await untilReady(server);
    await sleep(this.#random.between(LOAD_MILLIS));
    loadEnd.abort();
    await working;
    this.#databaseKills++;
    if (!server.isRunning) this.#problems.push(`the server did not survive ${title}:\n${server.output}`);
    await this.#check(title);
  }

  /** Ends the last server in order and asks everything once more. */
  async finish(name: string): Promise<RigReport> {
    const server = await this.#running();
    using client = disposable(server.client());
    await this.#workload.verify(client, { all: true });
    await server.stop();
    await this.#readLog();
    const objection = await auditVerify(this.#deployment, this.#checkpointFile);
    if (objection !== undefined) this.#problems.push(objection);
    const { answers, unavailable, aliasCount, keyCount } = this.#workload;
    const answered = new Set(answers.map(({ requestId }) => requestId));
    const markers = this.#log.shards
      .filter((shard) => shard !== CONTROL_LOG)
      .flatMap((shard) => crashMarkers(this.#log, shard)).length;
    if (markers !== this.#serverKills) {
      this.#problems.push(`the server was killed ${this.#serverKills} times, and the log has ${markers} crash markers`);
    }
    const problems = [
      ...this.#problems,
      ...this.#log.problems,
      ...this.#workload.problems,
      ...missingRecords(this.#log, answers),
      ...unaccountedRecords(this.#log, { answered, unavailable }),
    ];
    const figures = {
      "kills of the server": this.#serverKills,
      "kills of PostgreSQL": this.#databaseKills,
      "answers held against the log": answers.length,
      "answers 503": unavailable.size,
      "keys held against the server": keyCount,
      "aliases held against the server": aliasCount,
      "events in the log": this.#log.eventCount,
      "crash markers": markers,
    };
    return { name, figures, problems };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #running(): Promise<ServerProcess> {
    this.#server ??= await ServerProcess.start(this.#deployment);
    return this.#server;
  }

  async #check(title: string): Promise<void> {
    const server = await this.#running();
    using client = disposable(server.client());
    await this.#readLog();
    const { answers } = this.#workload;
    this.#problems.push(...missingRecords(this.#log, answers.slice(this.#checkedAnswers)));
    this.#checkedAnswers = answers.length;
    await this.#workload.verify(client, { all: false });
    const problems = this.#problems.length + this.#log.problems.length + this.#workload.problems.length;
    this.#progress(`${title}: ${answers.length} answers, ${this.#workload.keyCount} keys, ${problems} problems`);
  }

  async #readLog(): Promise<void> {
    await using database = await accessDatabase(this.#deployment.database);
    await this.#log.advance(database);
  }
}

async function untilReady(server: ServerProcess): Promise<void> {
  const endAt = performance.now() + RECOVERY_MILLIS;
  while (server.isRunning) {
    if ((await fetch(new URL("/readyz", server.adminUrl))).ok) return;
    if (performance.now() > endAt)
      throw new Error(`the server did not recover in ${RECOVERY_MILLIS} ms:\n${server.output}`);
    await sleep(POLL_MILLIS);
  }
}

function disposable<T extends { close(): void }>(closeable: T): T & Disposable {
  return Object.assign(closeable, { [Symbol.dispose]: () => closeable.close() });
}
