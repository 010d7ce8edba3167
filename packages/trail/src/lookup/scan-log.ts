import { TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { SEPARATOR } from "../events/attributes.ts";
import { toSeconds } from "../events/event-record.ts";
import { parseEventRecord } from "../events/event-record.ts";
import { type BatchRange, readBatches } from "../follower/read-batches.ts";
import type { Candidate } from "./candidate.ts";
import { type EventQuery, ifWanted } from "./event-query.ts";

/** Events between two turns of the event loop. */
const TURN_EVENTS = 256;

/** Finds what is looked for in batches of the log themselves, without the index. */
export async function scanLog(db: Kysely<unknown>, range: BatchRange, query: EventQuery): Promise<Candidate[]> {
  const turns = new TurnTaker();
  const needles = needlesOf(query);
  const found: Candidate[] = [];
  const { shard } = range;
  for await (const { seq, events } of readBatches(db, range)) {
    for (const [index, text] of events.entries()) {
      if (index % TURN_EVENTS === 0) await turns.give();
      if (!needles.every((needle) => text.includes(needle))) continue;
      const event = parseEventRecord(text);
      const record = event && ifWanted(event, query);
      if (record === undefined) continue;
      const seconds = toSeconds(record.eventTime);
      if (seconds >= query.from && seconds <= query.to) found.push({ seconds, shard, seq, index, record });
    }
  }
  return found;
}

/** Texts that stand in every event that is looked for: parsing only what has them makes a search several times as fast. */
function needlesOf({ accountId, attributes }: EventQuery): string[] {
  const texts = [accountId];
  for (const { name, value } of attributes) {
    // Whether an action is sensitive is not written in its event, nor are the names together that an owner is shown.
    if (name === "ResourceName") texts.push(...value.split(SEPARATOR));
    else if (name !== "SensitiveAction") texts.push(value);
  }
  return texts.map((text) => JSON.stringify(text).slice(1, -1));
}
