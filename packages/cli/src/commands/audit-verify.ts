import {
  type AuditReport,
  type LogAudit,
  OperatorError,
  parseCheckpointBundle,
  type SavedCheckpoint,
  verifyAudit,
} from "@cinnabar/server";
import { Failure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { formatAmount } from "../quantity.ts";
import { readText } from "../read-text.ts";
import { EventProgress, loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

export interface VerifyOptions extends LogOptions {
  /** Files that `audit checkpoint` wrote. */
  readonly checkpoint?: readonly string[];
  readonly json?: true;
}

/** `cinnabar audit verify`. @returns the exit code: 0 if nothing is wrong, else 1. */
export async function auditVerify(options: VerifyOptions, io: Io): Promise<number> {
  const { checkpoint = [], json = false } = options;
  const verifierKey = await loadVerifierKey(options);
  const savedCheckpoints = (await Promise.all(checkpoint.map(loadCheckpoints))).flat();
  const report = await withLogs(options, async (source) => {
    using progress = new EventProgress("Verifying", io);
    return await verifyAudit({ source, verifierKey, savedCheckpoints, onProgress: progress.onProgress });
  });
  await write(io.stdout, json ? `${JSON.stringify(report)}\n` : format(report));
  return report.ok ? 0 : 1;
}

async function loadCheckpoints(path: string): Promise<SavedCheckpoint[]> {
  const text = await readText(path);
  try {
    return parseCheckpointBundle(text);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new Failure(`${path}: ${error.message}`, { cause: error });
  }
}

function format({ ok, logs, findings, limits }: AuditReport): string {
  return [
    ...logs.flatMap(formatLog),
    ...findings.map(({ kind, detail }) => `WRONG  ${kind}: ${detail}.`),
    ...limits.map((limit) => `Note: ${limit}`),
    ok ? "The audit log is intact." : "The audit log is NOT intact.",
    "",
  ].join("\n");
}

function formatLog(log: LogAudit): string[] {
  const { name, events, size, signedSize, findings, omittedFindings, notes, omittedNotes } = log;
  const line = ({ kind, batch, detail }: (typeof findings | typeof notes)[number]) =>
    `${kind}${batch === undefined ? "" : ` at batch ${batch}`}: ${detail}.`;
  return [
    `${name}: ${formatAmount(events, "events")} in ${formatAmount(size, "leaves")}, signed up to ${formatAmount(signedSize, "leaves")}`,
    ...findings.map((finding) => `  WRONG  ${line(finding)}`),
    ...(omittedFindings === 0 ? [] : [`  WRONG  and ${omittedFindings} more`]),
    ...notes.map((note) => `  note   ${line(note)}`),
    ...(omittedNotes === 0 ? [] : [`  note   and ${omittedNotes} more`]),
  ];
}
