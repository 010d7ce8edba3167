import { exportAudit, type ExportedLog } from "@cinnabar/server";
import { type Io, write } from "../io.ts";
import { formatAmount } from "../quantity.ts";
import { EventProgress, type LogOptions, withLogs } from "./audit-logs.ts";

export interface ExportOptions extends LogOptions {
  readonly withEvents?: true;
  readonly json?: true;
}

/** `cinnabar audit export DIR` */
export async function auditExport(directory: string, options: ExportOptions, io: Io): Promise<void> {
  const { withEvents = false, json = false } = options;
  const logs = await withLogs(options, async (source) => {
    using progress = new EventProgress("Exporting", io);
    return await exportAudit({ source, directory, withEvents, onProgress: progress.onProgress });
  });
  if (json) await write(io.stdout, `${JSON.stringify({ directory, logs })}\n`);
  else await write(io.stderr, [`Exported to ${directory}:`, ...logs.map(summary), ""].join("\n"));
}

function summary({ name, events, droppedEvents, size, signedSize }: ExportedLog): string {
  const dropped = droppedEvents === 0 ? "" : `, the bodies of ${formatAmount(droppedEvents, "events")} dropped`;
  return `  ${name}: ${formatAmount(events, "events")} in ${formatAmount(size, "leaves")}, signed up to ${formatAmount(signedSize, "leaves")}${dropped}`;
}
