import { proveEvent } from "@cinnabar/server";
import { type Io, write } from "../io.ts";
import { EventProgress, loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

/** `cinnabar audit prove EVENT` */
export async function auditProve(eventId: string, options: LogOptions, io: Io): Promise<void> {
  const verifierKey = await loadVerifierKey(options);
  const proof = await withLogs(options, async (source) => {
    using progress = new EventProgress("Searching", io);
    return await proveEvent({ source, verifierKey, eventId, onProgress: progress.onProgress });
  });
  await write(io.stdout, proof);
}
