import type { DeclaredOperation } from "@cinnabar/kernel";
import { ColumnCache } from "./lookup/column-cache.ts";
import { lookupEvents } from "./lookup/lookup-events.ts";

/** Every operation of ActionTrail 2020-07-06 that is served, for one process. */
export function trailOperations(): readonly DeclaredOperation[] {
  return [lookupEvents(new ColumnCache())];
}
