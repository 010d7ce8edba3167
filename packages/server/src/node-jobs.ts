import type { Logger, Metrics, Store } from "@cinnabar/kernel";
import type { Job } from "./jobs/index.ts";

/** What the jobs of a node work with. */
export interface JobParts {
  readonly store: Store;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The jobs of a node, in the order in which they are done where all are done at once. */
export function nodeJobs(_parts: JobParts): readonly Job[] {
  return [];
}
