import assert from "node:assert/strict";
import { OperatorError } from "../../src/operator-error.ts";

/** For `assert.throws` and `assert.rejects`: an error for the operator that says all of these words. */
export function saying(...words: string[]): (error: unknown) => true {
  return (error) => {
    assert(error instanceof OperatorError, String(error));
    for (const word of words) assert(error.message.includes(word), `${error.message} has no "${word}"`);
    return true;
  };
}
