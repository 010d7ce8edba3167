import { CONTROL_SHARD, parseLogOrigin } from "@cinnabar/kernel";
import {
  formatTlogProof,
  leafHash,
  MerkleError,
  NoteVerifier,
  parseTlogProof,
  verifyTlogProof,
} from "@cinnabar/merkle-log";
import { OperatorError } from "../operator-error.ts";
import { openLogCheckpoint } from "./checkpoint-bundle.ts";
import { canonicalJson } from "./canonical-json.ts";
import { readEventFacts } from "./event-facts.ts";
import { type LogBatch, logName, type LogSource } from "./log-source.ts";
import type { AuditProgress } from "./report.ts";

/** An event that is in a log, as a proof says. */
export interface ProvenEvent {
  /** `control`, `shard-1`, … */
  readonly log: string;
  /** Of the event's leaf in that log, from 0. */
  readonly index: number;
  /** Leaves that the proof's checkpoint covers. */
  readonly size: number;
  readonly eventId: string;
  /** The event's canonical JSON. */
  readonly event: string;
}

/** Which event is to be proven: by its id, or by its own text, which the log need not have any more. */
export type WantedEvent = { readonly eventId: string } | { readonly event: string };

/**
 * Makes a proof that an event is on record, for somebody who has nothing but the verifier key (docs/formats/audit-log.md,
 * "Proofs"). The log itself is read and not verified; the proof is, before it is given out.
 *
 * @param options.wanted - an id in upper or lower case; or an event's JSON, in any form that says the same.
 * @param options.onProgress - called after every batch that was searched.
 * @returns the proof as text (C2SP tlog-proof), the event in its extra data.
 * @throws OperatorError if there is no such event, it is none, no signed checkpoint covers it yet, or the log contradicts
 *   its checkpoint; MerkleError `malformed-verifier-key`; UnreadableLogError.
 */
export async function proveEvent(options: {
  source: LogSource;
  verifierKey: string;
  wanted: WantedEvent;
  onProgress?: (progress: AuditProgress) => void;
}): Promise<string> {
  const { source, verifierKey, onProgress } = options;
  const verifier = NoteVerifier.parse(verifierKey);
  const { shards, checkpoints } = await source.list();
  const { shard, index, event } =
    "event" in options.wanted
      ? await findLeaf({ source, shards, event: canonicalEvent(options.wanted.event), onProgress })
      : await findById({ source, shards, eventId: options.wanted.eventId.toUpperCase(), onProgress });
  const note = checkpoints.find((checkpoint) => checkpoint.shard === shard)?.note;
  try {
    const head = note === undefined ? undefined : openLogCheckpoint({ shard, note }, verifier);
    if (note === undefined || head === undefined || head.size <= index) {
      throw new OperatorError(
        `The event is leaf ${index} of ${logName(shard)}, which no signed checkpoint covers yet. A running server signs one every second.`,
      );
    }
    const hashes = await source.inclusionProof(shard, { index, size: head.size });
    const proof = { index, hashes, checkpoint: note, extra: Buffer.from(event) };
    verifyTlogProof({ proof, leafHash: leafHash(event), verifier });
    return formatTlogProof(proof);
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw new OperatorError(
      `The event is in ${logName(shard)}, but that log contradicts its checkpoint: ${error.message}. Run cinnabar audit verify.`,
      { cause: error },
    );
  }
}

/**
 * Verifies a proof that {@link proveEvent} made, with nothing but the verifier key.
 *
 * @throws OperatorError if it proves nothing; MerkleError `malformed-verifier-key`.
 */
export function verifyEventProof(text: string, verifierKey: string): ProvenEvent {
  const verifier = NoteVerifier.parse(verifierKey);
  try {
    const proof = parseTlogProof(text);
    const { index, extra } = proof;
    const event = extra && decodeUtf8(extra);
    const eventId = event && readEventFacts(event)?.eventId;
    if (event === undefined || eventId === undefined) throw proves("its extra data is not an event");
    const { origin, size } = verifyTlogProof({ proof, leafHash: leafHash(event), verifier });
    const shard = parseLogOrigin(verifier.name, origin);
    if (shard === undefined) throw proves(`${origin} is not a log of ${verifier.name}`);
    return { log: logName(shard), index, size, eventId, event };
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw proves(error.message, error);
  }
}

interface FoundEvent {
  readonly shard: number;
  readonly index: number;
  readonly event: string;
}

interface Search {
  readonly source: LogSource;
  readonly shards: readonly number[];
  readonly onProgress: ((progress: AuditProgress) => void) | undefined;
}

async function findById({ eventId, ...search }: Search & { readonly eventId: string }): Promise<FoundEvent> {
  let dropped = 0;
  const found = await find(search, ({ events = [], isDropped, leaves }) => {
    if (isDropped) dropped += leaves.length - 1;
    // Parsing only what may be it makes the search several times as fast.
    const position = events.findIndex((event) => event.includes(eventId) && readEventFacts(event)?.eventId === eventId);
    const event = events[position];
    return event === undefined ? undefined : { position, event };
  });
  if (found !== undefined) return found;
  const why =
    dropped === 0
      ? ""
      : ` Retention dropped the bodies of ${dropped} events: one that was kept elsewhere is proven with --event FILE.`;
  throw new OperatorError(
    `No event ${eventId} can be read in the logs. An event's id is the RequestId of its answer.${why}`,
  );
}

/** Finds an event by its leaf hash alone, which stays in the log for ever. */
async function findLeaf({ event, ...search }: Search & { readonly event: string }): Promise<FoundEvent> {
  const entry = Buffer.from(event);
  const hash = leafHash(entry);
  const found = await find(search, ({ leaves }) => {
    const position = leaves.findIndex(({ entry: stored, leafHash }) =>
      stored === undefined ? hash.equals(leafHash) : entry.equals(stored),
    );
    return position === -1 ? undefined : { position, event };
  });
  if (found === undefined)
    throw new OperatorError("No log has a leaf of this event: it is not on record as it stands here.");
  return found;
}

/** The first event that `look` finds in a batch. */
async function find(
  { source, shards, onProgress }: Search,
  look: (batch: LogBatch) => { readonly position: number; readonly event: string } | undefined,
): Promise<FoundEvent | undefined> {
  for (const shard of new Set([CONTROL_SHARD, ...shards])) {
    let [leaves, events] = [0, 0];
    for await (const item of source.read(shard)) {
      if (item.kind === "damage") continue;
      const found = look(item);
      if (found !== undefined) return { shard, index: leaves + found.position, event: found.event };
      leaves += item.leaves.length;
      events += Math.max(0, item.leaves.length - 1);
      onProgress?.({ log: logName(shard), events });
    }
  }
  return undefined;
}

/** The bytes that stand in the log, from JSON that says the same. */
function canonicalEvent(text: string): string {
  const event = canonicalJson(text);
  if (event === undefined || readEventFacts(event) === undefined) {
    throw new OperatorError("This is not an event: an object of JSON with eventId, eventName and additionalEventData.");
  }
  return event;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function proves(reason: string, cause?: unknown): OperatorError {
  return new OperatorError(`The proof does not hold: ${reason}.`, { cause });
}
