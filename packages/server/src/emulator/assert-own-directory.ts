import { join } from "node:path";
import { isThere } from "../data-directory/atomic-file.ts";
import { OperatorError } from "../operator-error.ts";

/** What a directory holds that some deployment lives in, whatever its database is. */
const SIGNS = ["root.key", "root.sealed", "root-access-key.json", "root-access-key.json.pending"];

/**
 * Refuses a data directory that belongs to a deployment whose database lies elsewhere. Of one that lies here, its own
 * description says whether the emulator made it.
 *
 * @throws OperatorError
 */
export async function assertOwnDirectory(data: string): Promise<void> {
  if (await isThere(join(data, "cinnabar.db"))) return;
  for (const name of SIGNS) {
    const path = join(data, name);
    if (!(await isThere(path))) continue;
    throw new OperatorError(
      `There is no emulator's store in ${data}, but ${path} is there: the emulator works in a directory that it made itself. Give it another one with --data; nothing was changed.`,
    );
  }
}
