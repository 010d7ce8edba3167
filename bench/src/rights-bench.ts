import { assertCorrect, assertRecorded } from "./checked-answers.ts";
import { CinnabarServer, type RootAccessKey } from "./cinnabar-server.ts";
import { startEcho } from "./echo-lane.ts";
import { EncryptRequests } from "./encrypt-requests.ts";
import type { Protocol } from "./signed-requests.ts";
import { type Goal, judge } from "./goal.ts";
import { type Attempted, Lane } from "./lane.ts";
import type { LoadWindow } from "./load.ts";
import { median } from "./statistics.ts";
import { makeUser, storeIdentities } from "./stored-identities.ts";
import { type BenchStore, createStore, type StoreName } from "./stores.ts";
import { layOut } from "./table.ts";
import { Workbench } from "./workbench.ts";

const KEYS = 1000;
const CONNECTIONS = 64;
const USERS = 10_000;
const POLICIES = 1_000;
/** An Encrypt by a user may cost so much more than one by the root. */
const MOST_TIMES_ROOT = 1.15;
/** Of the yardstick's CPU time by that of an Encrypt, as it is asked of the root's. */
const ECHO_FLOOR = 0.33;
/** Fewer undisturbed rounds are no measurement. */
const MIN_ROUNDS = 3;

export interface RightsBenchOptions {
  readonly stores: readonly StoreName[];
  readonly protocol: Protocol;
  readonly rounds: number;
  readonly windowMillis: number;
  /** Told what is going on. */
  progress(text: string): void;
}

/** One round: every lane once, one after the other. */
interface Round {
  readonly echo: Attempted;
  readonly root: Attempted;
  readonly user: Attempted;
}

/** What was measured on one store with nobody but the user there, and then with many. */
export interface RightsBenchResult {
  readonly store: StoreName;
  readonly alone: readonly Round[];
  readonly amongMany: readonly Round[];
}

/**
 * Compares Encrypt by a RAM user with 10 policies of 20 statements with Encrypt by the root and with the yardstick:
 * interleaved, in one run, on the same core, by the same process.
 *
 * @throws Error if anything was not answered correctly, or is not on record.
 */
export async function runRightsBench(options: RightsBenchOptions): Promise<RightsBenchResult[]> {
  const workbench = new Workbench();
  const results: RightsBenchResult[] = [];
  for (const name of options.stores) {
    options.progress(`starting on ${name}, ${KEYS} keys`);
    const callers = await Callers.start(workbench, { name, protocol: options.protocol });
    const echo = await startEcho(workbench, callers.sizes);
    const alone = await measureRounds({ ...options, callers, echo, what: `${name}, nobody else stored` });
    options.progress(`making ${USERS} users and ${POLICIES} policies on ${name}`);
    await storeIdentities(callers.server, { store: callers.store, users: USERS, policies: POLICIES });
    const amongMany = await measureRounds({ ...options, callers, echo, what: `${name}, ${USERS} users stored` });
    options.progress(`checking the answers and the audit log on ${name}`);
    await callers.check();
    results.push({ store: name, alone, amongMany });
  }
  return results;
}

async function measureRounds(
  options: RightsBenchOptions & { readonly callers: Callers; readonly echo: Lane; readonly what: string },
): Promise<Round[]> {
  const { callers, rounds, windowMillis, what } = options;
  const window = { connections: CONNECTIONS, windowMillis };
  const measured: Round[] = [];
  for (let i = 1; i <= rounds; i++) {
    options.progress(`${what}, round ${i} of ${rounds}`);
    const echo = await options.echo.measure(window);
    // Whoever comes first has the colder caches: they take turns.
    const [first, second] = i % 2 === 0 ? [callers.user, callers.root] : [callers.root, callers.user];
    const one = await first.measure(window);
    const other = await second.measure(window);
    measured.push(first === callers.root ? { echo, root: one, user: other } : { echo, root: other, user: one });
  }
  return measured;
}

/** The root and a user of one server, both warmed up. */
class Callers {
  readonly store: BenchStore;
  readonly server: CinnabarServer;
  readonly root: Lane;
  readonly user: Lane;

  private constructor(
    store: BenchStore,
    { server, root, user }: { readonly server: CinnabarServer; readonly root: Lane; readonly user: Lane },
  ) {
    this.store = store;
    this.server = server;
    this.root = root;
    this.user = user;
  }

  static async start(
    workbench: Workbench,
    { name, protocol }: { readonly name: StoreName; readonly protocol: Protocol },
  ): Promise<Callers> {
    const store = await createStore(workbench, name);
    const server = await CinnabarServer.start(workbench, store);
    const keyIds = await server.createKeys(KEYS);
    const laneOf = async (caller: string, accessKey: RootAccessKey): Promise<Lane> => {
      const source = new EncryptRequests({ protocol, accessKey, keyIds });
      const { port, pid } = server;
      const { databasePid } = store;
      const lane = new Lane(caller, { port, pid, core: workbench.cores.server, databasePid, source });
      await lane.warmUp();
      return lane;
    };
    const root = await laneOf("root", server.accessKey);
    return new Callers(store, { server, root, user: await laneOf("user", await makeUser(server)) });
  }

  /** Of a request, head and body, and of an answer's body. */
  get sizes(): { readonly requestBytes: number; readonly answerBytes: number } {
    return {
      requestBytes: this.user.target.source.next().bytes.length,
      answerBytes: this.user.windows[0]?.samples[0]?.answer.body.length ?? 0,
    };
  }

  /** Proves that every request was answered, correctly, and is on record; stops the server. */
  async check(): Promise<void> {
    await assertCorrect(this.server.client, [...this.root.windows, ...this.user.windows]);
    await this.server.stop();
    await assertRecorded(this.store, this.root.answered + this.user.answered);
  }
}

export function rightsGoals(results: readonly RightsBenchResult[]): Goal[] {
  return results.flatMap(({ store, alone, amongMany }) => [
    ...goalsOf(store, alone),
    ...goalsOf(`${store}-among-${USERS}`, amongMany),
  ]);
}

function goalsOf(where: string, rounds: readonly Round[]): Goal[] {
  return [
    judge(`rights-root-by-user-${where}`, {
      ratio: medianRatio(rounds, "root"),
      floor: Math.round(1000 / MOST_TIMES_ROOT) / 1000,
    }),
    judge(`rights-echo-by-user-${where}`, { ratio: medianRatio(rounds, "echo"), floor: ECHO_FLOOR }),
  ];
}

/** What was measured, for people. */
export function rightsReport(results: readonly RightsBenchResult[]): string {
  const head = ["", "yardstick µs", "root µs", "user µs", "user/root", "yardstick/user", "rounds", "discarded"];
  const rows = results.flatMap(({ store, alone, amongMany }) => [
    rowOf(store, alone),
    rowOf(`${store}, ${USERS} users and ${POLICIES} policies stored`, amongMany),
  ]);
  return [
    `CPU time of Encrypt at ${CONNECTIONS} connections, by the root and by a user with 10 policies of 20 statements:`,
    "",
    layOut([head, ...rows]),
    "",
    `Medians of the rounds; ratios are of each round's. A user's is to be at most ${MOST_TIMES_ROOT} times the root's.`,
  ].join("\n");
}

function rowOf(where: string, rounds: readonly Round[]): string[] {
  const micros = (lane: keyof Round): string =>
    median(rounds.flatMap((round) => round[lane].window?.cpuMicros ?? [])).toFixed(1);
  const attempts = rounds.flatMap(({ echo, root, user }) => [echo, root, user]);
  return [
    where,
    micros("echo"),
    micros("root"),
    micros("user"),
    (1 / medianRatio(rounds, "root")).toFixed(3),
    medianRatio(rounds, "echo").toFixed(3),
    String(rounds.flatMap((round) => ratioOf(round, "root")).length),
    String(attempts.reduce((sum, { discarded }) => sum + discarded, 0)),
  ];
}

/** CPU time of a lane's request by that of the user's; NaN with too few rounds. */
function medianRatio(rounds: readonly Round[], lane: "echo" | "root"): number {
  const ratios = rounds.flatMap((round) => ratioOf(round, lane));
  return ratios.length < MIN_ROUNDS ? Number.NaN : median(ratios);
}

/** Of a round in which neither window was disturbed. */
function ratioOf(round: Round, lane: "echo" | "root"): number[] {
  const [other, user]: (LoadWindow | undefined)[] = [round[lane].window, round.user.window];
  return other === undefined || user === undefined ? [] : [other.cpuMicros / user.cpuMicros];
}
