import type { BatchCommit, BatchOutcome, SqlResult, SqlValue } from "../backend.ts";

/** What the main thread asks of a SQLite thread. `connection` numbers the connections of one thread. */
export type ThreadRequest =
  | { readonly op: "open"; readonly connection: number; readonly path: string; readonly readOnly: boolean }
  | { readonly op: "close"; readonly connection: number }
  | { readonly op: "emptyLog"; readonly connection: number }
  | {
      readonly op: "execute";
      readonly connection: number;
      readonly sql: string;
      readonly parameters: readonly SqlValue[];
    }
  | { readonly op: "batch"; readonly connection: number; readonly batch: BatchCommit; readonly begin: boolean };

export interface NumberedRequest {
  readonly id: number;
  readonly request: ThreadRequest;
}

/** A failure as the driver reported it; `errcode` is SQLite's extended result code. */
export interface ThreadFailure {
  readonly message: string;
  readonly errcode: number | undefined;
}

export type ThreadReply =
  | { readonly id: number; readonly result: SqlResult | BatchOutcome | null }
  | { readonly id: number; readonly failure: ThreadFailure };
