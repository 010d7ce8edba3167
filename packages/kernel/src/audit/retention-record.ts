import type { NoteSigner, NoteVerifier } from "@cinnabar/merkle-log";

/** Why event bodies are dropped. Integers. */
export type RetentionRule =
  | { readonly rule: "age"; readonly keepSeconds: number }
  | { readonly rule: "size"; readonly maxBytes: number };

/** The batches of one log whose bodies are dropped. */
export interface DroppedPart {
  readonly shard: number;
  readonly events: number;
  /** SHA-256 of the batches' last leaf hashes one after the other, in base64: which batches these are, not only where. */
  readonly headers: string;
  /** By seq, both ends included; in order, and apart from each other. At least one. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

/** Says which event bodies one control transaction drops. */
export interface RetentionRecord {
  readonly rule: RetentionRule;
  /** Store time of the transaction in milliseconds. */
  readonly time: number;
  /** Its number, which is its place in the control log. */
  readonly epoch: number;
  /** At least one. */
  readonly logs: readonly DroppedPart[];
}

/** A note that is not a record of retention. */
export class RetentionRecordError extends Error {
  override readonly name = "RetentionRecordError";
}

const FORMAT = "cinnabar/dropped-events/v1";

/** The first line of a deployment's records of retention, which no checkpoint of its logs begins with. */
function retentionOrigin(origin: string): string {
  return `${origin}/retention`;
}

/** The record as a signed note (docs/formats/audit-log.md, "Record of retention"). */
export function signRetentionRecord(record: RetentionRecord, signer: NoteSigner): string {
  return signer.sign(formatRecord(record, signer.name));
}

/**
 * The record that a signed note holds, once the deployment's verifier key has vouched for it.
 *
 * @throws MerkleError as {@link NoteVerifier.verify}; {@link RetentionRecordError} if it signed something else.
 */
export function openRetentionRecord(note: string, verifier: NoteVerifier): RetentionRecord {
  const text = verifier.verify(note);
  const record = parseRecord(text);
  // Every other spelling of the same is refused, and whatever was left unread.
  if (record === undefined || formatRecord(record, verifier.name) !== text) {
    throw new RetentionRecordError(`it is signed by ${verifier.name}, but is no record of retention`);
  }
  return record;
}

function formatRecord({ rule, time, epoch, logs }: RetentionRecord, origin: string): string {
  return [
    retentionOrigin(origin),
    FORMAT,
    `rule ${rule.rule} ${rule.rule === "age" ? rule.keepSeconds : rule.maxBytes}`,
    `time ${time}`,
    `epoch ${epoch}`,
    ...logs.map(
      ({ shard, events, headers, ranges }) => `log ${shard} ${events} ${headers} ${ranges.map(formatRange).join(",")}`,
    ),
    "",
  ].join("\n");
}

/** Reads leniently what {@link formatRecord} then has to give back byte for byte. */
function parseRecord(text: string): RetentionRecord | undefined {
  const [, , ruleLine = "", timeLine = "", epochLine = "", ...rest] = text.split("\n");
  const [, name, limit] = ruleLine.split(" ");
  const rule: RetentionRule =
    name === "age" ? { rule: "age", keepSeconds: Number(limit) } : { rule: "size", maxBytes: Number(limit) };
  const [time, epoch] = [Number(timeLine.split(" ")[1]), Number(epochLine.split(" ")[1])];
  const logs = rest.slice(0, -1).map((line): DroppedPart => {
    const [, shard, events, headers = "", ranges = ""] = line.split(" ");
    return { shard: Number(shard), events: Number(events), headers, ranges: ranges.split(",").map(parseRange) };
  });
  const isRight = [Number(limit), time, epoch].every(isCount) && logs.length > 0 && logs.every((part) => isPart(part));
  return isRight ? { rule, time, epoch, logs } : undefined;
}

function isPart({ shard, events, headers, ranges }: DroppedPart): boolean {
  let after = 0;
  for (const [first, last] of ranges) {
    if (!isCount(first) || !isCount(last) || first <= after || last < first) return false;
    // Two ranges that touch are one.
    after = last + 1;
  }
  return isCount(shard) && isCount(events) && /^[A-Za-z0-9+/]{43}=$/.test(headers);
}

function formatRange([first, last]: readonly [number, number]): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function parseRange(text: string): [number, number] {
  const [first, last = first] = text.split("-");
  return [Number(first), Number(last)];
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
