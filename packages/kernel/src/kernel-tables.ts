import { accountKeyTable } from "./custody/account-keys.ts";
import { nodeKeyTable } from "./custody/node-key.ts";
import { deploymentTable } from "./store/deployment.ts";
import type { SweptTable } from "./store/protected-table.ts";

/** Every table of the kernel whose rows are authenticated and in the set hash. */
export const kernelTables: readonly SweptTable[] = [deploymentTable, accountKeyTable, nodeKeyTable];
