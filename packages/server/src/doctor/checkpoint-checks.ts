import {
  type CheckpointAddress,
  assertNotPutBack,
  describeCheckpointAddress,
  lacksCheckpoint,
} from "../checkpoints/index.ts";
import { Findings, sentenceOf } from "./finding.ts";
import type { OpenedStore } from "./opened-store.ts";

const SEE = "docs/operations.md#checkpoints-outside-of-the-database";

/** Compares the store with the checkpoints that were delivered outside of it. */
export async function checkCheckpoints(
  address: CheckpointAddress | undefined,
  store: OpenedStore | undefined,
): Promise<Findings> {
  const findings = new Findings();
  if (address === undefined) {
    findings.warning("checkpoints", {
      found: "stay in the database: a store that was put back as a whole is not noticed",
      advice: "Deliver them elsewhere with --checkpoint-to",
      see: SEE,
    });
    return findings;
  }
  if (address.kind !== "file") {
    findings.ok(
      "checkpoints",
      `go to ${describeCheckpointAddress(address)}; a running server says whether they arrive`,
    );
    return findings;
  }
  if (store?.verifierKey === undefined) return findings;
  const { path } = address;
  const { reader, verifierKey } = store;
  try {
    await assertNotPutBack({ backend: reader, verifierKey, path });
  } catch (error) {
    findings.problem("checkpoints", { found: sentenceOf(error), see: "docs/runbooks/put-back.md" });
    return findings;
  }
  if (await lacksCheckpoint({ backend: reader, path })) {
    findings.warning("checkpoints", {
      found: `the store holds checkpoints that are not in ${path}`,
      advice:
        "A running server delivers them within a second or so: ask again, and look for checkpoint-undelivered in its log",
      see: "docs/runbooks/checkpoint-undelivered.md",
    });
    return findings;
  }
  findings.ok("checkpoints", `the store has all that ${path} says it had, and every checkpoint is there`);
  return findings;
}
