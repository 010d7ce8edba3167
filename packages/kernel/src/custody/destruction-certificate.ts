import { hash } from "node:crypto";
import type { NoteSigner, NoteVerifier } from "@cinnabar/merkle-log";

/** What the wrapped material of one key version was, and no longer is. Instants are store milliseconds. */
export interface DestroyedVersion {
  readonly versionId: string;
  readonly spec: string;
  readonly origin: string;
  readonly createdAt: number;
  /** Version of the account key that the material was wrapped under. */
  readonly accountKeyVersion: number;
  /** {@link fingerprint} of the material as it was stored: wrapped. */
  readonly fingerprint: string;
}

/** Says that a key is destroyed. Instants are store milliseconds. */
export interface KeyCertificate {
  readonly kind: "key";
  readonly accountId: string;
  readonly keyId: string;
  readonly arn: string;
  readonly usage: string;
  readonly protectionLevel: string;
  readonly createdAt: number;
  /** When the deletion was asked for; `undefined` if that was before the store kept it. */
  readonly scheduledAt: number | undefined;
  /** When the key was to be deleted: from then on nobody could use it. */
  readonly dueAt: number;
  readonly destroyedAt: number;
  /** Number of the control transaction that destroyed it, which is its place in the control log. */
  readonly epoch: number;
  /** At least one. */
  readonly versions: readonly DestroyedVersion[];
}

/** Says that a version of an account key, which wrapped key material, is destroyed. Instants are store milliseconds. */
export interface AccountKeyCertificate {
  readonly kind: "account-key";
  readonly accountId: string;
  readonly version: number;
  /** The version that wraps what the account has since. */
  readonly successor: number;
  /** From then on nothing in the store was wrapped under it. */
  readonly rewrappedAt: number;
  /** How long the operator says that backups are kept, in seconds. */
  readonly backupRetentionSeconds: number;
  readonly destroyedAt: number;
  readonly epoch: number;
  /** {@link fingerprint} of the account key as it was stored: wrapped under the root key. */
  readonly fingerprint: string;
}

export type DestructionCertificate = KeyCertificate | AccountKeyCertificate;

/** What is signed with every certificate, for its reader: what it does not say. Fixed with the version of the format. */
const KEY_STATEMENT = [
  "The live store no longer holds the wrapped material of these versions, and cannot answer with the key again.",
  "Copies of the store from before (backups, replicas, write-ahead logs, snapshots, pages that were not overwritten yet) may hold it still, each version wrapped under the account key version named with it.",
  "Such a copy opens for whoever has that account key version. A whole copy of the store holds it too, wrapped under the root key of its time, and opens for whoever has that root key.",
  "The material is out of reach for everybody only when no such copy is left, or no copy of that root key.",
  "The account key version is destroyed in the live store later, with a certificate of its own, where the deployment is set to do so.",
];
const ACCOUNT_KEY_STATEMENT = [
  "The live store no longer holds this account key version. Nothing that was wrapped under it opens with what the live store and its root key give.",
  "What remains elsewhere of that (single tables, write-ahead logs, database pages) opens only together with a copy of the account key version.",
  "A whole copy of the store from before holds the account key version, wrapped under the root key of its time, and opens for whoever has that root key.",
  "How long backups are kept is what the operator says: whether they were deleted, Cinnabar cannot know.",
];

/** A note that is not a destruction certificate. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** The SHA-256 of wrapped material, in base64. It tells nothing about the material, and finds copies of the wrapped form. */
export function fingerprint(wrapped: Uint8Array): string {
  return hash("sha256", wrapped, "base64");
}

/** The first line of a deployment's certificates, which no checkpoint of its logs begins with. */
function certificateOrigin(origin: string): string {
  return `${origin}/destruction`;
}

/** The certificate as a signed note (docs/formats/destruction-certificate.md). */
export function signDestructionCertificate(certificate: DestructionCertificate, signer: NoteSigner): string {
  return signer.sign(formatCertificate(certificate, signer.name));
}

/**
 * The certificate that a signed note holds, once the deployment's verifier key has vouched for it.
 *
 * @throws MerkleError as {@link NoteVerifier.verify}; {@link CertificateError} if it signed something else.
 */
export function openDestructionCertificate(note: string | Uint8Array, verifier: NoteVerifier): DestructionCertificate {
  const text = verifier.verify(note);
  const certificate = parseCertificate(text);
  // Every other spelling of the same is refused, and whatever was left unread.
  if (certificate === undefined || formatCertificate(certificate, verifier.name) !== text) {
    throw new CertificateError(
      `it is signed by ${verifier.name}, but is no destruction certificate that is known here`,
    );
  }
  return certificate;
}

const KEY_FORMAT = "cinnabar/destroyed-key/v1";
const ACCOUNT_KEY_FORMAT = "cinnabar/destroyed-account-key/v1";

function formatCertificate(certificate: DestructionCertificate, origin: string): string {
  const lines =
    certificate.kind === "key"
      ? [KEY_FORMAT, ...keyLines(certificate), ...KEY_STATEMENT.map(statementLine)]
      : [ACCOUNT_KEY_FORMAT, ...accountKeyLines(certificate), ...ACCOUNT_KEY_STATEMENT.map(statementLine)];
  return [certificateOrigin(origin), ...lines, ""].join("\n");
}

function keyLines(certificate: KeyCertificate): string[] {
  const { scheduledAt } = certificate;
  return [
    `account ${certificate.accountId}`,
    `key ${certificate.keyId}`,
    `arn ${certificate.arn}`,
    `usage ${certificate.usage}`,
    `protection ${certificate.protectionLevel}`,
    `created ${formatInstant(certificate.createdAt)}`,
    ...(scheduledAt === undefined ? [] : [`scheduled ${formatInstant(scheduledAt)}`]),
    `due ${formatInstant(certificate.dueAt)}`,
    `destroyed ${formatInstant(certificate.destroyedAt)}`,
    `epoch ${certificate.epoch}`,
    ...certificate.versions.map((version) =>
      [
        "version",
        version.versionId,
        version.spec,
        version.origin,
        formatInstant(version.createdAt),
        version.accountKeyVersion,
        version.fingerprint,
      ].join(" "),
    ),
  ];
}

function accountKeyLines(certificate: AccountKeyCertificate): string[] {
  return [
    `account ${certificate.accountId}`,
    `account-key ${certificate.version}`,
    `successor ${certificate.successor}`,
    `rewrapped ${formatInstant(certificate.rewrappedAt)}`,
    `retention ${certificate.backupRetentionSeconds}`,
    `destroyed ${formatInstant(certificate.destroyedAt)}`,
    `epoch ${certificate.epoch}`,
    `sha256 ${certificate.fingerprint}`,
  ];
}

/** Reads leniently what {@link formatCertificate} then has to give back byte for byte. */
function parseCertificate(text: string): DestructionCertificate | undefined {
  const [, format, ...lines] = text.split("\n");
  const fields = new Map<string, string>();
  const versions: DestroyedVersion[] = [];
  for (const line of lines) {
    const [name = "", ...words] = line.split(" ");
    if (name === "version") versions.push(parseVersion(words));
    else fields.set(name, words.join(" "));
  }
  const word = (name: string): string => fields.get(name) ?? "";
  const instant = (name: string): number => Date.parse(word(name));
  const shared = {
    accountId: word("account"),
    destroyedAt: instant("destroyed"),
    epoch: Number(word("epoch")),
  };
  if (format === KEY_FORMAT) {
    const certificate: KeyCertificate = {
      kind: "key",
      ...shared,
      keyId: word("key"),
      arn: word("arn"),
      usage: word("usage"),
      protectionLevel: word("protection"),
      createdAt: instant("created"),
      scheduledAt: fields.has("scheduled") ? instant("scheduled") : undefined,
      dueAt: instant("due"),
      versions,
    };
    const { createdAt, scheduledAt = 0, dueAt, destroyedAt } = certificate;
    const instants = [createdAt, scheduledAt, dueAt, destroyedAt, ...versions.map((version) => version.createdAt)];
    return versions.length > 0 && instants.every(Number.isFinite) ? certificate : undefined;
  }
  if (format === ACCOUNT_KEY_FORMAT) {
    const certificate: AccountKeyCertificate = {
      kind: "account-key",
      ...shared,
      version: Number(word("account-key")),
      successor: Number(word("successor")),
      rewrappedAt: instant("rewrapped"),
      backupRetentionSeconds: Number(word("retention")),
      fingerprint: word("sha256"),
    };
    return [certificate.rewrappedAt, certificate.destroyedAt].every(Number.isFinite) ? certificate : undefined;
  }
  return undefined;
}

function parseVersion(words: readonly string[]): DestroyedVersion {
  const [versionId = "", spec = "", origin = "", created = "", accountKeyVersion = "", sha256 = ""] = words;
  return {
    versionId,
    spec,
    origin,
    createdAt: Date.parse(created),
    accountKeyVersion: Number(accountKeyVersion),
    fingerprint: sha256,
  };
}

/** In milliseconds: the exact inverse of `Date.parse`. */
function formatInstant(atMillis: number): string {
  return new Date(atMillis).toISOString();
}

function statementLine(sentence: string): string {
  return `statement ${sentence}`;
}
