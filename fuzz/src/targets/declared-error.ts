import { Violation } from "../engine/target.ts";

type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * The outcome of a refusal.
 *
 * @param declared - what the code under test says it throws.
 * @returns a label with the error's code, if it has one.
 * @throws the error itself, if it is none of those; a Violation if it says nothing.
 */
export function refusal(error: unknown, declared: ErrorClass | readonly ErrorClass[]): string {
  const classes = Array.isArray(declared) ? (declared as readonly ErrorClass[]) : [declared as ErrorClass];
  if (!(error instanceof Error) || !classes.some((type) => error instanceof type)) throw error;
  if (error.message === "") throw new Violation(`a ${error.name} without a message`);
  return "code" in error ? `refused: ${String(error.code)}` : `refused: ${error.name}`;
}
