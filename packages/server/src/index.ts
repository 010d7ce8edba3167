export * from "./audit/index.ts";
export { clockReset } from "./commands/clock-reset.ts";
export { init } from "./commands/init.ts";
export { serve } from "./commands/serve.ts";
export { CinnabarNode, type NodeOptions } from "./node.ts";
export { OperatorError } from "./operator-error.ts";
