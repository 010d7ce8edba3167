export { andThen } from "./and-then.ts";
export type { Job } from "./job.ts";
export { JobRunner } from "./job-runner.ts";
export { PassedOver } from "./passed-over.ts";
