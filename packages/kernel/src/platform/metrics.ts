import { monitorEventLoopDelay } from "node:perf_hooks";

import manifest from "../../package.json" with { type: "json" };
import type { Alarm } from "./alarms.ts";
import type { AnyDeclaration, Declaration, Exposition, Sample, TalliedDeclaration } from "./exposition.ts";
import { PROCESS_METRICS } from "./process-metrics.ts";
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

/** How much the audit log holds. Days are those of UTC by the store's clock. */
export interface AuditVolumeReading {
  /** Of its rows: event bodies that were not dropped, leaves and heads. */
  readonly logBytes: number;
  readonly eventsToday: number;
  readonly eventsYesterday: number;
  readonly bytesToday: number;
  readonly bytesYesterday: number;
}

/** How full the disk is. What is not known is left out. */
export interface DiskReading {
  /** Of the whole database, with what is free in it. */
  readonly databaseBytes?: number | undefined;
  /** What this process could use if nothing else were on the disk. */
  readonly sizeBytes?: number | undefined;
  readonly freeBytes?: number | undefined;
  readonly daysUntilFull?: number | undefined;
}

/**
 * What one process tells Prometheus. Whoever counts keeps the member it needs and adds to it; prom-client comes in only
 * when the numbers are asked for. No label holds an account, a key, or anything else that a caller may choose.
 */
export class Metrics implements Disposable {
  /** The value of the header Content-Type for {@link Metrics.expose}. */
  readonly contentType: string = "text/plain; version=0.0.4; charset=utf-8";

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
  /** Events whose bodies this process dropped by retention. */
  readonly eventsDropped = new Count();

  readonly #declarations: AnyDeclaration[] = [];
  #exposition: Exposition | undefined;
  readonly #now: () => number;
  readonly #operations = new Map<string, OperationMetrics>();
  readonly #refusals: ReadonlyMap<RefusalReason, Count> = new Map(
    REFUSAL_REASONS.map((reason) => [reason, new Count()]),
  );
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MILLIS });
  #nonceTableLoad: () => number = () => 0;
  #undeliveredSeconds: () => number = () => 0;
  #auditVolume: AuditVolumeReading | undefined;
  #disk: DiskReading = {};
  readonly #alarms = new Map<Alarm, (() => boolean)[]>();
  #isReady: () => boolean = () => false;
  #openRequests: () => number = () => 0;
  #droppedLogLines: () => number = () => 0;
  #certificateUntil: number | undefined;
  #sweepSeconds = 0;
  #sweptAt: number;

  /** @param options.now - milliseconds since 1970, for the age of the last sweep. */
  constructor(options: { readonly now: () => number }) {
    this.#now = options.now;
    this.watchAlarm("tampered-row", () => this.tamperedRows.value > 0);
    this.#sweptAt = options.now();
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

  /** From now on `isRaised` is asked, beside those that are asked already, whether what the alarm is about is so now. */
  watchAlarm(alarm: Alarm, isRaised: () => boolean): void {
    this.#alarms.set(alarm, [...(this.#alarms.get(alarm) ?? []), isRaised]);
  }

  /** From now on `isReady` is asked whether the server can do its work; until then it cannot. */
  watchReadiness(isReady: () => boolean): void {
    this.#isReady = isReady;
  }

  /** From now on `open` is asked for the requests that wait for their answers. */
  watchOpenRequests(open: () => number): void {
    this.#openRequests = open;
  }

  /** From now on `lines` is asked for the log lines dropped up to now because nothing took them. */
  watchDroppedLogLines(lines: () => number): void {
    this.#droppedLogLines = lines;
  }

  /** The certificate that the API is served with is valid until then, in milliseconds since 1970. */
  servesCertificate(validUntil: number): void {
    this.#certificateUntil = validUntil;
  }

  /** The audit log's size was read. */
  auditVolumeRead(reading: AuditVolumeReading): void {
    this.#auditVolume = reading;
  }

  /** The disk was looked at. */
  diskRead(reading: DiskReading): void {
    this.#disk = reading;
  }

  /** Everything in Prometheus' text format. The event-loop delay is that since the last call. */
  async expose(): Promise<string> {
    // prom-client is not needed before the first scrape, and a start takes a twentieth less without it.
    if (this.#exposition === undefined) {
      const { Exposition } = await import("./exposition.ts");
      this.#exposition ??= new Exposition(this.#declarations);
    }
    return this.#exposition.text();
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
      name: "cinnabar_log_dropped_lines_total",
      help: "Lines of the server's own log, which is not the audit log, dropped because standard error did not take them.",
      values: () => [{ labels: {}, value: this.#droppedLogLines() }],
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
      name: "cinnabar_audit_log_bytes",
      help: "Size of the audit log's rows: event bodies that were not dropped, leaves and heads, in bytes.",
      values: () => sampleOf(this.#auditVolume?.logBytes),
    });
    this.#gauge({
      name: "cinnabar_audit_events_today",
      help: "Events put on record since midnight UTC.",
      values: () => sampleOf(this.#auditVolume?.eventsToday),
    });
    this.#gauge({
      name: "cinnabar_audit_events_yesterday",
      help: "Events put on record on the day before, UTC.",
      values: () => sampleOf(this.#auditVolume?.eventsYesterday),
    });
    this.#gauge({
      name: "cinnabar_audit_bytes_today",
      help: "Size of what was put on record since midnight UTC, in bytes.",
      values: () => sampleOf(this.#auditVolume?.bytesToday),
    });
    this.#gauge({
      name: "cinnabar_audit_bytes_yesterday",
      help: "Size of what was put on record on the day before, UTC, in bytes.",
      values: () => sampleOf(this.#auditVolume?.bytesYesterday),
    });
    this.#counter({
      name: "cinnabar_audit_dropped_events_total",
      help: "Events whose bodies were dropped by retention.",
      values: () => [{ labels: {}, value: this.eventsDropped.value }],
    });
    this.#gauge({
      name: "cinnabar_database_bytes",
      help: "Size of the database with what is free in it, in bytes.",
      values: () => sampleOf(this.#disk.databaseBytes),
    });
    this.#gauge({
      name: "cinnabar_disk_size_bytes",
      help: "Size of the disk that an embedded database lies on, as far as the server may use it, in bytes.",
      values: () => sampleOf(this.#disk.sizeBytes),
    });
    this.#gauge({
      name: "cinnabar_disk_free_bytes",
      help: "What is free of the disk that an embedded database lies on, in bytes.",
      values: () => sampleOf(this.#disk.freeBytes),
    });
    this.#gauge({
      name: "cinnabar_disk_full_days",
      help: "Days until that disk is full, if the audit log goes on as in the last week and retention drops what falls due.",
      values: () => sampleOf(this.#disk.daysUntilFull),
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
      name: "cinnabar_alarm",
      help: "1 for each alarm whose cause is there now (tampered-row: ever since), 0 for each whose cause is not.",
      labels: ["alarm"],
      values: () =>
        [...this.#alarms].map(([alarm, watches]) => ({
          labels: { alarm },
          value: Number(watches.some((isRaised) => isRaised())),
        })),
    });
    this.#gauge({
      name: "cinnabar_ready",
      help: "1 while the server can do its work, as /readyz says.",
      values: () => [{ labels: {}, value: Number(this.#isReady()) }],
    });
    this.#gauge({
      name: "cinnabar_open_requests",
      help: "Requests that wait for their answers.",
      values: () => [{ labels: {}, value: this.#openRequests() }],
    });
    this.#gauge({
      name: "cinnabar_certificate_expiry_timestamp_seconds",
      help: "End of the validity of the certificate that the API is served with, in seconds since 1970; nothing without TLS.",
      values: () =>
        this.#certificateUntil === undefined ? [] : [{ labels: {}, value: this.#certificateUntil / 1000 }],
    });
    this.#gauge({
      name: "cinnabar_build_info",
      help: "1; the versions are in the labels.",
      labels: ["version", "node_version"],
      values: () => [{ labels: { version: manifest.version, node_version: process.version }, value: 1 }],
    });
    for (const { kind, name, help, value } of PROCESS_METRICS) {
      const values = (): Sample[] => {
        const number = value();
        return number === undefined ? [] : [{ labels: {}, value: number }];
      };
      if (kind === "counter") this.#counter({ name, help, values });
      else this.#gauge({ name, help, values });
    }
  }

  #takeLoopDelay(): Sample[] {
    const delay = this.#loopDelay;
    const quantiles = [0.5, 0.99, 1].map((quantile) => ({
      labels: { quantile: String(quantile) },
      // What is measured is the time between two timers, in nanoseconds.
      value: Math.max(0, delay.percentile(quantile * 100) / 1e9 - LOOP_DELAY_RESOLUTION_MILLIS / 1e3),
    }));
    delay.reset();
    return quantiles;
  }

  #counter(declaration: Declaration): void {
    this.#declarations.push({ kind: "counter", ...declaration });
  }

  #gauge(declaration: Declaration): void {
    this.#declarations.push({ kind: "gauge", ...declaration });
  }

  #histogram(declaration: TalliedDeclaration): void {
    this.#declarations.push({ kind: "histogram", ...declaration });
  }
}

/** No sample where the number is not known. */
function sampleOf(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}
