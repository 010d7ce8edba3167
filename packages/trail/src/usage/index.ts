export type { KeyUsage } from "./key-usage.ts";
export { usageContributor } from "./usage-contributor.ts";
export type { Count, Tally } from "./usage-counts.ts";
export { KeyUsageReader } from "./usage-reader.ts";
export { recountedBodies, UsageRecount } from "./usage-recount.ts";
export type { UsageReport } from "./usage-report.ts";
