import { availableParallelism } from "node:os";
import { CONTROL_SHARD } from "@cinnabar/kernel";
import { type Checkpoint, MerkleError, NoteVerifier } from "@cinnabar/merkle-log";
import { openLogCheckpoint, type SavedCheckpoint } from "./checkpoint-bundle.ts";
import { ControlFacts } from "./control-facts.ts";
import { LogAuditor } from "./log-audit.ts";
import {
  type BatchRange,
  EVENT_LINES,
  type LogListing,
  logName,
  type LogSource,
  UnreadableLogError,
  WHOLE_LOG,
} from "./log-source.ts";
import { RangeThread, type RangeTask } from "./range-thread.ts";
import type { AuditFinding, AuditFindingKind, AuditProgress, AuditReport, LogAudit } from "./report.ts";

const MAX_THREADS = 4;
/** A thread takes some tenths of a second to start: as long as this many batches take. */
const BATCHES_PER_THREAD = 10_000;
const NEEDS_ROOT_KEY =
  "The MACs of rows and of the set hash's sums need the root key: the server checks them on use and in its sweep.";
const NEEDS_BODIES =
  "What dropped events said is not known here. An event that was kept elsewhere can still be proven: cinnabar audit prove --event FILE.";
const EVENT_LINES_ARE_FOR_READING = `${EVENT_LINES} is for reading and was not compared with the log. A line of it can be proven: cinnabar audit prove --event FILE.`;
const NEEDS_SAVED_CHECKPOINT =
  "Without a saved checkpoint, a log that was cut short together with its stored checkpoint looks whole.";

/**
 * Verifies a deployment's audit logs offline (docs/formats/audit-log.md, "Verification"): recomputes every leaf and
 * head, and compares them with the signed checkpoints that are stored and those that were saved elsewhere.
 *
 * Whatever is damaged is a finding in the report and never an exception.
 *
 * @param options.verifierKey - the deployment's C2SP verifier key, from a place that the store's keepers cannot write.
 * @param options.savedCheckpoints - of one or several bundles: what stood in a log then must stand there still.
 * @param options.batchesPerThread - a log of a database is verified by one thread for this many batches.
 * @param options.onProgress - called after every batch, or after many that another thread has verified.
 * @throws MerkleError `malformed-verifier-key`.
 */
export async function verifyAudit(options: {
  source: LogSource;
  verifierKey: string;
  savedCheckpoints?: readonly SavedCheckpoint[];
  batchesPerThread?: number;
  onProgress?: (progress: AuditProgress) => void;
}): Promise<AuditReport> {
  return new Verification(options).run();
}

class Verification {
  readonly #source: LogSource;
  readonly #verifier: NoteVerifier;
  readonly #verifierKey: string;
  readonly #saved: readonly SavedCheckpoint[];
  readonly #batchesPerThread: number;
  readonly #onProgress: (progress: AuditProgress) => void;
  readonly #findings: AuditFinding[] = [];
  readonly #control: ControlFacts;

  constructor(options: Parameters<typeof verifyAudit>[0]) {
    this.#source = options.source;
    this.#verifierKey = options.verifierKey;
    this.#verifier = NoteVerifier.parse(options.verifierKey);
    this.#control = new ControlFacts(this.#verifier);
    this.#saved = options.savedCheckpoints ?? [];
    this.#batchesPerThread = options.batchesPerThread ?? BATCHES_PER_THREAD;
    this.#onProgress = options.onProgress ?? (() => undefined);
  }

  async run(): Promise<AuditReport> {
    await this.#checkDeployment();
    const listing = await this.#list();
    const logs = [await this.#verify(CONTROL_SHARD, listing)];
    const shards = new Set([
      ...listing.shards,
      ...listing.checkpoints.map(({ shard }) => shard),
      ...this.#saved.map(({ shard }) => shard),
      ...this.#control.shards,
    ]);
    shards.delete(CONTROL_SHARD);
    for (const shard of [...shards].toSorted((a, b) => a - b)) logs.push(await this.#verify(shard, listing));
    return {
      logs,
      findings: this.#findings,
      ok: this.#findings.length === 0 && logs.every(({ findings }) => findings.length === 0),
      limits: [
        ...(this.#saved.length === 0 ? [NEEDS_SAVED_CHECKPOINT] : []),
        ...(logs.some(({ droppedEvents }) => droppedEvents > 0) ? [NEEDS_BODIES] : []),
        ...(listing.hasEventLines === true ? [EVENT_LINES_ARE_FOR_READING] : []),
        NEEDS_ROOT_KEY,
      ],
    };
  }

  /** The store's own word on its name and key is only compared: whoever can edit the store can edit it too. */
  async #checkDeployment(): Promise<void> {
    const claim = await this.#reading(() => this.#source.deployment());
    if (claim !== undefined) this.#compareClaim("the store", claim);
  }

  async #list(): Promise<LogListing> {
    const listing = await this.#reading(() => this.#source.list());
    for (const { detail, batch } of listing?.damage ?? []) this.#report("unreadable", detail, batch);
    return listing ?? { shards: [], checkpoints: [], damage: [] };
  }

  async #verify(shard: number, listing: LogListing): Promise<LogAudit> {
    const problems: { kind: AuditFindingKind; detail: string }[] = [];
    const checkpoints = this.#checkpointsOf(shard, listing, (kind, detail) => problems.push({ kind, detail }));
    const auditor = new LogAuditor({ shard, control: this.#control, checkpoints });
    for (const { kind, detail } of problems) auditor.report(kind, detail);
    await using threads = new AsyncDisposableStack();
    const progress = () => this.#onProgress({ log: logName(shard), events: auditor.events });
    try {
      const ranges = (await this.#ranges(shard)).map((range, index) => ({
        range,
        thread: index === 0 ? undefined : threads.use(this.#startThread({ shard, range, checkpoints })),
      }));
      for (const { range, thread } of ranges) {
        const verified = await thread?.result;
        if (verified !== undefined && auditor.skip(verified)) {
          progress();
          continue;
        }
        for await (const item of this.#source.read(shard, range)) {
          auditor.add(item);
          progress();
        }
      }
      if (auditor.needsSecondLook) {
        for await (const item of this.#source.read(shard)) if (item.kind === "batch") auditor.lookAgain(item);
      }
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) throw error;
      auditor.report("unreadable", error.message);
    }
    const audit = auditor.finish();
    if (shard === CONTROL_SHARD) this.#compareClaim("the first event", this.#control.deployment ?? {});
    return audit;
  }

  /**
   * The parts of a log for as many threads as are worth their start. The first part is this thread's own, and so is
   * every part that another thread has not found right: findings are made in one place, in the log's order.
   */
  async #ranges(shard: number): Promise<readonly BatchRange[]> {
    const { shared } = this.#source;
    // Whatever the control log says must be known before another log is verified.
    if (shared === undefined || shard === CONTROL_SHARD) return [WHOLE_LOG];
    const lastSeq = await shared.lastSeq(shard);
    const count = Math.min(availableParallelism(), MAX_THREADS, Math.floor(lastSeq / this.#batchesPerThread));
    if (count < 2) return [WHOLE_LOG];
    const edges = [0];
    for (let part = 1; part < count; part++) edges.push(this.#edge(shard, Math.round((lastSeq / count) * part)));
    edges.push(lastSeq);
    return edges
      .slice(1)
      .map((last, index) => ({ after: edges[index] ?? 0, last: Math.min(last, lastSeq) }))
      .filter(({ after, last }) => after < last);
  }

  /** Where a log can be divided, at a batch or soon after: a record of retention is verified by one thread. */
  #edge(shard: number, seq: number): number {
    let edge = seq;
    for (const { ranges } of this.#control.dropsOf(shard)) {
      const [first = 0, last = 0] = [ranges[0]?.[0], ranges.at(-1)?.[1]];
      if (first <= edge && edge < last) edge = last;
    }
    return edge;
  }

  #startThread(task: Pick<RangeTask, "shard" | "range" | "checkpoints">): RangeThread {
    const { shared } = this.#source;
    if (shared === undefined) throw new TypeError("only shared logs are read by several threads");
    const { lastEpoch } = this.#control;
    const { after, last } = task.range;
    const drops = this.#control
      .dropsOf(task.shard)
      .filter(({ ranges }) => (ranges[0]?.[0] ?? 0) > after && (ranges.at(-1)?.[1] ?? 0) <= last);
    return new RangeThread({ ...task, url: shared.url, shardFacts: this.#control.of(task.shard), drops, lastEpoch });
  }

  /** The log's valid checkpoints; what is wrong with the others, and between stored and saved ones, is reported. */
  #checkpointsOf(
    shard: number,
    listing: LogListing,
    report: (kind: AuditFindingKind, detail: string) => void,
  ): Checkpoint[] {
    const open = (which: string, note: string): Checkpoint[] => {
      try {
        return [openLogCheckpoint({ shard, note }, this.#verifier)];
      } catch (error) {
        if (!(error instanceof MerkleError)) throw error;
        report("invalid-checkpoint", `the ${which} checkpoint is not valid: ${error.message}`);
        return [];
      }
    };
    const saved = this.#saved.filter((checkpoint) => checkpoint.shard === shard);
    const stored = listing.checkpoints.find((checkpoint) => checkpoint.shard === shard);
    const openedSaved = saved.flatMap(({ note }) => open("saved", note));
    const openedStored = stored === undefined ? [] : open("stored", stored.note);
    for (const { size } of openedStored) {
      if (stored?.size !== undefined && stored.size !== size) {
        report("invalid-checkpoint", `the stored checkpoint is of ${size} leaves, beside it stands ${stored.size}`);
      }
    }
    // A store replaces a checkpoint only by a larger one.
    const savedSize = Math.max(0, ...openedSaved.map(({ size }) => size));
    const storedSize = Math.max(0, ...openedStored.map(({ size }) => size));
    if (storedSize < savedSize) {
      report("old-checkpoint", `the stored checkpoint is of ${storedSize} leaves, a saved one of ${savedSize}`);
    }
    return [...openedSaved, ...openedStored];
  }

  #compareClaim(who: string, claim: { readonly origin?: unknown; readonly verifierKey?: unknown }): void {
    if (claim.origin !== this.#verifier.name) {
      this.#report("deployment-mismatch", `${who} names the origin ${quote(claim.origin)}, not ${this.#verifier.name}`);
    }
    if (claim.verifierKey !== this.#verifierKey) {
      this.#report(
        "deployment-mismatch",
        `${who} names the verifier key ${quote(claim.verifierKey)}, not the given one`,
      );
    }
  }

  async #reading<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) throw error;
      this.#report("unreadable", error.message);
      return undefined;
    }
  }

  #report(kind: AuditFindingKind, detail: string, batch?: number): void {
    this.#findings.push({ kind, detail, batch });
  }
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? "none";
}
