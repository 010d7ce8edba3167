import { openRetentionRecord, RetentionRecordError } from "@cinnabar/kernel";
import { HASH_BYTES, MerkleError, type NoteVerifier } from "@cinnabar/merkle-log";
import { z } from "zod";
import type { DropRecord } from "./drop-audit.ts";
import type { EventFacts } from "./event-facts.ts";
import type { AuditFindingKind } from "./report.ts";

/** How the control log says that a log stood when it was closed. */
export interface ClosedLog {
  readonly lastSeq: number;
  readonly size: number;
  readonly root: Uint8Array;
}

/** What the control log says about one log. */
export interface ShardFacts {
  /** Of the processes that the log was opened for, in hexadecimal. */
  readonly incarnations: ReadonlySet<string>;
  /** Every close, in order: each is a head that the log must have had. */
  readonly closes: readonly ClosedLog[];
  /** False if the last that happened to it is a close. */
  readonly isOpen: boolean;
}

const count = z.int().min(0);
const openShard = z.object({ shard: count, incarnation: z.string() });
const closeShard = z.object({
  shard: count,
  lastSeq: count,
  size: count,
  root: z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((root) => root.length === HASH_BYTES),
});

const dropEventBodies = z.object({ record: z.string() });

/** Collects from the control log which logs there are, how they ended, and what retention dropped of them. */
export class ControlFacts {
  readonly #shards = new Map<number, { incarnations: Set<string>; closes: ClosedLog[]; isOpen: boolean }>();
  readonly #drops = new Map<number, DropRecord[]>();
  readonly #verifier: NoteVerifier | undefined;
  /** The last epoch of the control log. */
  lastEpoch = 0;
  /** What the deployment was said to be when it was made. */
  deployment: { readonly origin?: unknown; readonly verifierKey?: unknown } | undefined;

  /** @param verifier - of the records of retention; without one none is believed. */
  constructor(verifier?: NoteVerifier) {
    this.#verifier = verifier;
  }

  /** What another thread has collected, of one log. */
  static of(facts: {
    shard: number;
    shardFacts: ShardFacts | undefined;
    drops: readonly DropRecord[];
    lastEpoch: number;
  }): ControlFacts {
    const { shard, shardFacts, drops, lastEpoch } = facts;
    const control = new ControlFacts();
    control.lastEpoch = lastEpoch;
    control.#drops.set(shard, [...drops]);
    if (shardFacts !== undefined) {
      const { incarnations, closes, isOpen } = shardFacts;
      control.#shards.set(shard, { incarnations: new Set(incarnations), closes: [...closes], isOpen });
    }
    return control;
  }

  /** Every log that was ever opened. */
  get shards(): readonly number[] {
    return [...this.#shards.keys()];
  }

  of(shard: number): ShardFacts | undefined {
    return this.#shards.get(shard);
  }

  /** What retention has put on record of a log, the control log too, in order of the records' first batches. */
  dropsOf(shard: number): readonly DropRecord[] {
    return this.#drops.get(shard) ?? [];
  }

  /** @returns what is wrong with the event if it should say something about a log, and does not. */
  observe(event: EventFacts): { readonly kind: AuditFindingKind; readonly detail: string } | undefined {
    const { systemEvent, data } = event;
    const malformed = { kind: "malformed-event", detail: `the ${systemEvent} event lacks a field` } as const;
    if (systemEvent === "InitDeployment") this.deployment ??= data;
    if (systemEvent === "OpenShard") {
      const { data: opened } = openShard.safeParse(data);
      if (opened === undefined) return malformed;
      const facts = this.#factsOf(opened.shard);
      facts.incarnations.add(opened.incarnation);
      facts.isOpen = true;
    }
    if (systemEvent === "CloseShard") {
      const { data: closed } = closeShard.safeParse(data);
      if (closed === undefined) return malformed;
      const facts = this.#factsOf(closed.shard);
      facts.closes.push(closed);
      facts.isOpen = false;
    }
    if (systemEvent === "DropEventBodies") {
      const { data: dropped } = dropEventBodies.safeParse(data);
      if (dropped === undefined) return malformed;
      const problem = this.#takeRecord(dropped.record, event.epoch);
      if (problem !== undefined) {
        return { kind: "invalid-record", detail: `what it says that retention dropped does not count: ${problem}` };
      }
    }
    return undefined;
  }

  #takeRecord(note: string, expectedEpoch: unknown): string | undefined {
    if (this.#verifier === undefined) return "there is no key to verify it by";
    try {
      const { rule, time, epoch, logs } = openRetentionRecord(note, this.#verifier);
      if (epoch !== expectedEpoch) return `it was signed for epoch ${epoch}`;
      const before = rule.rule === "age" ? time - rule.keepSeconds * 1000 : Infinity;
      for (const { shard, headers, ranges } of logs) this.#addDrop(shard, { headers, ranges, before });
      return undefined;
    } catch (error) {
      if (error instanceof MerkleError || error instanceof RetentionRecordError) return error.message;
      throw error;
    }
  }

  #addDrop(shard: number, drop: DropRecord): void {
    let drops = this.#drops.get(shard);
    if (drops === undefined) {
      drops = [];
      this.#drops.set(shard, drops);
    }
    drops.push(drop);
  }

  #factsOf(shard: number) {
    let facts = this.#shards.get(shard);
    if (facts === undefined) {
      facts = { incarnations: new Set<string>(), closes: [], isOpen: false };
      this.#shards.set(shard, facts);
    }
    return facts;
  }
}
