export * from "./audit/index.ts";
export {
  accessKeyCreate,
  accessKeyDelete,
  accessKeyDisable,
  accessKeyEnable,
  accessKeyList,
} from "./commands/access-key.ts";
export { accountCreate, accountDisable, accountEnable, accountList } from "./commands/account.ts";
export { clockReset } from "./commands/clock-reset.ts";
export { init } from "./commands/init.ts";
export { sealMigrate } from "./commands/seal-migrate.ts";
export { serve } from "./commands/serve.ts";
export { unseal } from "./commands/unseal.ts";
export { CinnabarNode, type NodeOptions } from "./node.ts";
export { OperatorError } from "./operator-error.ts";
