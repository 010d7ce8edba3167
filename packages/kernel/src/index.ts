export * from "./operation/index.ts";
export * from "./parameters/index.ts";
export * from "./store/index.ts";
export * from "./custody/index.ts";
export * from "./audit/index.ts";
export * from "./platform/index.ts";
export { kernelTables } from "./kernel-tables.ts";
