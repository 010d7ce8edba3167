import { isDeepStrictEqual } from "node:util";
import { CONTROL_SHARD } from "@cinnabar/kernel";
import { Frontier, LogVerifier, MerkleError, type TreeHead } from "@cinnabar/merkle-log";
import type { ControlFacts, ShardFacts } from "./control-facts.ts";
import { DropAudit } from "./drop-audit.ts";
import { type EventFacts, readEventFacts } from "./event-facts.ts";
import { type BatchPlace, type LogBatch, type LogDamage, logName } from "./log-source.ts";
import { type AuditFinding, type AuditFindingKind, type AuditNote, Kept, type LogAudit } from "./report.ts";

/** Most event ids that a note repeats. */
const MAX_NAMED_EVENTS = 20;

/** Where one range of a log ends and the next one begins: its last batch, and the encoded frontier after that. */
export interface RangeEdge {
  readonly place: BatchPlace;
  /** Whether retention dropped that batch's events. */
  readonly isDropped: boolean;
  readonly frontier: Uint8Array;
}

/** Batches between two edges in which everything is right, provided that the first edge is. */
export interface VerifiedRange {
  readonly start: RangeEdge;
  readonly end: RangeEdge;
  readonly batches: number;
  readonly events: number;
  readonly droppedBatches: number;
  readonly droppedEvents: number;
  readonly restoredBatches: number;
  /** Size of the largest checkpoint within, 0 if there is none. */
  readonly verifiedSize: number;
  readonly notes: Kept<AuditNote>;
}

/** Verifies one log, batch by batch, in constant memory. */
export class LogAuditor {
  readonly #shard: number;
  readonly #control: ControlFacts;
  readonly #facts: ShardFacts | undefined;
  readonly #verifier: LogVerifier;
  readonly #findings = new Kept<AuditFinding>();
  readonly #notes = new Kept<AuditNote>();
  readonly #isExpected: boolean;
  readonly #start: RangeEdge | undefined;
  #previous: BatchPlace | undefined;
  #isPreviousDropped: boolean;
  #closesSeen = 0;
  #batches = 0;
  #events = 0;
  #drops: DropAudit | undefined;
  #droppedBatches = 0;
  #droppedEvents = 0;

  /**
   * @param options.control - what the control log says; the control log's own auditor fills it in.
   * @param options.checkpoints - signed heads, already opened.
   * @param options.start - the edge to begin at, instead of the log's beginning: then {@link LogAuditor.finishRange}
   *   ends it. It is believed.
   * @throws MerkleError `malformed-frontier` for another start.
   */
  constructor(options: { shard: number; control: ControlFacts; checkpoints: readonly TreeHead[]; start?: RangeEdge }) {
    const { shard, control, checkpoints, start } = options;
    this.#shard = shard;
    this.#control = control;
    this.#facts = shard === CONTROL_SHARD ? undefined : control.of(shard);
    this.#verifier = new LogVerifier(checkpoints, start && Frontier.decode(start.frontier));
    this.#start = start;
    this.#previous = start?.place;
    this.#isPreviousDropped = start?.isDropped ?? false;
    // The control log's own come before their record: they are compared when all of it is known.
    this.#drops = shard === CONTROL_SHARD ? undefined : this.#auditDrops();
    this.#isExpected =
      shard === CONTROL_SHARD ||
      checkpoints.some(({ size }) => size > 0) ||
      (this.#facts?.closes.some(({ size }) => size > 0) ?? false);
    if (start === undefined) this.#compareCloses();
    else this.#passCloses();
  }

  get events(): number {
    return this.#events;
  }

  add(item: LogBatch | LogDamage): void {
    if (item.kind === "damage") {
      this.report(item.damage, item.detail, item.batch);
      return;
    }
    const { place, events, leaves, frontier } = item;
    this.#batches += 1;
    if (place !== undefined) this.#checkPlace(place, leaves.length);
    if (item.isDropped) this.#countDropped(item);
    else this.#events += events?.length ?? 0;
    this.#drops?.add(item);
    for (const event of events ?? []) this.#checkEvent(event, place);
    for (const leaf of leaves) this.#verifier.add(leaf);
    if (frontier !== undefined) this.#compareFrontier(frontier, place?.seq);
    this.#compareCloses();
    if (place === undefined) return;
    this.#previous = place;
    this.#isPreviousDropped = item.isDropped;
  }

  /** Whether the log's batches are to be shown once more, to {@link LogAuditor.lookAgain}, before its end. */
  get needsSecondLook(): boolean {
    return this.#drops === undefined && (this.#droppedBatches > 0 || this.#control.dropsOf(this.#shard).length > 0);
  }

  /** Takes a batch of the control log again, now that it is known what retention dropped of it. */
  lookAgain(batch: LogBatch): void {
    this.#drops ??= this.#auditDrops();
    this.#drops.add(batch);
  }

  report(kind: AuditFindingKind, detail: string, batch?: number): void {
    this.#findings.add({ kind, detail, batch });
  }

  /** Ends a range here. @returns undefined if anything in it is wrong. */
  finishRange(): VerifiedRange | undefined {
    const [start, end] = [this.#start, this.#edge()];
    const isRight =
      this.#verifier.isSound && this.#findings.items.length === 0 && this.#drops?.isBetweenRecords === true;
    if (start === undefined || end === undefined || !isRight) return undefined;
    const { verifiedSize } = this.#verifier;
    return {
      start,
      end,
      batches: this.#batches,
      events: this.#events,
      droppedBatches: this.#droppedBatches,
      droppedEvents: this.#droppedEvents,
      restoredBatches: this.#drops?.restoredBatches ?? 0,
      verifiedSize,
      notes: this.#notes,
    };
  }

  /** Goes on after a range that another auditor has verified. @returns false if it does not begin here. */
  skip(verified: VerifiedRange): boolean {
    const { start, end, verifiedSize, notes } = verified;
    if (!isDeepStrictEqual(this.#edge(), start)) return false;
    if (this.#drops?.skip(end.place.seq, verified.restoredBatches) !== true) return false;
    this.#verifier.skip({ end: Frontier.decode(end.frontier), verifiedSize });
    this.#previous = end.place;
    this.#isPreviousDropped = end.isDropped;
    this.#batches += verified.batches;
    this.#events += verified.events;
    this.#droppedBatches += verified.droppedBatches;
    this.#droppedEvents += verified.droppedEvents;
    for (const note of notes.items) this.#notes.add(note);
    this.#notes.omitted += notes.omitted;
    this.#passCloses();
    return true;
  }

  /** Ends the log here. Call once. */
  finish(): LogAudit {
    this.#checkEnd();
    this.#noteDropped();
    const merkle = this.#verifier.finish();
    for (const { kind, detail, position } of merkle.findings) this.report(kind, `at leaf ${position}: ${detail}`);
    const { size, verifiedSize } = merkle;
    if (size > verifiedSize) {
      this.#note("unsigned", `no signed checkpoint covers the last ${size - verifiedSize} of ${size} leaves`);
    }
    return {
      name: logName(this.#shard),
      size,
      events: this.#events,
      droppedEvents: this.#droppedEvents,
      batches: this.#batches,
      signedSize: verifiedSize,
      findings: this.#findings.items,
      omittedFindings: this.#findings.omitted + merkle.omittedFindings,
      notes: this.#notes.items,
      omittedNotes: this.#notes.omitted,
    };
  }

  #edge(): RangeEdge | undefined {
    const frontier = new Uint8Array(this.#verifier.frontier.encode());
    return this.#previous && { place: this.#previous, isDropped: this.#isPreviousDropped, frontier };
  }

  #checkPlace(place: BatchPlace, leafCount: number): void {
    const { shard, seq, firstIndex, eventCount, epoch, incarnation } = place;
    const previous = this.#previous;
    const expectedSeq = (previous?.seq ?? 0) + 1;
    const outOfSequence = (detail: string) => this.report("out-of-sequence", detail, seq);
    if (shard !== this.#shard) outOfSequence(`the batch belongs to ${logName(shard)}`);
    if (seq !== expectedSeq) outOfSequence(`batch ${seq} stands where ${expectedSeq} should`);
    if (firstIndex !== this.#verifier.size) {
      outOfSequence(`the batch says it begins at leaf ${firstIndex}, and stands at ${this.#verifier.size}`);
    }
    if (eventCount + 1 !== leafCount)
      outOfSequence(`the batch says it has ${eventCount} events, and has ${leafCount - 1}`);
    if (this.#shard === CONTROL_SHARD) {
      if (eventCount !== 1) outOfSequence("an entry of the control log has one event");
      if (epoch !== seq) this.report("epoch-mismatch", `entry ${seq} of the control log has epoch ${epoch}`, seq);
      this.#control.lastEpoch = seq;
      return;
    }
    if (previous !== undefined && epoch < previous.epoch) {
      this.report("epoch-mismatch", `the epoch goes back from ${previous.epoch} to ${epoch}`, seq);
    }
    if (epoch < 1 || epoch > this.#control.lastEpoch) {
      this.report("epoch-mismatch", `epoch ${epoch} is not in the control log`, seq);
    }
    if (previous !== undefined && incarnation !== previous.incarnation) this.#checkLast("its process's");
    if (this.#facts?.incarnations.has(incarnation) === false && incarnation !== previous?.incarnation) {
      this.report("unknown-log", `the control log did not open the log for process ${incarnation}`, seq);
    }
  }

  #countDropped({ leaves }: LogBatch): void {
    this.#events += leaves.length - 1;
    this.#droppedBatches += 1;
    this.#droppedEvents += leaves.filter(({ entry }) => entry === undefined).length;
  }

  #auditDrops(): DropAudit {
    return new DropAudit(this.#control.dropsOf(this.#shard), (kind, detail, batch) => this.report(kind, detail, batch));
  }

  /** Retention leaves the last batch of each process, and of each log, alone. */
  #checkLast(whose: string): void {
    if (!this.#isPreviousDropped) return;
    this.report("wrongful-drop", `its events are missing, and it is ${whose} last batch`, this.#previous?.seq);
  }

  #checkEvent(text: string, place: BatchPlace | undefined): void {
    const facts = readEventFacts(text);
    if (facts === undefined) {
      this.report("malformed-event", "an event is not in canonical JSON, or lacks a field", place?.seq);
      return;
    }
    if (place !== undefined && facts.epoch !== place.epoch) {
      this.report("epoch-mismatch", `an event's epoch is not ${place.epoch}, its batch's`, place.seq);
    }
    if (this.#shard === CONTROL_SHARD) {
      const problem = this.#control.observe(facts);
      if (problem !== undefined) this.report(problem.kind, problem.detail, place?.seq);
    }
    this.#noteMarks(facts, place?.seq);
  }

  #noteMarks({ systemEvent, data }: EventFacts, seq: number | undefined): void {
    if (systemEvent === "MarkCrash") {
      const { inDoubtSeq } = data;
      const batch = typeof inDoubtSeq === "number" ? inDoubtSeq : undefined;
      this.#note(
        "in-doubt",
        "its process ended without closing the log: its answers may not have been received",
        batch,
      );
    }
    if (systemEvent === "CorrectAnswers" && Array.isArray(data["eventIds"])) {
      const ids = data["eventIds"].map(String);
      const more = ids.length > MAX_NAMED_EVENTS ? `, and ${ids.length - MAX_NAMED_EVENTS} more` : "";
      this.#note(
        "corrected",
        `answered ${String(data["answered"])}: ${ids.slice(0, MAX_NAMED_EVENTS).join(", ")}${more}`,
        seq,
      );
    }
  }

  #compareFrontier(encoded: Uint8Array, seq: number | undefined): void {
    try {
      this.#verifier.expectFrontier(encoded);
    } catch (error) {
      if (!(error instanceof MerkleError)) throw error;
      this.report("unreadable", error.message, seq);
    }
  }

  /** The heads at which the control log says that this log was closed. */
  #compareCloses(): void {
    for (const closes = this.#facts?.closes ?? []; ; this.#closesSeen += 1) {
      const close = closes[this.#closesSeen];
      if (close === undefined || close.size > this.#verifier.size) return;
      this.#verifier.expectHead(close);
    }
  }

  /** Leaves the closes up to here to the auditor of what came before. */
  #passCloses(): void {
    const { closes = [] } = this.#facts ?? {};
    const next = closes.findIndex(({ size }) => size > this.#verifier.size);
    this.#closesSeen = next === -1 ? closes.length : next;
  }

  #checkEnd(): void {
    const { size } = this.#verifier;
    if (this.#batches === 0 && this.#isExpected)
      this.report("missing-log", "the log has no entries, and must have some");
    this.#checkLast("the log's");
    this.#drops?.finish();
    if (this.#shard === CONTROL_SHARD) return;
    if (this.#facts === undefined) {
      this.report("unknown-log", "the control log has not opened this log");
      return;
    }
    const lastSeq = this.#previous?.seq ?? 0;
    for (const close of this.#facts.closes.slice(this.#closesSeen)) {
      this.report("closed-log-differs", `the log was closed with ${close.size} leaves, and has ${size}`);
    }
    const close = this.#facts.isOpen ? undefined : this.#facts.closes.at(-1);
    if (close !== undefined && close.size <= size && (close.size < size || close.lastSeq !== lastSeq)) {
      this.report("closed-log-differs", `the log was closed after batch ${close.lastSeq}, and ends after ${lastSeq}`);
    }
    if (this.#batches === 0 && !this.#isExpected) this.#note("empty", "the log was opened and has no entries");
    if (this.#facts.isOpen && this.#batches > 0) {
      this.#note(
        "in-doubt",
        "the log is not closed: a process writes it, or ended without closing it, and the last answers may not have been received",
        lastSeq,
      );
    }
  }

  #noteDropped(): void {
    const events = this.#droppedEvents;
    if (events > 0) {
      this.#note("dropped", `retention dropped the bodies of ${events} events; their leaves are all there`);
    }
    const restored = this.#drops?.restoredBatches ?? 0;
    if (restored > 0)
      this.#note("restored", `retention dropped the bodies of ${restored} batches, and they are there all the same`);
  }

  #note(kind: AuditNote["kind"], detail: string, batch?: number): void {
    this.#notes.add({ kind, detail, batch });
  }
}
