import { monitorEventLoopDelay } from "node:perf_hooks";

import { Counter, Gauge, Histogram, Registry } from "prom-client";

import { REFUSAL_REASONS, type RefusalReason } from "./security-log.ts";
import { Count, Tally } from "./tally.ts";

const DURATION_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const BATCH_BUCKETS_EVENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const STATUS_CLASSES = ["2xx", "3xx", "4xx", "5xx"] as const;
const LOOP_DELAY_RESOLUTION_MILLIS = 20;

/** The requests for one operation. */
export class OperationMetrics {
  readonly durations = new Tally(DURATION_BUCKETS_SECONDS);
  readonly #answers = STATUS_CLASSES.map(() => new Count());

  /** Takes down an answered request: array increments only, no allocation. */
  answered(httpStatus: number, durationSeconds: number): void {
    this.#answers[Math.trunc(httpStatus / 100) - 2]?.add();
    this.durations.observe(durationSeconds);
  }

  /** How often each class of status was answered, of those that ever were. */
  *answers(): Iterable<{ readonly status: string; readonly count: number }> {
    for (const [i, status] of STATUS_CLASSES.entries()) {
      const count = this.#answers[i]?.value ?? 0;
      if (count > 0) yield { status, count };
    }
  }
}

/**
 * What one process tells Prometheus. Whoever counts keeps the member it needs and adds to it; prom-client comes in only
 * when the numbers are asked for. No label holds an account, a key, or anything else that a caller may choose.
 */
export class Metrics implements Disposable {
  /** The value of the header Content-Type for {@link Metrics.expose}. */
  readonly contentType: string;

  readonly batchEvents = new Tally(BATCH_BUCKETS_EVENTS);
  readonly batchCommitSeconds = new Tally(DURATION_BUCKETS_SECONDS);
  /** Batches computed again because the epoch had moved. */
  readonly epochRetries = new Count();
  /** Requests answered ServiceUnavailableTemporary because the audit log could not be written. */
  readonly logUnavailable = new Count();
  /** Rows found edited, swapped, put back, deleted or inserted: each one is an alarm. */
  readonly tamperedRows = new Count();
  readonly checkpoints = new Count();
  readonly checkpointsDelivered = new Count();

  readonly #registry = new Registry();
  readonly #now: () => number;
  readonly #operations = new Map<string, OperationMetrics>();
  readonly #refusals: ReadonlyMap<RefusalReason, Count> = new Map(
    REFUSAL_REASONS.map((reason) => [reason, new Count()]),
  );
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MILLIS });
  #nonceTableLoad: () => number = () => 0;
  #undeliveredSeconds: () => number = () => 0;
  #sweepSeconds = 0;
  #sweptAt: number;

  /** @param options.now - milliseconds since 1970, for the age of the last sweep. */
  constructor(options: { readonly now: () => number }) {
    this.#now = options.now;
    this.#sweptAt = options.now();
    this.contentType = this.#registry.contentType;
    this.#loopDelay.enable();
    this.#declare();
  }

  /** The numbers of an operation: to be asked for once for each declared operation, not with a name off the wire. */
  operation(name: string): OperationMetrics {
    let operation = this.#operations.get(name);
    if (operation === undefined) {
      operation = new OperationMetrics();
      this.#operations.set(name, operation);
    }
    return operation;
  }

  /** A request without a valid signature. */
  refused(reason: RefusalReason): void {
    this.#refusals.get(reason)?.add();
  }

  /** A sweep of all rows against the set hash has ended now. */
  sweepEnded(durationSeconds: number): void {
    this.#sweepSeconds = durationSeconds;
    this.#sweptAt = this.#now();
  }

  /** From now on `load` (0 to 1) is asked for the nonce table's load. */
  watchNonceTable(load: () => number): void {
    this.#nonceTableLoad = load;
  }

  /** From now on `seconds` is asked for how long the oldest signed checkpoint has been waiting for its delivery. */
  watchCheckpointDelivery(seconds: () => number): void {
    this.#undeliveredSeconds = seconds;
  }

  /** Everything in Prometheus' text format. The event-loop delay is that since the last call. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Stops measuring the event loop. */
  [Symbol.dispose](): void {
    this.#loopDelay.disable();
  }

  #declare(): void {
    this.#counter({
      name: "cinnabar_requests_total",
      help: "Requests answered, by operation (unknown: none that is served, or nobody proven to call) and class of HTTP status.",
      labels: ["operation", "status"],
      values: () =>
        [...this.#operations].flatMap(([operation, metrics]) =>
          [...metrics.answers()].map(({ status, count }) => ({ labels: { operation, status }, value: count })),
        ),
    });
    this.#histogram({
      name: "cinnabar_request_duration_seconds",
      help: "Time from the request's last byte to its answer, by operation, in seconds.",
      tallies: () =>
        [...this.#operations].map(([operation, metrics]) => ({ labels: { operation }, tally: metrics.durations })),
    });
    this.#histogram({
      name: "cinnabar_batch_events",
      help: "Events put on record with one commit.",
      tallies: () => [{ labels: {}, tally: this.batchEvents }],
    });
    this.#histogram({
      name: "cinnabar_batch_commit_duration_seconds",
      help: "Time that the durable commit of a batch took, in seconds.",
      tallies: () => [{ labels: {}, tally: this.batchCommitSeconds }],
    });
    this.#counter({
      name: "cinnabar_epoch_retries_total",
      help: "Batches computed again because the epoch had moved.",
      values: () => [{ labels: {}, value: this.epochRetries.value }],
    });
    this.#counter({
      name: "cinnabar_refused_requests_total",
      help: "Requests without a valid signature, by reason.",
      labels: ["reason"],
      values: () => [...this.#refusals].map(([reason, count]) => ({ labels: { reason }, value: count.value })),
    });
    this.#counter({
      name: "cinnabar_log_unavailable_total",
      help: "Requests answered ServiceUnavailableTemporary because the audit log could not be written.",
      values: () => [{ labels: {}, value: this.logUnavailable.value }],
    });
    this.#counter({
      name: "cinnabar_tampered_rows_total",
      help: "Rows of the store found tampered with. Anything above zero is an alarm.",
      values: () => [{ labels: {}, value: this.tamperedRows.value }],
    });
    this.#counter({
      name: "cinnabar_checkpoints_total",
      help: "Signed checkpoints written.",
      values: () => [{ labels: {}, value: this.checkpoints.value }],
    });
    this.#counter({
      name: "cinnabar_checkpoints_delivered_total",
      help: "Signed checkpoints delivered outside of the database.",
      values: () => [{ labels: {}, value: this.checkpointsDelivered.value }],
    });
    this.#gauge({
      name: "cinnabar_checkpoint_undelivered_seconds",
      help: "Time that the oldest signed checkpoint has been waiting to be delivered outside of the database, in seconds, 0 if none does.",
      values: () => [{ labels: {}, value: this.#undeliveredSeconds() }],
    });
    this.#gauge({
      name: "cinnabar_nonce_table_load_ratio",
      help: "Share of the nonce table in use, from 0 to 1. At 0.8 requests are refused.",
      values: () => [{ labels: {}, value: this.#nonceTableLoad() }],
    });
    this.#gauge({
      name: "cinnabar_sweep_duration_seconds",
      help: "Time that the last sweep of the store took, in seconds, 0 before the first.",
      values: () => [{ labels: {}, value: this.#sweepSeconds }],
    });
    this.#gauge({
      name: "cinnabar_sweep_age_seconds",
      help: "Time since a sweep of the store ended, or since the start if none has, in seconds.",
      values: () => [{ labels: {}, value: (this.#now() - this.#sweptAt) / 1000 }],
    });
    this.#gauge({
      name: "cinnabar_event_loop_delay_seconds",
      help: "Delay of the event loop since the last scrape, in seconds.",
      labels: ["quantile"],
      values: () => this.#takeLoopDelay(),
    });
    this.#gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory of the process, in bytes.",
      values: () => [{ labels: {}, value: process.memoryUsage.rss() }],
    });
    this.#counter({
      name: "process_cpu_seconds_total",
      help: "CPU time of the process in user and system mode, in seconds.",
      values: () => {
        const { user, system } = process.cpuUsage();
        return [{ labels: {}, value: (user + system) / 1e6 }];
      },
    });
  }

  #takeLoopDelay(): Sample[] {
    const delay = this.#loopDelay;
    const quantiles = [0.5, 0.99, 1].map((quantile) => ({
      labels: { quantile: String(quantile) },
      value: delay.count === 0 ? 0 : delay.percentile(quantile * 100) / 1e9,
    }));
    delay.reset();
    return quantiles;
  }

  #counter(declaration: Declaration): void {
    this.#registry.registerMetric(
      new Counter({
        ...common(declaration),
        collect() {
          this.reset();
          for (const { labels, value } of declaration.values()) this.inc(labels, value);
        },
      }),
    );
  }

  #gauge(declaration: Declaration): void {
    this.#registry.registerMetric(
      new Gauge({
        ...common(declaration),
        collect() {
          this.reset();
          for (const { labels, value } of declaration.values()) this.set(labels, value);
        },
      }),
    );
  }

  #histogram(declaration: TalliedDeclaration): void {
    this.#registry.registerMetric(new TalliedHistogram(declaration));
  }
}

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Declaration {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly values: () => readonly Sample[];
}

interface TalliedDeclaration {
  readonly name: string;
  readonly help: string;
  readonly tallies: () => readonly { readonly labels: Labels; readonly tally: Tally }[];
}

function common({ name, help, labels = [] }: Declaration) {
  // None of prom-client's own choice, which would be its global registry.
  return { name, help, labelNames: labels, registers: [] };
}

/** A histogram of prom-client whose numbers come from {@link Tally}s. */
class TalliedHistogram extends Histogram {
  readonly #declaration: TalliedDeclaration;

  constructor(declaration: TalliedDeclaration) {
    super({ name: declaration.name, help: declaration.help, registers: [] });
    this.#declaration = declaration;
  }

  /** What prom-client's registry asks a histogram for. */
  getForPromString() {
    const { name, help, tallies } = this.#declaration;
    const values = tallies().flatMap(({ labels, tally }) => {
      const { bounds, counts } = tally;
      let count = 0;
      const buckets = counts.map((n, i) => {
        count += n;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i] ?? "+Inf" }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: tally.sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
    return Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values });
  }
}
