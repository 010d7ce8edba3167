import {
  formatCheckpoint,
  MerkleError,
  NoteVerifier,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "@cinnabar/merkle-log";
import { formatCheckpointBundle, OperatorError, parseCheckpointBundle, parseSavedCheckpoints } from "@cinnabar/server";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedBytes, noteSigner, noteVerifier, ORIGIN, strangersSigner } from "./fixed-keys.ts";

/** Signed notes, checkpoints, files of checkpoints and verifier keys, each input read as all of them. */
export const checkpointsTarget: TargetDeclaration = {
  name: "checkpoints",
  what: "signed checkpoints, files of them, verifier keys",
  group: "process",
  weight: 140,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const checkpoints = [0, 1, 70_000].map((size) => ({ origin: ORIGIN, size, root: fixedBytes(`root ${size}`) }));
  const notes = checkpoints.map((checkpoint) => signCheckpoint(checkpoint, noteSigner));
  const [first = "", second = ""] = notes;
  const cosigned = first + (strangersSigner.sign(formatCheckpoint(checkpoints[0]!)).split("\n\n")[1] ?? "");
  const bundle = formatCheckpointBundle([
    { shard: 0, note: first },
    { shard: 7, note: second },
  ]);
  const signed = new Set(checkpoints.map(formatCheckpoint));
  return {
    seeds: [...notes, cosigned, bundle, noteSigner.verifierKey].map((text) => Buffer.from(text)),
    attempt(input) {
      const text = Buffer.from(input).toString();
      const outcomes = [
        read(MerkleError, () => {
          const opened = formatCheckpoint(openCheckpoint(input, noteVerifier, ORIGIN));
          if (!signed.has(opened)) throw new Violation(`a checkpoint opens that nobody signed: ${opened}`);
        }),
        read(MerkleError, () => same(text, formatCheckpoint(parseCheckpoint(text)), "checkpoint")),
        read(OperatorError, () =>
          same(text, formatCheckpointBundle(parseCheckpointBundle(text)), "file of checkpoints"),
        ),
        read(OperatorError, () => void parseSavedCheckpoints(text, ORIGIN)),
        read(MerkleError, () => void NoteVerifier.parse(text)),
      ];
      return outcomes.includes("read") ? "read" : (outcomes[0] ?? "");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function read(declared: typeof MerkleError | typeof OperatorError, parse: () => void): string {
  try {
    parse();
    return "read";
  } catch (error) {
    if (error instanceof Violation) throw error;
    return refusal(error, declared);
  }
}

function same(text: string, written: string, what: string): void {
  if (text !== written)
    throw new Violation(`a ${what} is read that would be written otherwise: ${JSON.stringify(text)}`);
}
