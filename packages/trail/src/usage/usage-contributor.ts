import type { SegmentContributor } from "../follower/log-segment.ts";
import { keyUses } from "./key-use.ts";
import { addUse, emptyCounts, type KeyCounts } from "./usage-counts.ts";
import { addUsage } from "./usage-repository.ts";

/**
 * Adds up the uses of keys, segment by segment.
 *
 * @param operations - names of the operations that do cryptography with keys.
 */
export function usageContributor(operations: ReadonlySet<string>): SegmentContributor {
  return {
    name: "key-usage",
    begin() {
      const segment = new Map<string, KeyCounts>();
      return {
        add(event) {
          for (const use of keyUses(event, operations)) {
            let counts = segment.get(use.keyId);
            if (counts === undefined) segment.set(use.keyId, (counts = emptyCounts()));
            addUse(counts, use);
          }
        },
        finish: () => (segment.size === 0 ? () => Promise.resolve() : (db, kind) => addUsage(db, { kind, segment })),
      };
    },
  };
}
