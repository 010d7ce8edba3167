import { startSqliteThreads } from "@cinnabar/kernel/sqlite-threads";

/** Settings that could name another database than the default, as flags and as variables. */
const DATABASE_FLAG = /^--(?:database|config)(?:=|$)/;
const DATABASE_VARIABLES = ["CINNABAR_DATABASE", "CINNABAR_CONFIG"];

/**
 * Begins what takes long of `cinnabar serve`: while the program is loaded, the threads of its database start.
 *
 * @param argv - what follows the command.
 */
export function startEarly(argv: readonly string[]): void {
  const isElsewhere =
    argv.some((argument) => DATABASE_FLAG.test(argument)) || DATABASE_VARIABLES.some((name) => process.env[name]);
  if (!isElsewhere) startSqliteThreads();
}
