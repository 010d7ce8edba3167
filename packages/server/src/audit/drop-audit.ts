import { createHash, type Hash } from "node:crypto";
import { leafHash } from "@cinnabar/merkle-log";
import type { LogBatch } from "./log-source.ts";
import type { AuditFindingKind } from "./report.ts";
import { type SeqRange, SeqRanges } from "./seq-ranges.ts";

/** What one signed record of retention says of one log. */
export interface DropRecord {
  /** In order, and apart from each other. At least one. */
  readonly ranges: readonly SeqRange[];
  /** SHA-256 of the header leaf hashes of these batches, in base64. */
  readonly headers: string;
  /** Store time in milliseconds before which the batches must be for the record's rule; Infinity if it has no age. */
  readonly before: number;
}

interface BegunRecord {
  readonly record: DropRecord;
  readonly ranges: SeqRanges;
  readonly last: number;
  readonly headers: Hash;
}

/** Compares one log with what retention has put on record of it, batch by batch. */
export class DropAudit {
  readonly #records: readonly DropRecord[];
  readonly #report: (kind: AuditFindingKind, detail: string, batch: number) => void;
  #next = 0;
  #begun: readonly BegunRecord[] = [];
  #restoredBatches = 0;

  constructor(records: readonly DropRecord[], report: (kind: AuditFindingKind, detail: string, batch: number) => void) {
    this.#records = records.toSorted((a, b) => firstOf(a) - firstOf(b));
    this.#report = report;
  }

  /** Batches that a record names and that have their events. */
  get restoredBatches(): number {
    return this.#restoredBatches;
  }

  /** Whether no record speaks of what came and of what comes as well. */
  get isBetweenRecords(): boolean {
    return this.#begun.length === 0;
  }

  /** The next batch of the log. Its header must be compared with the tree elsewhere. */
  add({ place, leaves, isDropped }: LogBatch): void {
    if (place === undefined) return;
    const { seq, time } = place;
    this.#begin(seq);
    const naming = this.#begun.filter(({ ranges }) => ranges.has(seq));
    if (isDropped && naming.length === 0) {
      this.#report("unrecorded-drop", "its events are missing, and no record says that retention dropped them", seq);
    }
    if (!isDropped && naming.length > 0) this.#restoredBatches += 1;
    const header = leaves.at(-1)?.entry;
    for (const { headers, record } of naming) {
      if (header !== undefined) headers.update(leafHash(header));
      if (time >= record.before) this.#report("wrongful-drop", "it was too young to be dropped when it was", seq);
    }
    this.#end(seq);
  }

  /** Passes what another audit has compared, up to a batch. @returns false if a record goes on there: nothing is passed. */
  skip(to: number, restoredBatches: number): boolean {
    const passed = this.#records.slice(this.#next).filter((record) => firstOf(record) <= to);
    if (!this.isBetweenRecords || passed.some((record) => lastOf(record) > to)) return false;
    this.#next += passed.length;
    this.#restoredBatches += restoredBatches;
    return true;
  }

  /** Ends the log here. */
  finish(): void {
    this.#begin(Number.MAX_SAFE_INTEGER);
    for (const { last } of this.#begun) {
      this.#report(
        "wrongful-drop",
        `a record says that retention dropped batches up to ${last}, and the log ends`,
        last,
      );
    }
    this.#begun = [];
  }

  #begin(seq: number): void {
    for (let record = this.#records[this.#next]; record !== undefined && firstOf(record) <= seq;) {
      const begun = {
        record,
        ranges: new SeqRanges(record.ranges),
        last: lastOf(record),
        headers: createHash("sha256"),
      };
      this.#begun = [...this.#begun, begun];
      this.#next += 1;
      record = this.#records[this.#next];
    }
  }

  #end(seq: number): void {
    if (this.#begun.every(({ last }) => last > seq)) return;
    for (const { record, last, headers } of this.#begun) {
      if (last > seq || headers.digest("base64") === record.headers) continue;
      const detail = `the batches ${firstOf(record)} to ${last} are not those that retention dropped`;
      this.#report("wrongful-drop", detail, last);
    }
    this.#begun = this.#begun.filter(({ last }) => last > seq);
  }
}

function firstOf({ ranges }: DropRecord): number {
  return ranges[0]?.[0] ?? 0;
}

function lastOf({ ranges }: DropRecord): number {
  return ranges.at(-1)?.[1] ?? 0;
}
