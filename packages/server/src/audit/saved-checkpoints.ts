import { OperatorError } from "../operator-error.ts";
import { parseCheckpointBundle, type SavedCheckpoint } from "./checkpoint-bundle.ts";
import { hasCheckpointLines, parseCheckpointLines } from "./checkpoint-line.ts";

/**
 * A deployment's checkpoints in a file that was kept elsewhere: a bundle, or what a server delivered with
 * `--checkpoint-to`. Signatures are verified where they are used.
 *
 * @param origin - the deployment's: the name in its verifier key.
 * @throws OperatorError if the file is neither, or has none of this deployment.
 */
export function parseSavedCheckpoints(text: string, origin: string): SavedCheckpoint[] {
  if (!hasCheckpointLines(text)) return parseCheckpointBundle(text);
  const checkpoints = parseCheckpointLines(text, origin);
  if (checkpoints.length === 0) throw new OperatorError(`There is no whole checkpoint of ${origin} in this file.`);
  return checkpoints;
}
