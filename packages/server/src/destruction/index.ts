export { DestroyKeys } from "./destroy-keys.ts";
export { destructionJobs } from "./destruction-jobs.ts";
export { ExpireMaterial } from "./expire-material.ts";
export type { DestructionPolicy } from "./destruction-policy.ts";
export { SteadyClock } from "./steady-clock.ts";
