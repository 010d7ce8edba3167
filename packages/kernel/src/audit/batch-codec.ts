import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { hash } from "node:crypto";
import { Frontier, leafHash } from "@cinnabar/merkle-log";
import type { BatchRow } from "../store/backend.ts";

/**
 * The stored form of a batch of events (docs/formats/audit-log.md).
 *
 * `events` is one format byte and the events' canonical JSON joined by line feeds, compressed. Every event is a leaf
 * of the shard's Merkle log, and after them comes one leaf more, the batch's header: it binds every other column of
 * the row, so no byte of a stored batch can change unseen.
 */

/** Format byte: the events' JSON lines in one Zstandard frame (RFC 8878). */
const FORMAT_ZSTD = 1;
/** Format byte: retention dropped the events; the SHA-256 of the column as it was follows. */
const FORMAT_DROPPED = 2;
const DIGEST_BYTES = 32;
/** Most bytes that a batch's events may have once decompressed: a damaged or hostile row must not exhaust memory. */
const MAX_EVENTS_BYTES = 256 * 1024 * 1024;
/** Most bytes of an event's text, but for a few. */
const EVENT_BYTES = 1_536;
/** Decompressed events come in pieces of this length at most. */
const MAX_CHUNK_BYTES = 65_536;
const COMPRESSION = { [constants.ZSTD_c_compressionLevel]: 1 };

/** What identifies a batch, before its events are sealed. */
export interface BatchIdentity {
  readonly shard: number;
  readonly seq: number;
  readonly incarnation: Uint8Array;
  readonly epoch: number;
  readonly time: number;
  readonly sum: Uint8Array;
}

/** A stored batch that is not what {@link sealBatch} writes. */
export class MalformedBatchError extends Error {
  override readonly name = "MalformedBatchError";
}

/** Makes the row of a batch whose first leaf follows `frontier`, and the frontier after it. */
export function sealBatch(
  identity: BatchIdentity,
  options: { frontier: Frontier; events: readonly string[] },
): { row: BatchRow; frontier: Frontier } {
  const { events } = options;
  const blob = compress(events);
  const place = { ...identity, firstIndex: options.frontier.size, eventCount: events.length };
  const leaves = events.map((event) => leafHash(event));
  leaves.push(leafHash(batchHeader(place, blob)));
  const frontier = options.frontier.append(leaves);
  return {
    row: { ...place, events: blob, leaves: Buffer.concat(leaves), frontier: frontier.encode() },
    frontier,
  };
}

/**
 * The events of a stored batch; `undefined` if retention dropped them.
 *
 * @throws {@link MalformedBatchError} if they cannot be read or are not as many as the row says.
 */
export function openEvents(row: Pick<BatchRow, "events" | "eventCount">): string[] | undefined {
  if (row.events[0] === FORMAT_DROPPED) {
    if (row.events.length !== 1 + DIGEST_BYTES)
      throw new MalformedBatchError("the dropped events' digest is not whole");
    return undefined;
  }
  if (row.events[0] !== FORMAT_ZSTD) throw new MalformedBatchError("the batch has an unknown format");
  let text: string;
  try {
    // Whoever reads the log does this for every batch: from one piece of output it takes half as long as from several.
    const chunkSize = Math.min(MAX_CHUNK_BYTES, Math.max(1, row.eventCount) * EVENT_BYTES);
    const bytes = zstdDecompressSync(row.events.subarray(1), { maxOutputLength: MAX_EVENTS_BYTES, chunkSize });
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new MalformedBatchError("the batch's events cannot be decompressed", { cause: error });
  }
  const events = text === "" ? [] : text.split("\n");
  if (events.length !== row.eventCount) {
    throw new MalformedBatchError(`the batch holds ${events.length} events, its row says ${row.eventCount}`);
  }
  return events;
}

/** What stands in the column `events` when its events are dropped: 33 bytes. @param events - the column as it is. */
export function droppedEvents(events: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(FORMAT_DROPPED), hash("sha256", events, "buffer")]);
}

/**
 * Whether the batch's last leaf is that of the header that its columns make: then they are as they were written,
 * provided that the leaf is.
 */
export function hasItsHeader(row: BatchRow): boolean {
  return headerLeaf(row).equals(leafHash(batchHeader(row, row.events)));
}

/** The last leaf hash of a batch as it is stored: its header's. */
export function headerLeaf({ leaves }: Pick<BatchRow, "leaves">): Buffer {
  return Buffer.from(leaves.buffer, leaves.byteOffset, leaves.length).subarray(-DIGEST_BYTES);
}

/**
 * The batch's last leaf: text lines that bind what the events themselves do not say.
 *
 * @param events - the column, or what {@link droppedEvents} put in its place: the header is the same.
 */
export function batchHeader(row: Omit<BatchRow, "events" | "leaves" | "frontier">, events: Uint8Array): Buffer {
  return Buffer.from(
    [
      "cinnabar/batch/v1",
      `shard ${row.shard}`,
      `seq ${row.seq}`,
      `incarnation ${toHex(row.incarnation)}`,
      `first ${row.firstIndex}`,
      `events ${row.eventCount}`,
      `epoch ${row.epoch}`,
      `time ${row.time}`,
      `stored ${events[0] === FORMAT_DROPPED ? toBase64(events.subarray(1)) : sha256(events)}`,
      `sum ${sha256(row.sum)}`,
      "",
    ].join("\n"),
  );
}

function compress(events: readonly string[]): Buffer {
  const bytes = Buffer.from(events.join("\n"));
  // Told the length, zstd takes the memory it needs; otherwise a megabyte for each batch, and twice the time.
  const compressed = zstdCompressSync(bytes, { params: COMPRESSION, pledgedSrcSize: bytes.length });
  const blob = Buffer.allocUnsafe(compressed.length + 1);
  blob[0] = FORMAT_ZSTD;
  compressed.copy(blob, 1);
  return blob;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "base64");
}
