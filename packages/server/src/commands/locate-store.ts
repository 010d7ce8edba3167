import { readFileSync } from "node:fs";
import { findStorePlace, type StorePlace } from "../configuration/index.ts";

/**
 * Where the store is, for commands that read one offline: by the flags given, else by the environment or the
 * configuration file, as for `cinnabar serve`.
 *
 * @param flags - `--data`, `--database` and `--config` with their values, as far as they were given.
 * @throws OperatorError
 */
export function locateStore(flags: readonly string[]): StorePlace {
  return findStorePlace({
    argv: flags,
    environment: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
  });
}
