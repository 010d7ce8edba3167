import { inspect } from "node:util";
import { CommanderError } from "commander";
import { Failure, fileFailure, isSystemError } from "./failure.ts";
import { type Io, write } from "./io.ts";
import { createProgram } from "./program.ts";

const FAILED = 1;
const MISUSED = 2;

/**
 * Runs the `cinnabar` command. What goes wrong is said on the standard error, in a sentence or two.
 *
 * @param argv - what follows the command's name.
 * @returns the exit code: 0 if it did what it should, 1 if it failed, 2 if it was called in a wrong way.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const outcome = { exitCode: 0, help: "", complaint: "" };
  try {
    try {
      await createProgram(io, outcome).parseAsync(argv, { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0) outcome.exitCode = MISUSED;
    }
    // What has nothing to say does not fail because it could not have said it.
    if (outcome.help !== "") await write(io.stdout, outcome.help).catch(ignoreClosedPipe);
    if (outcome.complaint !== "") await write(io.stderr, outcome.complaint);
    return outcome.exitCode;
  } catch (error) {
    const { describeError } = await import("./describe-error.ts");
    const details = io.debug ? `${inspect(error)}\n` : "";
    // If this cannot be written, there is nowhere left to say so.
    await write(io.stderr, `cinnabar: ${describeError(error)}\n${details}`).catch(() => undefined);
    return error instanceof Failure ? error.exitCode : FAILED;
  }
}

/** Whoever has read enough of a help text, as in `cinnabar --help | head -1`, may go. */
function ignoreClosedPipe(error: unknown): void {
  if (!isSystemError(error) || error.code !== "EPIPE") throw fileFailure("Cannot write to the standard output", error);
}
