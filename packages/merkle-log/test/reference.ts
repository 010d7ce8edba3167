import { createHash } from "node:crypto";

/** RFC 6962 section 2.1, word for word and slowly: MTH, PATH and SUBPROOF over the leaf hashes of D[n]. */
export function mth(leafHashes: readonly Uint8Array[]): Buffer {
  const [first] = leafHashes;
  if (first === undefined) return createHash("sha256").digest();
  if (leafHashes.length === 1) return Buffer.from(first);
  const k = split(leafHashes.length);
  return createHash("sha256")
    .update(Buffer.of(1))
    .update(mth(leafHashes.slice(0, k)))
    .update(mth(leafHashes.slice(k)))
    .digest();
}

export function path(m: number, leafHashes: readonly Uint8Array[]): Buffer[] {
  const n = leafHashes.length;
  if (n === 1) return [];
  const k = split(n);
  const [left, right] = [leafHashes.slice(0, k), leafHashes.slice(k)];
  return m < k ? [...path(m, left), mth(right)] : [...path(m - k, right), mth(left)];
}

export function proof(m: number, leafHashes: readonly Uint8Array[]): Buffer[] {
  return subproof(m, leafHashes, true);
}

function subproof(m: number, leafHashes: readonly Uint8Array[], complete: boolean): Buffer[] {
  const n = leafHashes.length;
  if (m === n) return complete ? [] : [mth(leafHashes)];
  const k = split(n);
  const [left, right] = [leafHashes.slice(0, k), leafHashes.slice(k)];
  return m <= k ? [...subproof(m, left, complete), mth(right)] : [...subproof(m - k, right, false), mth(left)];
}

function split(n: number): number {
  let k = 1;
  while (k < n) k *= 2;
  return k / 2;
}

/** `count` different leaf hashes, always the same. */
export function sampleLeafHashes(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => createHash("sha256").update(`\0leaf ${index}`).digest());
}
