import { openDeploymentKeys, peekDeployment, resetClock, RowGuard } from "@cinnabar/kernel";
import type { Configuration } from "../configuration/index.ts";
import { openDatabase } from "../database.ts";
import { OperatorError } from "../operator-error.ts";
import { openDeployment } from "../open-deployment.ts";
import { NodeDirectory } from "./node-directory.ts";
import { runCommand } from "./run-command.ts";

const USAGE = `Usage: cinnabar clock reset [SETTINGS]

Takes the store's time back to the database's clock, after a clock was wrongly set forward. It is recorded in the
audit log. Stop every node of the deployment first.

Example: cinnabar clock reset --data /var/lib/cinnabar`;

/** `cinnabar clock reset`. @param argv - what follows the command. @returns the exit code. */
export function clockReset(argv: readonly string[]): Promise<number> {
  return runCommand({ argv, usage: USAGE, run: reset });
}

async function reset(configuration: Configuration): Promise<void> {
  await using directory = await NodeDirectory.open(configuration);
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openDatabase(configuration.database), (opened) => opened.close());
  if ((await peekDeployment(backend)) === undefined) {
    throw new OperatorError("There is no deployment here whose clock could be reset.");
  }
  const { rootKey } = await openDeployment({ backend, seal: directory.seal, create: directory.create });
  const { guardKeys } = await openDeploymentKeys(backend, rootKey);
  const { before, after } = await resetClock({ backend, guard: new RowGuard(guardKeys) });
  process.stdout.write(`The store's time was ${toText(before)} and is ${toText(after)} now.\n`);
}

function toText(millis: number): string {
  return new Date(millis).toISOString();
}
