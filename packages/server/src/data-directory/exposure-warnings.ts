import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";

import { isThere } from "./atomic-file.ts";
import { keptRootKeys } from "./kept-root-keys.ts";

/** What a root key file in the data directory is called, unless the operator names it. */
const ROOT_KEY_FILE = "root.key";

/**
 * What lies in the data directory and should not in production: whoever copies the directory has it too. A sentence
 * for each, to log at start.
 *
 * @param options.rootKeyPath - of the root key file, `undefined` if the root key is not in a file.
 * @param options.rootAccessKeyPath - of `root-access-key.json`, there or not.
 * @param options.checkpointPath - of the file that checkpoints are delivered to, `undefined` if there is none.
 */
export async function exposureWarnings(options: {
  readonly directory: string;
  readonly rootKeyPath: string | undefined;
  readonly rootAccessKeyPath: string;
  readonly checkpointPath?: string | undefined;
}): Promise<string[]> {
  const { directory, rootKeyPath, rootAccessKeyPath, checkpointPath } = options;
  const warnings: string[] = [];
  if (rootKeyPath !== undefined && (await liesIn(directory, rootKeyPath))) {
    warnings.push(
      `The root key ${rootKeyPath} lies beside the data: whoever copies ${directory} has every key. ` +
        "In production keep it elsewhere (--seal file:PATH) and out of the backups of the data.",
    );
  }
  const kept = await keptInPlaintext(options);
  if (kept.length > 0) {
    warnings.push(
      `Earlier root keys lie beside the data: ${kept.join(", ")}. Whoever copies ${directory} opens older backups with them. ` +
        "In production keep them elsewhere, and remove them when you have no backup from before the rotation any more.",
    );
  }
  if (await isThere(rootAccessKeyPath)) {
    warnings.push(
      `${rootAccessKeyPath} lies beside the data: whoever copies it may do everything. ` +
        "In production move it to a safe place; the server does not need it.",
    );
  }
  if (checkpointPath !== undefined && (await liesIn(directory, dirname(checkpointPath)))) {
    warnings.push(
      `Checkpoints go to ${checkpointPath}, beside the data: whoever puts back an older ${directory} puts that back too. ` +
        "Keep them on another machine or disk.",
    );
  }
  return warnings;
}

/** They are there under any seal: a migration leaves what rotations before it have kept. */
async function keptInPlaintext(of: {
  readonly directory: string;
  readonly rootKeyPath: string | undefined;
}): Promise<string[]> {
  const { directory, rootKeyPath } = of;
  const kept = new Set(await keptRootKeys(join(directory, ROOT_KEY_FILE)));
  if (rootKeyPath !== undefined) {
    for (const path of await keptRootKeys(rootKeyPath)) if (await liesIn(directory, path)) kept.add(path);
    kept.delete(rootKeyPath);
  }
  return [...kept];
}

async function liesIn(directory: string, path: string): Promise<boolean> {
  try {
    const way = relative(await realpath(directory), await realpath(path));
    return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  } catch {
    return false;
  }
}
