import { startSqliteThreads } from "@cinnabar/kernel/sqlite-threads";

/** Settings that could name another database than the default, as flags and as variables. */
const DATABASE_FLAG = /^--(?:database|config)(?:=|$)/;
const DATABASE_VARIABLES = ["CINNABAR_DATABASE", "CINNABAR_CONFIG"];

/**
 * `cinnabar serve`, with what takes long begun first: while the sources are loaded, the threads of its database start.
 *
 * @param argv - what follows the command.
 * @returns the exit code.
 */
export async function serve(argv: readonly string[]): Promise<number> {
  const isElsewhere =
    argv.some((argument) => DATABASE_FLAG.test(argument)) || DATABASE_VARIABLES.some((name) => process.env[name]);
  if (!isElsewhere) startSqliteThreads();
  const command = await import("./commands/serve.ts");
  return command.serve(argv);
}
