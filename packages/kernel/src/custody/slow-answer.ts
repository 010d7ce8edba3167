import { DecryptionError, KeyFormatError } from "@cinnabar/crypto";

import type { SlowOutcome } from "./slow-task.ts";

/** What a thread says of a task: what came of it, or what was thrown. */
export type SlowAnswer =
  | { readonly outcome: SlowOutcome }
  | { readonly error: { readonly name: string; readonly message: string } };

/** Puts into words what a task threw, for another thread. */
export function toAnswer(error: unknown): SlowAnswer {
  if (!(error instanceof Error)) return { error: { name: "Error", message: "unknown" } };
  return { error: { name: error.name, message: error.message } };
}

/** What came of a task. @throws what the task threw, of the same class where it says something about the task's input. */
export function outcomeOf(answer: SlowAnswer): SlowOutcome {
  if ("outcome" in answer) return answer.outcome;
  const { name, message } = answer.error;
  switch (name) {
    case "DecryptionError":
      throw new DecryptionError();
    case "KeyFormatError":
      throw new KeyFormatError(message);
    case "RangeError":
      throw new RangeError(message);
    default:
      throw new Error(`a thread for slow cryptography failed: ${message}`);
  }
}
