/** Names of the places where sums of the set hash stand; a sum is authenticated for its place. */
export function shardSumPlace(shard: number, seq: number): string {
  return `shard ${shard} seq ${seq}`;
}

export function epochSumPlace(epoch: { value: number; tag: Uint8Array }): string {
  return `epoch ${epoch.value} tag ${Buffer.from(epoch.tag).toString("hex")}`;
}
