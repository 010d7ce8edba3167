import { HASH_BYTES } from "@cinnabar/merkle-log";
import { z } from "zod";
import type { EventFacts } from "./event-facts.ts";

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

/** Collects from the control log which logs there are and how they ended. */
export class ControlFacts {
  readonly #shards = new Map<number, { incarnations: Set<string>; closes: ClosedLog[]; isOpen: boolean }>();
  /** The last epoch of the control log. */
  lastEpoch = 0;
  /** What the deployment was said to be when it was made. */
  deployment: { readonly origin?: unknown; readonly verifierKey?: unknown } | undefined;

  /** What another thread has collected, of one log. */
  static of(facts: { shard: number; shardFacts: ShardFacts | undefined; lastEpoch: number }): ControlFacts {
    const { shard, shardFacts, lastEpoch } = facts;
    const control = new ControlFacts();
    control.lastEpoch = lastEpoch;
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

  /** @returns false if the event should say something about a log, and does not. */
  observe({ systemEvent, data }: EventFacts): boolean {
    if (systemEvent === "InitDeployment") this.deployment ??= data;
    if (systemEvent === "OpenShard") {
      const { data: opened } = openShard.safeParse(data);
      if (opened === undefined) return false;
      const facts = this.#factsOf(opened.shard);
      facts.incarnations.add(opened.incarnation);
      facts.isOpen = true;
    }
    if (systemEvent === "CloseShard") {
      const { data: closed } = closeShard.safeParse(data);
      if (closed === undefined) return false;
      const facts = this.#factsOf(closed.shard);
      facts.closes.push(closed);
      facts.isOpen = false;
    }
    return true;
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
