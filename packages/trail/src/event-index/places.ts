import { bytesOf, compress, decompress, MalformedColumnError, MAX_POSITIONS } from "./column.ts";

/**
 * Where the events of a segment stand in the log, and when they were. Stored, in the machine's byte order: batches (u32) |
 * positions (u32) | one Zstandard frame of the batches' seqs less the segment's first one, the batches' numbers of events,
 * and the events' times in seconds less the segment's first (u32 each).
 */
export interface Places {
  readonly batches: readonly { readonly seq: number; readonly eventCount: number }[];
  /** Seconds since 1970, of the events of all batches in order. */
  readonly seconds: readonly number[] | Float64Array;
}

/** What the numbers of a segment's places count from. */
export interface PlacesBase {
  readonly firstSeq: number;
  readonly minTime: number;
}

/** Most batches of a segment. */
export const MAX_BATCHES = 65_536;

export function encodePlaces({ batches, seconds }: Places, { firstSeq, minTime }: PlacesBase): Uint8Array {
  const numbers = Uint32Array.from([
    ...batches.map(({ seq }) => seq - firstSeq),
    ...batches.map(({ eventCount }) => eventCount),
    ...Array.from(seconds, (time) => time - minTime),
  ]);
  return Buffer.concat([bytesOf(Uint32Array.of(batches.length, seconds.length)), compress(bytesOf(numbers))]);
}

/** @throws {@link MalformedColumnError} */
export function decodePlaces(data: Uint8Array, { firstSeq, minTime }: PlacesBase): Places {
  if (data.length < 8) throw new MalformedColumnError("the places have no header");
  const [batchCount = 0, positions = 0] = new Uint32Array(new Uint8Array(data.subarray(0, 8)).buffer);
  if (batchCount > MAX_BATCHES || positions > MAX_POSITIONS) {
    throw new MalformedColumnError("the places are more than a segment has");
  }
  const frame = decompress(data.subarray(8), (2 * batchCount + positions) * 4);
  const numbers = new Uint32Array(frame.buffer);
  const batches: { seq: number; eventCount: number }[] = [];
  let events = 0;
  for (let i = 0; i < batchCount; i++) {
    const eventCount = numbers[batchCount + i] ?? 0;
    batches.push({ seq: firstSeq + (numbers[i] ?? 0), eventCount });
    events += eventCount;
  }
  if (events !== positions) {
    throw new MalformedColumnError("the batches have not as many events as there are times");
  }
  const seconds = new Float64Array(positions);
  for (let i = 0; i < positions; i++) seconds[i] = minTime + (numbers[2 * batchCount + i] ?? 0);
  return { batches, seconds };
}
