import type { BatchPlace } from "./log-source.ts";

const FIRST_LINE = "cinnabar/batch/v1\n";
const INTEGER = "(0|[1-9][0-9]{0,15})";
const DIGEST = "[A-Za-z0-9+/]{43}=";
const HEADER = new RegExp(
  `^${FIRST_LINE}shard ${INTEGER}\nseq ${INTEGER}\nincarnation ([0-9a-f]{32})\nfirst ${INTEGER}\nevents ${INTEGER}\n` +
    `epoch ${INTEGER}\ntime ${INTEGER}\nstored ${DIGEST}\nsum ${DIGEST}\n$`,
);

/** Whether an entry of a log is a batch's header; an event never is, as it begins with a brace. */
export function isBatchHeader(entry: Uint8Array): boolean {
  return Buffer.from(entry.buffer, entry.byteOffset, Math.min(entry.length, FIRST_LINE.length)).equals(
    Buffer.from(FIRST_LINE),
  );
}

/** What a batch's header says of its place (docs/formats/audit-log.md, "Header"); `undefined` if it is malformed. */
export function parseBatchHeader(entry: Uint8Array): BatchPlace | undefined {
  const match = HEADER.exec(Buffer.from(entry).toString("latin1"));
  if (match === null) return undefined;
  const [, shard, seq, incarnation = "", firstIndex, eventCount, epoch, time] = match;
  const place: BatchPlace = {
    shard: Number(shard),
    seq: Number(seq),
    incarnation,
    firstIndex: Number(firstIndex),
    eventCount: Number(eventCount),
    epoch: Number(epoch),
    time: Number(time),
  };
  return Object.values(place).every((value) => typeof value === "string" || Number.isSafeInteger(value))
    ? place
    : undefined;
}
