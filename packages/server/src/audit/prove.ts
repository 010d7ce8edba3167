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
import { readEventFacts } from "./event-facts.ts";
import { logName, type LogSource } from "./log-source.ts";
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

/**
 * Makes a proof that an event is on record, for somebody who has nothing but the verifier key (docs/formats/audit-log.md,
 * "Proofs"). The log itself is read and not verified; the proof is, before it is given out.
 *
 * @param options.eventId - in upper or lower case.
 * @param options.onProgress - called after every batch that was searched.
 * @returns the proof as text (C2SP tlog-proof), the event in its extra data.
 * @throws OperatorError if there is no such event, no signed checkpoint covers it yet, or the log contradicts its
 *   checkpoint; MerkleError `malformed-verifier-key`; UnreadableLogError.
 */
export async function proveEvent(options: {
  source: LogSource;
  verifierKey: string;
  eventId: string;
  onProgress?: (progress: AuditProgress) => void;
}): Promise<string> {
  const { source, verifierKey } = options;
  const verifier = NoteVerifier.parse(verifierKey);
  const eventId = options.eventId.toUpperCase();
  const { shards, checkpoints } = await source.list();
  const found = await find({ source, shards, eventId, onProgress: options.onProgress });
  if (found === undefined) {
    throw new OperatorError(
      `No event ${eventId} can be read in the logs. An event's id is the RequestId of its answer.`,
    );
  }
  const { shard, index, event } = found;
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

async function find(options: {
  source: LogSource;
  shards: readonly number[];
  eventId: string;
  onProgress: ((progress: AuditProgress) => void) | undefined;
}): Promise<FoundEvent | undefined> {
  const { source, shards, eventId, onProgress } = options;
  for (const shard of new Set([CONTROL_SHARD, ...shards])) {
    let [leaves, events] = [0, 0];
    for await (const item of source.read(shard)) {
      if (item.kind === "damage") continue;
      const batch = item.events ?? [];
      for (const [position, event] of batch.entries()) {
        // Parsing only what may be it makes the search several times as fast.
        const isIt = event.includes(eventId) && readEventFacts(event)?.eventId === eventId;
        if (isIt) return { shard, index: leaves + position, event };
      }
      leaves += item.leaves.length;
      events += batch.length;
      onProgress?.({ log: logName(shard), events });
    }
  }
  return undefined;
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
