import { formatCheckpointBundle, readCheckpointBundle } from "@cinnabar/server";
import { type Io, write } from "../io.ts";
import { loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

/** `cinnabar audit checkpoint` */
export async function auditCheckpoint(options: LogOptions, io: Io): Promise<void> {
  const verifierKey = await loadVerifierKey(options);
  const checkpoints = await withLogs(options, (source) => readCheckpointBundle({ source, verifierKey }));
  await write(io.stdout, formatCheckpointBundle(checkpoints));
}
