import { isIP, isIPv6 } from "node:net";

const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const HOST_NAME = new RegExp(String.raw`^(?=.{1,253}$)(?:\*\.)?${LABEL}(?:\.${LABEL})*$`);

/** Whether a certificate can be made out to `name`: a host name (its first label may be `*`), or an IP address. */
export function isCertificateName(name: string): boolean {
  return (isIP(name) !== 0 && !name.includes("%")) || HOST_NAME.test(name);
}

/** One spelling of each name, sorted, without doubles: lower case, and addresses as RFC 5952 has them. */
export function normalizeNames(names: readonly string[]): string[] {
  return [...new Set(names.map(normalize))].toSorted();
}

function normalize(name: string): string {
  return isIPv6(name) ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();
}

/** The normalized names in `subjectAltName` of node:crypto's X509Certificate, such as `DNS:a, IP Address:0:0:0:0:0:0:0:1`. */
export function parseSubjectAltName(text: string | undefined): string[] {
  const names = text?.split(", ").map((name) => name.replace(/^(?:DNS|IP Address):/, "")) ?? [];
  return normalizeNames(names);
}
