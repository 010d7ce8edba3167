import type { EncryptBenchResult, Round } from "./encrypt-bench.ts";
import { type Goal, judge } from "./goal.ts";
import type { Attempted } from "./lane.ts";
import type { LoadWindow } from "./load.ts";
import { median, quantile } from "./statistics.ts";
import type { StoreName } from "./stores.ts";
import { layOut } from "./table.ts";

/** How much of the CPU time of an Encrypt the yardstick's request must at least take, at so many connections. */
const FLOOR = { connections: 64, ratio: 0.33 };
const AIM = 0.45;
const MAX_AUDIT_BYTES = 400;
/** Fewer undisturbed rounds are no measurement. */
const MIN_ROUNDS = 3;

export function encryptGoals(result: EncryptBenchResult): Goal[] {
  const goals = groups(result).map(({ store, connections, rounds }) =>
    judge(`encrypt-cpu-${store}-${connections}`, {
      ratio: rounds.length < MIN_ROUNDS ? Number.NaN : median(rounds.map(ratioOf)),
      floor: connections === FLOOR.connections ? FLOOR.ratio : null,
    }),
  );
  if (result.auditBytesPerEvent !== undefined) {
    goals.push(judge("audit-bytes-per-event", { ratio: MAX_AUDIT_BYTES / result.auditBytesPerEvent, floor: 1 }));
  }
  return goals;
}

/** What was measured, for people. */
export function encryptReport(result: EncryptBenchResult): string {
  const head = [
    "connections",
    "server",
    "CPU µs",
    "p20",
    "database",
    "ratio",
    "p20",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "busy",
    "rounds",
    "discarded",
  ];
  const rows = groups(result).flatMap(({ store, connections, rounds, all }) => [
    ...(store === firstStore(result) ? [echoRow(connections, all)] : []),
    storeRow({ store, connections, rounds, all }),
  ]);
  const lines = [
    `Encrypt of 32 bytes: requests of ${result.requestBytes} bytes, answers of ${result.answerBytes}; the yardstick has the same.`,
    ...result.durabilities,
    "",
    layOut([head, ...rows]),
    "",
    `CPU µs: of the server's core for each request, median of the rounds; database: of PostgreSQL's processes beside it.`,
    `ratio: CPU of the yardstick by CPU of Encrypt, median of each round's; at ${FLOOR.connections} connections at least ${FLOOR.ratio}, aim ${AIM}.`,
  ];
  if (result.auditBytesPerEvent !== undefined) {
    lines.push(
      `audit log: ${result.auditBytesPerEvent.toFixed(0)} bytes of the SQLite file for each Encrypt, at most ${MAX_AUDIT_BYTES}.`,
    );
  }
  return lines.join("\n");
}

/** The rounds of one store at one number of connections. */
interface Group {
  readonly store: StoreName;
  readonly connections: number;
  /** Where neither window was disturbed. */
  readonly rounds: readonly Pair[];
  readonly all: readonly Round[];
}

interface Pair {
  readonly echo: LoadWindow;
  readonly own: LoadWindow;
}

function groups({ rounds }: EncryptBenchResult): Group[] {
  const byConnections = Map.groupBy(rounds, ({ connections }) => connections);
  return [...byConnections].flatMap(([connections, all]) =>
    [...(all[0]?.stores.keys() ?? [])].map((store) => ({
      store,
      connections,
      all,
      rounds: all.flatMap((round) => {
        const own = round.stores.get(store)?.window;
        return own === undefined || round.echo.window === undefined ? [] : { echo: round.echo.window, own };
      }),
    })),
  );
}

function firstStore({ rounds }: EncryptBenchResult): StoreName | undefined {
  return rounds[0]?.stores.keys().next().value;
}

function ratioOf({ echo, own }: Pair): number {
  return echo.cpuMicros / own.cpuMicros;
}

function echoRow(connections: number, all: readonly Round[]): string[] {
  const attempts = all.map(({ echo }) => echo);
  return [String(connections), "yardstick", ...cells(attempts, ["", ""])];
}

function storeRow({ store, rounds, all }: Group): string[] {
  const attempts = all.flatMap((round) => round.stores.get(store) ?? []);
  const ratios = rounds.map(ratioOf);
  return ["", store, ...cells(attempts, [median(ratios).toFixed(3), quantile(ratios, 0.2).toFixed(3)])];
}

function cells(attempts: readonly Attempted[], ratios: readonly [string, string]): string[] {
  const windows = attempts.flatMap(({ window }) => window ?? []);
  const medianOf = (value: (window: LoadWindow) => number) => median(windows.map(value));
  const database = medianOf((window) => window.databaseCpuMicros);
  return [
    medianOf((window) => window.cpuMicros).toFixed(1),
    quantile(
      windows.map((window) => window.cpuMicros),
      0.2,
    ).toFixed(1),
    database > 0 ? database.toFixed(1) : "",
    ...ratios,
    medianOf((window) => window.requestsPerSecond).toFixed(0),
    medianOf((window) => window.p50Millis).toFixed(2),
    medianOf((window) => window.p99Millis).toFixed(2),
    medianOf((window) => window.utilization).toFixed(2),
    String(windows.length),
    String(attempts.reduce((sum, { discarded }) => sum + discarded, 0)),
  ];
}
