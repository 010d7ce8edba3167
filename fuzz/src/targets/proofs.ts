import {
  formatTlogProof,
  inclusionProof,
  leafHash,
  leafHashReader,
  MerkleError,
  parseTlogProof,
  signCheckpoint,
  treeRoot,
  verifyTlogProof,
} from "@cinnabar/merkle-log";
import { OperatorError, verifyEventProof } from "@cinnabar/server";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { noteSigner, noteVerifier, ORIGIN } from "./fixed-keys.ts";

const ENTRIES = 11;

/** Proofs that an event is in a log (C2SP tlog-proof). */
export const proofsTarget: TargetDeclaration = {
  name: "proofs",
  what: "inclusion proofs as text",
  group: "process",
  weight: 120,
  open,
};

async function open(): Promise<Target> {
  const entries = Array.from({ length: ENTRIES }, (_, i) =>
    JSON.stringify({ eventId: `event-${i}`, eventName: "Encrypt" }),
  );
  const leaves = entries.map((entry) => leafHash(entry));
  const checkpoint = signCheckpoint({ origin: ORIGIN, size: ENTRIES, root: treeRoot(leaves) }, noteSigner);
  const texts = await Promise.all(
    [0, 4, ENTRIES - 1].map(async (index) => {
      const hashes = await inclusionProof(leafHashReader(leaves), { index, size: ENTRIES });
      return formatTlogProof({ index, hashes, checkpoint, extra: Buffer.from(entries[index] ?? "") });
    }),
  );
  const bare = texts[0]?.replace(/^extra .*\n/m, "") ?? "";
  return {
    seeds: [...texts, bare].map((text) => Buffer.from(text)),
    attempt(input) {
      const text = Buffer.from(input).toString();
      try {
        const proof = parseTlogProof(text);
        if (formatTlogProof(proof) !== text) throw new Violation("a proof is read that would be written otherwise");
        // What the proof is asked to prove is always the same, so it may not prove another place.
        for (const [index, leaf] of leaves.entries()) {
          if (proves(proof, leaf) && proof.index !== index) {
            throw new Violation(`entry ${index} is proven to stand at ${proof.index}`);
          }
        }
      } catch (error) {
        if (error instanceof Violation) throw error;
        return refusal(error, MerkleError);
      } finally {
        verifyAsOperator(text);
      }
      return "read";
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function proves(proof: ReturnType<typeof parseTlogProof>, leaf: Uint8Array): boolean {
  try {
    verifyTlogProof({ proof, leafHash: leaf, verifier: noteVerifier, origin: ORIGIN });
    return true;
  } catch (error) {
    refusal(error, MerkleError);
    return false;
  }
}

/** As `cinnabar audit verify --proof` does; these logs' origin is not a deployment's, so it proves nothing to it. */
function verifyAsOperator(text: string): void {
  try {
    verifyEventProof(text, noteSigner.verifierKey);
  } catch (error) {
    refusal(error, [OperatorError, MerkleError]);
  }
}
