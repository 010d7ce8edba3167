import type { RecordedCalls } from "@cinnabar/ram";

/** Where nothing is on record. */
export const noRecords: RecordedCalls = {
  lastSeconds: ({ now }, seconds) => {
    const to = Math.floor(now / 1000);
    return Promise.resolve({ from: to - seconds, to });
  },
  search: () => Promise.resolve({ events: [], next: undefined }),
  rightsOnKeys: () => [],
  tagsOf: () => Promise.resolve({ valueAt: () => "unknown" }),
};
