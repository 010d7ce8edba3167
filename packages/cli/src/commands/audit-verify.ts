import { NoteVerifier } from "@cinnabar/merkle-log";
import {
  type AuditReport,
  type LogAudit,
  OperatorError,
  parseSavedCheckpoints,
  type ProvenEvent,
  verifyAudit,
  verifyEventProof,
} from "@cinnabar/server";
import { Failure, UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { formatAmount } from "../quantity.ts";
import { readText } from "../read-text.ts";
import { EventProgress, loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

export interface VerifyOptions extends LogOptions {
  /** Files that `audit checkpoint` wrote, or a server with `--checkpoint-to`. */
  readonly checkpoint?: readonly string[];
  /** A file that `audit prove` wrote. */
  readonly proof?: string;
  readonly json?: true;
}

/** `cinnabar audit verify`. @returns the exit code: 0 if nothing is wrong, else 1. */
export async function auditVerify(options: VerifyOptions, io: Io): Promise<number> {
  const { checkpoint = [], proof, json = false } = options;
  if (proof !== undefined) return verifyProof(proof, options, io);
  const verifierKey = await loadVerifierKey(options);
  const { name } = NoteVerifier.parse(verifierKey);
  const load = (path: string) => parseFile(path, (text) => parseSavedCheckpoints(text, name));
  const savedCheckpoints = (await Promise.all(checkpoint.map(load))).flat();
  const report = await withLogs(options, async (source) => {
    using progress = new EventProgress("Verifying", io);
    return await verifyAudit({ source, verifierKey, savedCheckpoints, onProgress: progress.onProgress });
  });
  await write(io.stdout, json ? `${JSON.stringify(report)}\n` : format(report));
  return report.ok ? 0 : 1;
}

/** Needs no log: what a proof says holds or not by itself. */
async function verifyProof(path: string, options: VerifyOptions, io: Io): Promise<number> {
  const { checkpoint, database, from, json = false } = options;
  if ((checkpoint ?? database ?? from) !== undefined) {
    throw new UsageFailure("A proof is verified by itself: give --key with --proof, and nothing else.");
  }
  const verifierKey = await loadVerifierKey(options);
  const proven = await parseFile(path, (text) => verifyEventProof(text, verifierKey));
  await write(io.stdout, json ? formatProvenJson(proven) : formatProven(proven));
  return 0;
}

/** Says of which file it is that something is wrong. */
async function parseFile<T>(path: string, parse: (text: string) => T): Promise<T> {
  const text = await readText(path);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new Failure(`${path}: ${error.message}`, { cause: error });
  }
}

function formatProven({ log, index, size, eventId, event }: ProvenEvent): string {
  const sentence = `The event ${eventId} is leaf ${index} of ${log}, in a signed checkpoint of ${formatAmount(size, "leaves")}.`;
  return `${sentence}\n${event}\n`;
}

function formatProvenJson({ event, ...place }: ProvenEvent): string {
  const parsed: unknown = JSON.parse(event);
  return `${JSON.stringify({ ok: true, ...place, event: parsed })}\n`;
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
