import type { Caller } from "../caller.ts";

/** Something that must go the same way with every client, transport and database. */
export interface Scenario {
  /** A sentence. */
  readonly title: string;
  run(root: Caller): Promise<void>;
}
