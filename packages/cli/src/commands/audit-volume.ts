import { type AuditAmount, readAuditVolume } from "@cinnabar/server";
import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { formatAmount } from "../quantity.ts";
import { databaseOf, type LogOptions, readingDatabase } from "./audit-logs.ts";

export interface VolumeOptions extends Pick<LogOptions, "data" | "database" | "config"> {
  /** Most days to list. */
  readonly days?: string;
  readonly json?: true;
}

const DEFAULT_DAYS = "30";
const MAX_DAYS = 3660;

/** `cinnabar audit volume` */
export async function auditVolume(options: VolumeOptions, io: Io): Promise<void> {
  const days = parseDays(options.days ?? DEFAULT_DAYS);
  const volume = await readingDatabase(() => readAuditVolume(databaseOf(options), { days }));
  if (options.json === true) {
    await write(io.stdout, `${JSON.stringify(volume)}\n`);
    return;
  }
  const rows = [
    ["day", "events", "stored", "per event", "dropped by now"],
    ...volume.days.map(({ day, ...amount }) => [day, ...cells(amount)]),
    ["all days", ...cells(volume.total)],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) => row.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join("  ");
  const { storedBytes, droppedBytes } = volume.total;
  const kept = `The log takes ${formatAmount(storedBytes - droppedBytes, "bytes")} now.`;
  await write(io.stdout, `${[...rows.map(line), kept].join("\n")}\n`);
}

function cells({ events, storedBytes, droppedEvents, droppedBytes }: AuditAmount): string[] {
  const perEvent = events === 0 ? "" : formatAmount(storedBytes / events, "bytes");
  const dropped =
    droppedEvents === 0 ? "" : `${formatAmount(droppedEvents, "events")}, ${formatAmount(droppedBytes, "bytes")}`;
  return [formatAmount(events, "events"), formatAmount(storedBytes, "bytes"), perEvent, dropped];
}

/** The day and what was dropped begin at the left, numbers end at the right. */
function pad(cell: string, column: number, width: number): string {
  if (column === 0) return cell.padEnd(width);
  return column === 4 ? cell : cell.padStart(width);
}

function parseDays(text: string): number {
  const days = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(days <= MAX_DAYS)) throw new UsageFailure(`--days is a whole number from 1 to ${MAX_DAYS}, not "${text}".`);
  return days;
}
