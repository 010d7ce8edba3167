import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from "node:crypto";
import { join } from "node:path";

import { readFileIfThere, writeFileAtomically } from "../data-directory/index.ts";
import { OperatorError } from "../operator-error.ts";
import { isCertificateName, normalizeNames, parseSubjectAltName } from "./certificate-names.ts";
import type { Issuer } from "./certificate.ts";
import type { TlsMaterial } from "./tls-material.ts";

const DAY_MILLIS = 86_400_000;
const CA_DAYS = 3652;
/** Clients of some vendors take no longer ones (CA/Browser Forum, ballot SC22, and what followed). */
const SERVER_DAYS = 825;
const RENEW_DAYS = 30;
/** A certificate begins this long ago, for clients whose clock is a little behind. */
const BACKDATED_MILLIS = 3_600_000;
const READABLE_BY_ALL = 0o644;

/** The certificate of a server, and the CA's that clients are to trust. */
export interface OwnCaMaterial extends TlsMaterial {
  /** `ca.pem` in the data directory. */
  readonly caFile: string;
}

/** Names that a server on this machine is called by: loopback, the machine's name, where it listens, and more. */
export function serverNames(options: {
  readonly listenHost: string;
  readonly hostname: string;
  readonly more: readonly string[];
}): string[] {
  const { listenHost, hostname, more } = options;
  const named = [hostname, listenHost].filter((name) => isCertificateName(name) && name !== "0.0.0.0" && name !== "::");
  return normalizeNames(["localhost", "127.0.0.1", "::1", ...named, ...more]);
}

/**
 * The server's certificate, signed by a CA of its own; both are made where they are missing. The certificate is made
 * anew, with a new key, when fewer than 30 days of its 825 remain or when its names are not `names`; the CA, valid for
 * ten years, never. Keys are P-256.
 *
 * In the data directory: `ca.pem`, `ca-key.pem`, `server.pem`, `server-key.pem`. The CA's key is only read to sign, so
 * it may be kept elsewhere in between.
 *
 * @param options.names - as {@link serverNames} gives them.
 * @param options.now - milliseconds since 1970.
 * @throws OperatorError if the CA has expired, or is damaged, or if a certificate is due and its key is not there.
 */
export async function ensureServerCertificate(options: {
  readonly directory: string;
  readonly names: readonly string[];
  readonly now: number;
}): Promise<OwnCaMaterial> {
  const { directory, names, now } = options;
  const caFile = join(directory, "ca.pem");
  const caPem = await readFileIfThere(caFile);
  const ca = caPem === undefined ? undefined : parseCa(caFile, caPem, now);
  const current = ca && (await findServerCertificate(directory, ca));
  if (ca !== undefined && current !== undefined && isGood(current.certificate, { names, now })) {
    return { ...current.material, ca: ca.toString(), caFile };
  }

  const authority = ca === undefined ? await createCa(directory, now) : await openCa(directory, ca);
  const material = await createServerCertificate({ directory, authority, names, now });
  return { ...material, ca: authority.pem, caFile };
}

interface Authority {
  readonly issuer: Issuer;
  /** Its certificate. */
  readonly pem: string;
  readonly validUntil: number;
}

function parseCa(path: string, pem: Buffer, now: number): X509Certificate {
  let ca: X509Certificate;
  try {
    ca = new X509Certificate(pem);
  } catch (error) {
    throw new OperatorError(`The CA's certificate ${path} is damaged. Restore it from a backup.`, { cause: error });
  }
  if (now >= ca.validToDate.getTime()) {
    throw new OperatorError(
      `The CA of ${path} expired on ${ca.validTo}. Remove ca.pem and ca-key.pem to get a new one, and give its ca.pem to the clients.`,
    );
  }
  return ca;
}

async function openCa(directory: string, ca: X509Certificate): Promise<Authority> {
  const path = join(directory, "ca-key.pem");
  const pem = await readFileIfThere(path);
  if (pem === undefined) {
    throw new OperatorError(
      `A new server certificate is due, and the CA's key ${path} is not there to sign it. Put it back; or remove ca.pem to get a new CA, and give its ca.pem to the clients.`,
    );
  }
  const privateKey = parsePrivateKey(pem);
  if (privateKey === undefined || !ca.checkPrivateKey(privateKey)) {
    throw new OperatorError(
      `The CA's key ${path} does not belong to its certificate ca.pem. Restore it from a backup.`,
    );
  }
  const issuer = { commonName: commonNameOf(ca), privateKey };
  return { issuer, pem: ca.toString(), validUntil: ca.validToDate.getTime() };
}

/** The key is written first: a crash in between leaves a key that nobody trusts yet, and the next start goes on with it. */
async function createCa(directory: string, now: number): Promise<Authority> {
  const { issueCaCertificate } = await certificates();
  const keyFile = join(directory, "ca-key.pem");
  const left = await readFileIfThere(keyFile);
  const privateKey = left === undefined ? newPrivateKey() : parsePrivateKey(left);
  if (privateKey === undefined) {
    throw new OperatorError(`The CA's key ${keyFile} is damaged, and there is no ca.pem. Restore both, or remove it.`);
  }
  const issuer = { commonName: `Cinnabar CA ${randomBytes(4).toString("hex")}`, privateKey };
  const validity = { from: now - BACKDATED_MILLIS, until: now + CA_DAYS * DAY_MILLIS };
  const der = issueCaCertificate(issuer, validity);
  if (left === undefined) await writeFileAtomically(keyFile, pemOf(privateKey));
  const pem = new X509Certificate(der).toString();
  await writeFileAtomically(join(directory, "ca.pem"), pem, { mode: READABLE_BY_ALL });
  return { issuer, pem, validUntil: validity.until };
}

async function createServerCertificate(options: {
  directory: string;
  authority: Authority;
  names: readonly string[];
  now: number;
}): Promise<TlsMaterial> {
  const { directory, authority, names, now } = options;
  const { issueServerCertificate } = await certificates();
  const privateKey = newPrivateKey();
  const from = now - BACKDATED_MILLIS;
  const der = issueServerCertificate(authority.issuer, {
    publicKey: createPublicKey(privateKey),
    names,
    validity: { from, until: Math.min(from + SERVER_DAYS * DAY_MILLIS, authority.validUntil) },
  });
  const certificate = new X509Certificate(der);
  const key = Buffer.from(pemOf(privateKey));
  const cert = Buffer.from(certificate.toString());
  await writeFileAtomically(join(directory, "server-key.pem"), key);
  await writeFileAtomically(join(directory, "server.pem"), cert, { mode: READABLE_BY_ALL });
  return { cert, key, validUntil: certificate.validToDate.getTime() };
}

/** What is there, if it is whole and from this CA: after a crash between the two files it is not. */
async function findServerCertificate(
  directory: string,
  ca: X509Certificate,
): Promise<{ certificate: X509Certificate; material: TlsMaterial } | undefined> {
  const cert = await readFileIfThere(join(directory, "server.pem"));
  const key = await readFileIfThere(join(directory, "server-key.pem"));
  if (cert === undefined || key === undefined) return undefined;
  const privateKey = parsePrivateKey(key);
  if (privateKey === undefined) return undefined;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return undefined;
  }
  if (!certificate.checkPrivateKey(privateKey) || !certificate.verify(ca.publicKey)) return undefined;
  return { certificate, material: { cert, key, validUntil: certificate.validToDate.getTime() } };
}

function isGood(certificate: X509Certificate, { names, now }: { names: readonly string[]; now: number }): boolean {
  const remaining = certificate.validToDate.getTime() - now;
  const named = parseSubjectAltName(certificate.subjectAltName);
  return (
    now >= certificate.validFromDate.getTime() && remaining >= RENEW_DAYS * DAY_MILLIS && named.join() === names.join()
  );
}

/** Loaded only when something is to be signed: it costs a tenth of a second and 12 MB. */
function certificates(): Promise<typeof import("./certificate.ts")> {
  return import("./certificate.ts");
}

function newPrivateKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function parsePrivateKey(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** The subject of a CA that {@link createCa} made has nothing but a common name. */
function commonNameOf(ca: X509Certificate): string {
  return ca.subject.replace(/^CN=/, "");
}
