import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";

import { fileError } from "../data-directory/index.ts";
import { OperatorError } from "../operator-error.ts";
import type { TlsMaterial } from "./tls-material.ts";

/**
 * Reads the certificate and key that an operator names.
 *
 * @param options.now - milliseconds since 1970.
 * @throws OperatorError if a file cannot be read or is not what it should be, if they do not belong together, or if the
 * certificate is not valid now.
 */
export async function loadGivenCertificate(options: {
  readonly certFile: string;
  readonly keyFile: string;
  readonly now: number;
}): Promise<TlsMaterial> {
  const { certFile, keyFile, now } = options;
  const [cert, key] = await Promise.all([read("certificate", certFile), read("key", keyFile)]);
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(parseKey(key, keyFile))) {
    throw new OperatorError(`The certificate ${certFile} and the key ${keyFile} do not belong together.`);
  }
  if (now < certificate.validFromDate.getTime()) {
    throw new OperatorError(`The certificate ${certFile} is valid only from ${certificate.validFrom}.`);
  }
  const validUntil = certificate.validToDate.getTime();
  if (now >= validUntil) throw new OperatorError(`The certificate ${certFile} expired on ${certificate.validTo}.`);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(`The certificate ${certFile} cannot be used: OpenSSL says "${reason}".`, { cause: error });
  }
  return { cert, key, ca: issuersIn(cert), validUntil };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\r?\n?/g;

/** The certificates that come with the server's own, or that one itself if it comes alone. */
function issuersIn(chain: Buffer): string {
  const [own = "", ...issuers] = chain.toString("latin1").match(CERTIFICATE) ?? [];
  return issuers.length === 0 ? own : issuers.join("");
}

async function read(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(`The TLS ${what} ${path} cannot be read`, error);
  }
}

function parseCertificate(pem: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new OperatorError(`${path} is not a certificate in PEM.`, { cause: error });
  }
}

function parseKey(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const problem = pem.includes("ENCRYPTED")
      ? "is encrypted: give it without a passphrase"
      : "is not a private key in PEM";
    throw new OperatorError(`${path} ${problem}.`, { cause: error });
  }
}
