import { formatTimestamp } from "@cinnabar/rpc";
import {
  type DestructionCertificate,
  findCertificate,
  type FoundCertificate,
  listCertificates,
  OperatorError,
  subjectOf,
  verifyCertificate,
} from "@cinnabar/server";
import { Failure, UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { readText } from "../read-text.ts";
import { formatTable } from "../table.ts";
import { loadVerifierKey, type LogOptions, withLogs } from "./audit-logs.ts";

export interface CertificateOptions extends Omit<LogOptions, "key"> {
  /** A verifier key, or a file that has one. */
  readonly verifierKey?: string;
  /** A file with a certificate. */
  readonly verify?: string;
  readonly json?: true;
}

/** `cinnabar key certificate [KEY]` */
export async function keyCertificate(subject: string | undefined, options: CertificateOptions, io: Io): Promise<void> {
  const { verify, json = false } = options;
  if ((subject === undefined) === (verify === undefined)) {
    throw new UsageFailure("Name a destroyed key, or give a certificate with --verify FILE: one of the two.");
  }
  if (verify !== undefined && (options.database ?? options.from) !== undefined) {
    throw new UsageFailure("A certificate is verified by itself: give --verifier-key with --verify, and nothing else.");
  }
  const found = verify === undefined ? await find(subject ?? "", options) : await check(verify, options);
  if (json) await write(io.stdout, `${JSON.stringify(found)}\n`);
  else if (verify === undefined) await write(io.stdout, found.note);
  else await write(io.stdout, `${sentence(found.certificate)}\n`);
}

/** `cinnabar key destroyed` */
export async function keyDestroyed(options: Omit<CertificateOptions, "verify">, io: Io): Promise<void> {
  const { verifierKey, logs } = await toSources(options);
  const found = await withLogs(logs, (source) => listCertificates({ source, verifierKey }));
  if (options.json === true) {
    await write(io.stdout, `${JSON.stringify({ certificates: found.map(({ certificate }) => certificate) })}\n`);
    return;
  }
  const rows = found.map(({ certificate }) => [
    subjectOf(certificate),
    certificate.kind === "key" ? "key" : "account key",
    certificate.accountId,
    formatTimestamp(certificate.destroyedAt),
  ]);
  await write(io.stdout, formatTable([["DESTROYED", "KIND", "ACCOUNT", "AT"], ...rows]));
}

async function find(subject: string, options: CertificateOptions): Promise<FoundCertificate> {
  const { verifierKey, logs } = await toSources(options);
  return withLogs(logs, (source) => findCertificate({ source, verifierKey, subject }));
}

async function check(path: string, options: CertificateOptions): Promise<FoundCertificate> {
  const { verifierKey } = await toSources(options);
  const note = await readText(path);
  try {
    return verifyCertificate(note, verifierKey);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new Failure(`${path}: ${error.message}`, { cause: error });
  }
}

async function toSources({
  verifierKey: key,
  ...rest
}: CertificateOptions): Promise<{ verifierKey: string; logs: LogOptions }> {
  const logs = key === undefined ? rest : { ...rest, key };
  try {
    return { verifierKey: await loadVerifierKey(logs), logs };
  } catch (error) {
    // That flag has another name here.
    if (error instanceof UsageFailure) throw new UsageFailure(error.message.replace("--key", "--verifier-key"));
    throw error;
  }
}

function sentence(certificate: DestructionCertificate): string {
  const { accountId, destroyedAt, epoch } = certificate;
  const when = `was destroyed at ${formatTimestamp(destroyedAt)}, by entry ${epoch} of the control log`;
  if (certificate.kind === "account-key") {
    return `The certificate holds: version ${certificate.version} of the key of the account ${accountId} ${when}.`;
  }
  const { keyId, versions } = certificate;
  const versionText = versions.length === 1 ? "its one version" : `its ${versions.length} versions`;
  return `The certificate holds: the key ${keyId} of the account ${accountId}, with ${versionText}, ${when}.`;
}
