import { proveEvent, type WantedEvent } from "@cinnabar/server";
import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { readText } from "../read-text.ts";
import { EventProgress, loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

export interface ProveOptions extends LogOptions {
  /** A file with the event's JSON. */
  readonly event?: string;
}

/** `cinnabar audit prove [EVENT]` */
export async function auditProve(eventId: string | undefined, options: ProveOptions, io: Io): Promise<void> {
  const wanted = await readWanted(eventId, options.event);
  const verifierKey = await loadVerifierKey(options);
  const proof = await withLogs(options, async (source) => {
    using progress = new EventProgress("Searching", io);
    return await proveEvent({ source, verifierKey, wanted, onProgress: progress.onProgress });
  });
  await write(io.stdout, proof);
}

async function readWanted(eventId: string | undefined, path: string | undefined): Promise<WantedEvent> {
  if (eventId !== undefined && path === undefined) return { eventId };
  if (eventId === undefined && path !== undefined) return { event: await readText(path) };
  throw new UsageFailure("Name the event by its id, or give it with --event FILE: one of the two.");
}
