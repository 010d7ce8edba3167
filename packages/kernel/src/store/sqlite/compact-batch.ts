import type { BatchCommit } from "../backend.ts";

/**
 * The batch with all its bytes in one buffer of their own, which can be transferred to another thread. Small Buffers lie
 * in a pool that they share with others, and posting one of them would copy the whole pool.
 */
export function compactBatch(batch: BatchCommit): { readonly batch: BatchCommit; readonly bytes: ArrayBuffer } {
  const { row, tag } = batch;
  const parts = [row.incarnation, row.events, row.leaves, row.frontier, row.sum, tag];
  const bytes = new ArrayBuffer(parts.reduce((total, part) => total + part.length, 0));
  let end = 0;
  const move = (part: Uint8Array): Uint8Array => {
    const view = new Uint8Array(bytes, end, part.length);
    view.set(part);
    end += part.length;
    return view;
  };
  return {
    batch: {
      ...batch,
      row: {
        ...row,
        incarnation: move(row.incarnation),
        events: move(row.events),
        leaves: move(row.leaves),
        frontier: move(row.frontier),
        sum: move(row.sum),
      },
      tag: move(tag),
    },
    bytes,
  };
}
