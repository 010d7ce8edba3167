import type { Store } from "@cinnabar/kernel";
import type { Job } from "../jobs/index.ts";

const EVERY_MILLIS = 30_000;

/** Lets a node to which nobody talks forget what is no more, such as a destroyed key: a call would do that by itself. */
export function followChanges(store: Store): Job {
  return {
    name: "follow-changes",
    everyMillis: EVERY_MILLIS,
    runsOn: "every-node",
    async run() {
      await store.cache.refresh();
      return false;
    },
  };
}
