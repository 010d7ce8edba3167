import { hash } from "node:crypto";
import { encodeParameters, sortByName } from "./parameters.ts";
import type { Acs3Protocol } from "./rpc-request.ts";
import { type Call, encodeForm, encodeUrl, FORM_CONTENT_TYPE, type SignedRequest } from "./signed-request.ts";
import { formatTimestamp } from "./timestamp.ts";

const DIGESTS = { "ACS3-HMAC-SHA256": "sha256", "ACS3-HMAC-SM3": "sm3" } as const;
const EMPTY_DIGESTS = { "ACS3-HMAC-SHA256": hash("sha256", ""), "ACS3-HMAC-SM3": hash("sm3", "") } as const;

/** @returns lower-case hexadecimal. */
export function digestBody(protocol: Acs3Protocol, body: Uint8Array): string {
  return body.length === 0 ? EMPTY_DIGESTS[protocol] : hash(DIGESTS[protocol], body);
}

/** The parts of the canonical request (Alibaba Cloud, "V3 request body and signature mechanism"); the path is always `/`. */
export interface CanonicalParts {
  readonly method: string;
  readonly canonicalQuery: string;
  /** Lines of `name:value`, each ended by a line feed. */
  readonly canonicalHeaders: string;
  /** Names joined with `;`. */
  readonly signedHeaders: string;
  readonly bodyDigest: string;
}

export function canonicalRequestAcs3(parts: CanonicalParts): string {
  return `${parts.method}\n/\n${parts.canonicalQuery}\n${parts.canonicalHeaders}\n${parts.signedHeaders}\n${parts.bodyDigest}`;
}

export function stringToSignAcs3(protocol: Acs3Protocol, canonicalRequest: string): string {
  return `${protocol}\n${hash(DIGESTS[protocol], canonicalRequest)}`;
}

/**
 * Signs a call with ACS3-HMAC-SHA256 or ACS3-HMAC-SM3.
 *
 * @param call - `host` is the Host header that will be sent, with the port if it has one.
 * @throws URIError if a name or value holds an unpaired surrogate.
 */
export function signAcs3(call: Call & { readonly protocol: Acs3Protocol; readonly host: string }): SignedRequest {
  const body = encodeForm(call.form);
  const bodyDigest = digestBody(call.protocol, body);
  const headers: Record<string, string> = {
    ...(call.form !== undefined && { "content-type": FORM_CONTENT_TYPE }),
    host: call.host,
    "x-acs-action": call.action,
    "x-acs-content-sha256": bodyDigest,
    "x-acs-date": formatTimestamp(call.timestampMillis),
    ...(call.securityToken !== undefined && { "x-acs-security-token": call.securityToken }),
    "x-acs-signature-nonce": call.nonce,
    "x-acs-version": call.version,
  };
  const query = sortByName(call.query ?? new Map());
  const signedHeaders = Object.keys(headers).toSorted();
  const canonicalRequest = canonicalRequestAcs3({
    method: call.method,
    canonicalQuery: encodeParameters(query),
    canonicalHeaders: signedHeaders.map((name) => `${name}:${headers[name]}\n`).join(""),
    signedHeaders: signedHeaders.join(";"),
    bodyDigest,
  });
  const signature = call.secret.sign(call.protocol, stringToSignAcs3(call.protocol, canonicalRequest));
  const authorization = `${call.protocol} Credential=${call.accessKeyId},SignedHeaders=${signedHeaders.join(";")},Signature=${signature}`;
  return {
    method: call.method,
    url: encodeUrl(query),
    headers: { ...headers, accept: "application/json", authorization },
    body,
  };
}
