import { type BatchIdentity, MalformedBatchError, openEvents, sealBatch } from "@cinnabar/kernel";
import { Frontier } from "@cinnabar/merkle-log";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedBytes } from "./fixed-keys.ts";

const EVENTS = 3;

/** The stored form of a batch of events. */
export const batchesTarget: TargetDeclaration = {
  name: "batches",
  what: "stored batches of events",
  group: "process",
  weight: 80,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const identity: BatchIdentity = {
    shard: 1,
    seq: 1,
    incarnation: fixedBytes("incarnation").subarray(0, 16),
    epoch: 1,
    time: 1,
    sum: fixedBytes("sum"),
  };
  const batches = ["short", "long ".repeat(200)].map((text) => {
    const events = Array.from({ length: EVENTS }, (_, i) => JSON.stringify({ eventId: `${i}`, text }));
    return sealBatch(identity, { frontier: Frontier.empty(), events }).row.events;
  });
  return {
    seeds: batches,
    attempt(input) {
      let events: string[] | undefined;
      try {
        events = openEvents({ events: input, eventCount: EVENTS });
      } catch (error) {
        return refusal(error, MalformedBatchError);
      }
      if (events !== undefined && events.length !== EVENTS) throw new Violation(`${events.length} events are read`);
      return events === undefined ? "read: events dropped" : "read";
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
