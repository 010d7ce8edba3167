import type { RequestContext, RowChange, Touched } from "@cinnabar/kernel";
import type { StoredInstance } from "./instance-repository.ts";

/** The resource shares that instances belong to. */
export interface InstanceShares {
  /** Has an instance that is released belong to none any more. It is shared with nobody by then. */
  takeOut(
    context: RequestContext,
    instance: Pick<StoredInstance, "id">,
  ): Promise<{ readonly changes: readonly RowChange[]; readonly touched: readonly Touched[] }>;
}
