/** Names of the places where sums of the set hash stand; a sum is authenticated for its place. */
export function shardSumPlace(shard: number, seq: number): string {
  return `shard ${shard} seq ${seq}`;
}

/** The place binds the rest of the epoch's row too: what is decided by time depends on it. */
export function epochSumPlace(row: {
  value: number;
  tag: Uint8Array;
  time: number;
  clock_offset: number;
  clock_epoch: number;
  changes: Uint8Array | null;
}): string {
  const changes = row.changes === null ? "" : ` changes ${toHex(row.changes)}`;
  return `epoch ${row.value} tag ${toHex(row.tag)} time ${row.time} offset ${row.clock_offset} reset ${row.clock_epoch}${changes}`;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
