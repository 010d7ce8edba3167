import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Where the CA is that a client of Node's has to trust for a server's certificate: known to every such client, the last
 * of the certificates that are given with it, or in neither place.
 *
 * @param chain - PEM: the server's certificate, then its intermediates.
 */
export function rootOfTrust(chain: Buffer): "known" | "in-chain" | "elsewhere" {
  const pem = chain.toString("latin1").match(CERTIFICATE)?.at(-1);
  if (pem === undefined) return "elsewhere";
  const last = new X509Certificate(pem);
  if (isSignedBy(last, last)) return "in-chain";
  return getCACertificates("default").some((root) => isSignedBy(last, new X509Certificate(root)))
    ? "known"
    : "elsewhere";
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
