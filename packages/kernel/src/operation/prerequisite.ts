import { ApiError, type ErrorCode } from "./errors.ts";
import type { DeclaredOperation } from "./operation.ts";

/** A control operation that a call needs done before it, by the same caller. */
export interface Prerequisite {
  readonly operation: DeclaredOperation;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Something is missing that the caller itself makes when it is first needed. The prerequisite is carried out once, under the
 * epoch's lock and with an event of its own, and the call is decided anew; only if that changed nothing is this the answer.
 */
export class PrerequisiteError extends ApiError {
  readonly prerequisite: Prerequisite;

  /** @param message - the answer's, where that of the code says too little. */
  constructor(code: ErrorCode, prerequisite: Prerequisite, message?: string) {
    super(code, message);
    this.prerequisite = prerequisite;
  }
}
