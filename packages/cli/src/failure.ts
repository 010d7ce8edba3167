import { getSystemErrorMessage } from "node:util";

/** Something the user can act on, said in a sentence or two: what was wrong, what to do. Ends the command with code 1. */
export class Failure extends Error {
  readonly exitCode: number = 1;

  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = "Failure";
  }
}

/** The command was called in a way that cannot work. Ends it with code 2. */
export class UsageFailure extends Failure {
  override readonly exitCode = 2;
}

/** An error of the operating system, such as a missing file. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly errno: number } {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" && "syscall" in error;
}

/**
 * Says that something with a file failed, and why. Errors that are not of the operating system already say it, and stay
 * as they are.
 *
 * @param attempt - such as "Cannot read report.pdf".
 */
export function fileFailure(attempt: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new Failure(`${attempt}: ${getSystemErrorMessage(error.errno)}.`, { cause: error });
}
