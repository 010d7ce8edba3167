import type { Configuration } from "../configuration/index.ts";
import { examine, type Finding } from "../doctor/index.ts";
import { OperatorError } from "../operator-error.ts";
import { print } from "./print.ts";
import { runCommand } from "./run-command.ts";

const USAGE = `Usage: cinnabar doctor [--json] [SETTINGS]

Looks at a deployment, whether a server runs or not, and changes nothing: the data directory, the machine, the database,
the root key, certificates, checkpoints, and what the running server says. Give it the server's own settings, and run it as
the server's user. Nobody is asked for a passphrase or a share; with --unseal-from they are tried too.

Ends with code 0 if there is no problem, and 1 if there is one.

  --json  Print the findings as JSON.

Example: cinnabar doctor --data /var/lib/cinnabar`;

/** `cinnabar doctor`. @param argv - what follows the command. @returns the exit code. */
export function doctor(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: USAGE,
    syntax: { operands: [], switches: ["--json"], options: [] },
    run: (configuration, { switches }) => report(configuration, { json: switches.has("--json") }),
  });
}

async function report(configuration: Configuration, { json }: { json: boolean }): Promise<void> {
  const findings = await examine(configuration);
  await print(json ? `${JSON.stringify(findings, undefined, 2)}\n` : findings.map(toLine).join(""));
  const problems = findings.filter(({ status }) => status === "problem").length;
  if (problems > 0) throw new OperatorError(`${problems} ${problems === 1 ? "problem was" : "problems were"} found.`);
}

function toLine({ check, status, found, advice, see }: Finding): string {
  const more = advice === undefined ? "" : ` ${advice}.`;
  return `${status.padEnd(7)}  ${check}: ${found}.${more}${see === undefined ? "" : ` See ${see}.`}\n`;
}
