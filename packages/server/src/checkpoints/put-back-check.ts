import { open } from "node:fs/promises";
import type { StoreReader } from "@cinnabar/kernel";
import { Frontier, MerkleError, NoteVerifier, type TreeHead } from "@cinnabar/merkle-log";
import { openLogCheckpoint } from "../audit/checkpoint-bundle.ts";
import { formatCheckpointLine, parseCheckpointLines } from "../audit/checkpoint-line.ts";
import { logName } from "../audit/log-source.ts";
import { fileError, hasCode } from "../data-directory/index.ts";
import { OperatorError } from "../operator-error.ts";

/** What is read of the file: the newest checkpoints stand at its end, thousands of them in as many bytes. */
const TAIL_BYTES = 1 << 20;

/** The store lacks what a checkpoint outside of it says was there. */
export class PutBackError extends OperatorError {}

/**
 * Refuses a store that was put back as a whole: it lacks what a checkpoint outside of it says was there.
 *
 * Each checkpoint's size lies at the end of a batch, and that batch's row has the frontier.
 *
 * @param options.path - the file that a server has appended its checkpoints to; without one there is nothing to compare.
 * @throws {@link PutBackError} with a sentence on what is missing; OperatorError if the file cannot be read.
 */
export async function assertNotPutBack(options: {
  backend: StoreReader;
  verifierKey: string;
  path: string;
}): Promise<void> {
  const { backend, verifierKey, path } = options;
  const verifier = NoteVerifier.parse(verifierKey);
  const newest = new Map<number, TreeHead>();
  for (const { shard, note } of parseCheckpointLines(await readTail(path), verifier.name)) {
    const head = validHead({ shard, note }, verifier);
    if (head !== undefined && head.size > (newest.get(shard)?.size ?? 0)) newest.set(shard, head);
  }
  for (const [shard, head] of newest) {
    if (await hasHead(backend, shard, head)) continue;
    throw new PutBackError(
      `The store was put back to an older state, or is another one: ${path} has a signed checkpoint of ${head.size} ` +
        `leaves of the log ${logName(shard)}, and the store does not have them. If a backup was restored on purpose, ` +
        "keep that file as a record of what is lost, move it away and start again.",
    );
  }
}

/** Whether the store holds a checkpoint that is not at the end of the file that checkpoints are delivered to. */
export async function lacksCheckpoint({ backend, path }: { backend: StoreReader; path: string }): Promise<boolean> {
  const text = await readTail(path);
  const { rows } = await backend.reader.execute("SELECT note FROM checkpoint", []);
  return rows.some(({ note }) => typeof note === "string" && !text.includes(formatCheckpointLine(note)));
}

function validHead(checkpoint: { shard: number; note: string }, verifier: NoteVerifier): TreeHead | undefined {
  try {
    return openLogCheckpoint(checkpoint, verifier);
  } catch (error) {
    // Of a deployment that bore the same name before, or damaged.
    if (error instanceof MerkleError) return undefined;
    throw error;
  }
}

async function readTail(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw fileError(`${path} (--checkpoint-to) cannot be read`, error);
  }
}

/** Looks by halves for the batch that ends with the head's last leaf. */
async function hasHead({ reader }: StoreReader, shard: number, { size, root }: TreeHead): Promise<boolean> {
  const [last] = (await reader.execute(`SELECT max(seq) AS seq FROM audit_batch WHERE shard = ${shard}`, [])).rows;
  let [low, high] = [1, Number(last?.["seq"] ?? 0)];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const sql = `SELECT first_index, event_count, frontier FROM audit_batch WHERE shard = ${shard} AND seq = ${middle}`;
    const [row] = (await reader.execute(sql, [])).rows;
    const frontier = row?.["frontier"];
    if (!(frontier instanceof Uint8Array)) return false;
    const end = Number(row?.["first_index"]) + Number(row?.["event_count"]) + 1;
    if (end === size) return rootOf(frontier)?.equals(root) ?? false;
    if (end < size) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

function rootOf(encoded: Uint8Array): Buffer | undefined {
  try {
    return Frontier.decode(encoded).root();
  } catch (error) {
    if (error instanceof MerkleError) return undefined;
    throw error;
  }
}
