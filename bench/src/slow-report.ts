import { type Goal, judge } from "./goal.ts";
import { BESIDE, type Beside, type LatencyRound } from "./latency-beside.ts";
import type { OperationWindow, SlowBenchResult } from "./slow-bench.ts";
import { median } from "./statistics.ts";
import { layOut } from "./table.ts";

/** Encrypt's p99 beside slow work may be so many times that of Encrypt alone. */
const MOST_TIMES_ALONE = 2.5;
/** Fewer undisturbed rounds are no measurement. */
const MIN_ROUNDS = 3;

export function slowGoals(results: readonly SlowBenchResult[]): Goal[] {
  return results.flatMap(({ store, operations, latencies }) => [
    ...[...operations].flatMap(([name, windows]) => [
      judge(`${name}-echo-${store}`, { ratio: medianOf(windows, echoRatio), floor: null }),
      judge(`${name}-bare-${store}`, { ratio: medianOf(windows, bareRatio), floor: null }),
    ]),
    ...(["signing", "flood"] as const).map((beside) =>
      judge(`encrypt-p99-beside-${beside}-${store}`, {
        ratio: medianOf(latencies, (round) => aloneRatio(round, beside)),
        floor: 1 / MOST_TIMES_ALONE,
      }),
    ),
  ]);
}

/** What was measured, for people. */
export function slowReport(results: readonly SlowBenchResult[]): string {
  return results.map(reportOf).join("\n\n");
}

function reportOf({ store, operations, latencies, rates }: SlowBenchResult): string {
  const head = [
    "on " + store,
    "calls/s",
    "CPU µs",
    "bare µs",
    "bare/call",
    "yardstick/call",
    "loop p99 ms",
    "discarded",
  ];
  const rows = [...operations].map(([name, windows]) => [
    name,
    medianOf(windows, ({ attempted }) => attempted.window?.requestsPerSecond).toFixed(0),
    medianOf(windows, ({ attempted }) => attempted.window?.cpuMicros).toFixed(1),
    medianOf(windows, ({ bareMicros }) => bareMicros).toFixed(1),
    medianOf(windows, bareRatio).toFixed(3),
    medianOf(windows, echoRatio).toFixed(3),
    medianOf(windows, ({ loopDelayP99Millis }) => loopDelayP99Millis).toFixed(2),
    String(windows.reduce((sum, { attempted }) => sum + attempted.discarded, 0)),
  ]);
  const latencyHead = ["Encrypt beside", "p50 ms", "p99 ms", "times alone", "loop p99 ms", "rounds", "discarded"];
  const latencyRows = BESIDE.map((beside) => [
    beside,
    medianOf(latencies, (round) => round[beside].latency?.p50Millis).toFixed(2),
    medianOf(latencies, (round) => round[beside].latency?.p99Millis).toFixed(2),
    (1 / medianOf(latencies, (round) => aloneRatio(round, beside))).toFixed(2),
    medianOf(latencies, (round) => round[beside].loopDelayP99Millis).toFixed(2),
    String(latencies.flatMap((round) => aloneRatio(round, beside) ?? []).length),
    String(latencies.reduce((sum, round) => sum + round[beside].discarded, 0)),
  ]);
  return [
    layOut([head, ...rows]),
    "",
    `Encrypt at ${rates.encrypt.toFixed(0)} calls a second, beside ${rates.sign.toFixed(0)} signatures a second, and beside a flood of CreateKey RSA_4096:`,
    "",
    layOut([latencyHead, ...latencyRows]),
    "",
    `Medians of the rounds; ratios are of each round's. Beside either, p99 is to be at most ${MOST_TIMES_ALONE} times that alone.`,
  ].join("\n");
}

/** NaN with too few rounds in which it could be measured. */
function medianOf<T>(rounds: readonly T[], value: (round: T) => number | undefined): number {
  const values = rounds.flatMap((round) => value(round) ?? []);
  return values.length < MIN_ROUNDS ? Number.NaN : median(values);
}

function bareRatio({ attempted, bareMicros }: OperationWindow): number | undefined {
  return attempted.window === undefined ? undefined : bareMicros / attempted.window.cpuMicros;
}

function echoRatio({ attempted, echo }: OperationWindow): number | undefined {
  if (attempted.window === undefined || echo.window === undefined) return undefined;
  return echo.window.cpuMicros / attempted.window.cpuMicros;
}

function aloneRatio(round: LatencyRound, beside: Beside): number | undefined {
  const [alone, other] = [round.nothing.latency, round[beside].latency];
  return alone === undefined || other === undefined ? undefined : alone.p99Millis / other.p99Millis;
}
