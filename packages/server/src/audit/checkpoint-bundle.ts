import { logOrigin } from "@cinnabar/kernel";
import { type Checkpoint, MerkleError, NoteVerifier, openCheckpoint } from "@cinnabar/merkle-log";
import { OperatorError } from "../operator-error.ts";
import { logName, type LogSource, parseLogName } from "./log-source.ts";

/** A log's signed checkpoint, kept outside the store. */
export interface SavedCheckpoint {
  /** 0 for the control log. */
  readonly shard: number;
  /** The signed note (C2SP tlog-checkpoint), its last newline included. */
  readonly note: string;
}

const FIRST_LINE = "cinnabar/checkpoints/v1";
const NAME_LINE = /^log ([a-z0-9-]+)\n/;

/**
 * The newest signed checkpoint of every log: what a verifier needs to find anything changed or cut off before now.
 *
 * @param options.verifierKey - the deployment's C2SP verifier key.
 * @throws OperatorError if a stored checkpoint is not one of this deployment, signed by this key; MerkleError
 *   `malformed-verifier-key`; UnreadableLogError.
 */
export async function readCheckpointBundle(options: {
  source: LogSource;
  verifierKey: string;
}): Promise<SavedCheckpoint[]> {
  const verifier = NoteVerifier.parse(options.verifierKey);
  const { checkpoints } = await options.source.list();
  return checkpoints.map(({ shard, note }) => {
    try {
      openLogCheckpoint({ shard, note }, verifier);
    } catch (error) {
      if (!(error instanceof MerkleError)) throw error;
      throw new OperatorError(`The stored checkpoint of ${logName(shard)} is not valid: ${error.message}.`, {
        cause: error,
      });
    }
    return { shard, note };
  });
}

/** One file from the checkpoints of several logs (docs/formats/audit-log.md, "Checkpoint bundle"). */
export function formatCheckpointBundle(checkpoints: readonly SavedCheckpoint[]): string {
  const sections = checkpoints
    .toSorted((a, b) => a.shard - b.shard)
    .map(({ shard, note }) => `log ${logName(shard)}\n${note}`);
  return `${FIRST_LINE}\nlogs ${checkpoints.length}\n${sections.join("")}`;
}

/**
 * The exact inverse of {@link formatCheckpointBundle}. Signatures are verified where the checkpoints are used.
 *
 * @throws OperatorError if the text is anything else, or was cut off.
 */
export function parseCheckpointBundle(text: string): SavedCheckpoint[] {
  const [first, count, ...rest] = text.split(/(?<=\n)/);
  if (first !== `${FIRST_LINE}\n`) throw malformed(`it does not begin with the line ${FIRST_LINE}`);
  const checkpoints: { shard: number; note: string }[] = [];
  for (const line of rest) {
    const name = NAME_LINE.exec(line)?.[1];
    const last = checkpoints.at(-1);
    if (name === undefined) {
      if (last === undefined) throw malformed("a line stands before the first log");
      last.note += line;
      continue;
    }
    const shard = parseLogName(name);
    if (shard === undefined) throw malformed(`there is no log ${name}`);
    if (last !== undefined && last.shard >= shard) throw malformed(`${name} is not in its place`);
    checkpoints.push({ shard, note: "" });
  }
  if (count !== `logs ${checkpoints.length}\n`) throw malformed("it does not have as many logs as it says");
  if (checkpoints.some(({ note }) => !note.endsWith("\n"))) throw malformed("a checkpoint is cut off");
  return checkpoints;
}

/** The checkpoint of a log, once the deployment's key has vouched for it and for the log. @throws MerkleError. */
export function openLogCheckpoint({ shard, note }: SavedCheckpoint, verifier: NoteVerifier): Checkpoint {
  return openCheckpoint(note, verifier, logOrigin(verifier.name, shard));
}

function malformed(reason: string): OperatorError {
  return new OperatorError(`This is not a file of checkpoints: ${reason}.`);
}
