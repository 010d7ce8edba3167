import { readFileSync } from "node:fs";
import {
  AccountKeyError,
  ClockBehindError,
  DatabaseAwayError,
  NewerStoreError,
  OlderStoreError,
  RootKeyRotatedError,
  SealError,
  SqliteError,
  TamperedRowError,
  UnknownOutcomeError,
} from "@cinnabar/kernel";
import { InstanceError } from "@cinnabar/kms";
import { AdministrationError } from "@cinnabar/ram";
import { asksForHelp, type Configuration, describeSettings, loadConfiguration } from "../configuration/index.ts";
import { OperatorError, UsageError } from "../operator-error.ts";
import { RootKeyError } from "../open-deployment.ts";
import { type CommandArguments, type CommandSyntax, parseArguments } from "./command-arguments.ts";

/** Errors whose message is a sentence for the operator. */
const SENTENCES = [
  OperatorError,
  RootKeyError,
  SealError,
  NewerStoreError,
  OlderStoreError,
  ClockBehindError,
  TamperedRowError,
  AdministrationError,
  InstanceError,
  AccountKeyError,
  RootKeyRotatedError,
];

const SQLITE_FULL = 13;
const POSTGRESQL_DISK_FULL = "53100";

/** Of a command that takes settings alone. */
const SETTINGS_ALONE = { operands: [], switches: new Set<string>(), options: new Map<string, string>() };

/**
 * Runs a command that works on a data directory: reads its settings, shows its help, and turns what an operator can
 * put right into a sentence.
 *
 * @param options.usage - the first lines of the help.
 * @param options.syntax - what the command takes beside the settings, if it takes anything.
 * @returns the exit code: 0, 1 after a failure that was explained on standard error, 2 if the settings are wrong.
 */
export async function runCommand(options: {
  readonly argv: readonly string[];
  readonly usage: string;
  readonly syntax?: CommandSyntax;
  run(configuration: Configuration, given: CommandArguments): Promise<void>;
}): Promise<number> {
  if (asksForHelp(options.argv)) {
    const settings = describeSettings({ columns: process.stdout.columns ?? 100 });
    process.stdout.write(
      `${options.usage}\n\nSettings, each also as an environment variable or a key of --config:\n\n${settings}`,
    );
    return 0;
  }
  const { argv, syntax } = options;
  let given: CommandArguments;
  let configuration: Configuration;
  try {
    given = syntax === undefined ? { ...SETTINGS_ALONE, settings: argv } : parseArguments(argv, syntax);
    configuration = loadConfiguration({
      argv: given.settings,
      environment: process.env,
      readFile: (path) => readFileSync(path, "utf8"),
    });
  } catch (error) {
    process.stderr.write(`cinnabar: ${explain(error)}\n`);
    return 2;
  }
  try {
    await options.run(configuration, given);
    return 0;
  } catch (error) {
    process.stderr.write(`cinnabar: ${explain(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (SENTENCES.some((kind) => error instanceof kind)) return error.message;
  if (isFull(error)) {
    return `The database failed: ${error.message}. Make room and try again: docs/runbooks/disk-filling.md.`;
  }
  if (isFromDatabase(error)) return `The database failed: ${error.message}.`;
  return error.stack ?? error.message;
}

function isFull(error: Error): boolean {
  if (error instanceof SqliteError) return error.errcode === SQLITE_FULL;
  return "code" in error && error.code === POSTGRESQL_DISK_FULL;
}

function isFromDatabase(error: Error): boolean {
  const isOurs = [SqliteError, DatabaseAwayError, UnknownOutcomeError].some((kind) => error instanceof kind);
  // PostgreSQL's own errors say how severe they are.
  return isOurs || "severity" in error;
}
