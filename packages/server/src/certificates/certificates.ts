import {
  CertificateError,
  CONTROL_SHARD,
  type DestructionCertificate,
  openDestructionCertificate,
} from "@cinnabar/kernel";
import { MerkleError, NoteVerifier } from "@cinnabar/merkle-log";
import { readEventFacts } from "../audit/event-facts.ts";
import type { LogSource } from "../audit/index.ts";
import { OperatorError } from "../operator-error.ts";

/** A certificate whose signature was verified. */
export interface FoundCertificate {
  readonly certificate: DestructionCertificate;
  /** The signed note. */
  readonly note: string;
}

/** What a certificate is about: a key's id, or an account's and the version of its key, such as `1234567890123456/2`. */
export function subjectOf(certificate: DestructionCertificate): string {
  return certificate.kind === "key" ? certificate.keyId : `${certificate.accountId}/${certificate.version}`;
}

/**
 * The certificates of all that was destroyed, in that order: those that the database keeps for ever, or those in the
 * events of an exported log, as far as their bodies are there.
 *
 * @throws OperatorError if one does not hold; MerkleError `malformed-verifier-key`; UnreadableLogError.
 */
export async function listCertificates(options: {
  source: LogSource;
  verifierKey: string;
}): Promise<readonly FoundCertificate[]> {
  const { source, verifierKey } = options;
  const notes = (await source.certificates?.()) ?? (await readFromEvents(source));
  return notes.map((note) => verifyCertificate(note, verifierKey));
}

/** The certificate about `subject`. @throws OperatorError if there is none; otherwise as {@link listCertificates}. */
export async function findCertificate(options: {
  source: LogSource;
  verifierKey: string;
  subject: string;
}): Promise<FoundCertificate> {
  const { subject } = options;
  const found = (await listCertificates(options)).find(({ certificate }) => subjectOf(certificate) === subject);
  if (found !== undefined) return found;
  throw new OperatorError(
    `There is no certificate about ${subject}. It is the id of a destroyed key, or ACCOUNT/VERSION for a destroyed account key; cinnabar key destroyed lists them.`,
  );
}

/**
 * Verifies a certificate with nothing but the deployment's verifier key.
 *
 * @throws OperatorError if it does not hold; MerkleError `malformed-verifier-key`.
 */
export function verifyCertificate(note: string, verifierKey: string): FoundCertificate {
  const verifier = NoteVerifier.parse(verifierKey);
  try {
    return { certificate: openDestructionCertificate(note, verifier), note };
  } catch (error) {
    if (!(error instanceof MerkleError) && !(error instanceof CertificateError)) throw error;
    throw new OperatorError(`The certificate does not hold: ${error.message}.`, { cause: error });
  }
}

async function readFromEvents(source: LogSource): Promise<readonly string[]> {
  const notes: string[] = [];
  for await (const item of source.read(CONTROL_SHARD)) {
    if (item.kind === "damage") continue;
    for (const event of item.events ?? []) {
      // Parsing only what may be one makes the search several times as fast.
      const facts = event.includes('"Destroy') ? readEventFacts(event) : undefined;
      const { systemEvent, data } = facts ?? {};
      const note = data?.["certificate"];
      const isCertificate = systemEvent === "DestroyKey" || systemEvent === "DestroyAccountKey";
      if (isCertificate && typeof note === "string") notes.push(note);
    }
  }
  return notes;
}
