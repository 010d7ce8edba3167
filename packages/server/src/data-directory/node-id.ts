import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { z } from "zod";

import { OperatorError } from "../operator-error.ts";
import { readFileIfThere, writeFileAtomically } from "./atomic-file.ts";

const NODE_ID_BYTES = 16;
const schema = z.object({ nodeId: z.stringFormat("node id", /^[0-9a-f]{32}$/) });

/**
 * The name of the node that this data directory belongs to, 32 lower-case hex digits at random, made at the first call.
 * To be called by the holder of the directory's lock.
 *
 * @throws OperatorError if `node.json` is damaged or cannot be written.
 */
export async function loadNodeId(directory: string): Promise<string> {
  const path = join(directory, "node.json");
  const file = await readFileIfThere(path);
  if (file !== undefined) return parse(path, file.toString("utf8"));
  const nodeId = randomBytes(NODE_ID_BYTES).toString("hex");
  await writeFileAtomically(path, `${JSON.stringify({ nodeId })}\n`);
  return nodeId;
}

function parse(path: string, text: string): string {
  try {
    return schema.parse(JSON.parse(text)).nodeId;
  } catch (error) {
    throw new OperatorError(
      `${path} is damaged. Restore it from a backup; if there is none, remove it and this becomes a new node.`,
      { cause: error },
    );
  }
}
