import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CONTROL_SHARD } from "@cinnabar/kernel";
import { OperatorError } from "../operator-error.ts";
import { ExportedLogWriter } from "./exported-log-writer.ts";
import { type LogBatch, type LogDamage, logName, type LogSource } from "./log-source.ts";
import type { AuditProgress } from "./report.ts";

/** One exported log. */
export interface ExportedLog {
  readonly name: string;
  /** Leaves: events and batch headers. */
  readonly size: number;
  readonly events: number;
  /** Those of them that retention dropped: the files have their hashes, and not what they said. */
  readonly droppedEvents: number;
  /** Index of the leaf from which on all bundles of entries are whole (C2SP tlog-tiles, "Pruning"). */
  readonly minimumIndex: number;
  /** Leaves that the exported checkpoint says it covers; what follows was not signed yet. */
  readonly signedSize: number;
}

/**
 * Writes every log as files in the layout of C2SP tlog-tiles (docs/formats/audit-log.md, "Exported files"), in
 * constant memory. What was read is written as it is; `verifyAudit` says whether it is right. When this returns,
 * everything is on disk. The control log is written last: without it an export is not complete.
 *
 * @param options.directory - made if it is missing, else it must be empty.
 * @param options.withEvents - whether each log also gets its events as `events.ndjson`, for people and their tools.
 * @param options.onProgress - called after every batch.
 * @throws OperatorError if the directory is not empty, or something cannot be read; UnreadableLogError.
 */
export async function exportAudit(options: {
  source: LogSource;
  directory: string;
  withEvents?: boolean;
  onProgress?: (progress: AuditProgress) => void;
}): Promise<ExportedLog[]> {
  const { source, directory, withEvents = false, onProgress } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0) throw new OperatorError(`The directory ${directory} is not empty.`);
  const { shards, checkpoints, damage } = await source.list();
  for (const found of damage) throw notExportable(found.detail);
  const logs: ExportedLog[] = [];
  for (const shard of [...shards.filter((shard) => shard !== CONTROL_SHARD), CONTROL_SHARD]) {
    const name = logName(shard);
    await using writer = new ExportedLogWriter(join(directory, name), {
      checkpoint: checkpoints.find((checkpoint) => checkpoint.shard === shard),
      withEvents,
    });
    let [events, droppedEvents] = [0, 0];
    for await (const item of source.read(shard)) {
      const batch = assertBatch(item, name);
      await writer.write(batch);
      const dropped = batch.leaves.filter(({ entry }) => entry === undefined).length;
      events += dropped + (batch.events?.length ?? 0);
      droppedEvents += dropped;
      onProgress?.({ log: name, events });
    }
    logs.push({ name, events, droppedEvents, ...(await writer.finish()) });
  }
  await syncTree(directory);
  return logs;
}

function assertBatch(item: LogBatch | LogDamage, name: string): LogBatch {
  if (item.kind === "damage") throw notExportable(`batch ${item.batch} of ${name}: ${item.detail}`);
  return item;
}

function notExportable(detail: string): OperatorError {
  return new OperatorError(`The log cannot be exported, ${detail}. Run cinnabar audit verify.`);
}

/** Makes every file and directory below `directory`, and itself, durable. */
async function syncTree(directory: string): Promise<void> {
  for (const item of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, item.name);
    if (item.isDirectory()) await syncTree(path);
    else await sync(path);
  }
  await sync(directory);
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}
