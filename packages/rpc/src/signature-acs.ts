import { hash } from "node:crypto";
import { type Acs4Scope, formatAcs4Credential, scopeDate } from "./acs4-scope.ts";
import { encodeParameters, sortByName, type SortedParameters } from "./parameters.ts";
import { percentEncode } from "./percent-encoding.ts";
import type { Acs3Protocol, AcsProtocol } from "./rpc-request.ts";
import {
  type Call,
  encodeForm,
  encodeUrl,
  FORM_CONTENT_TYPE,
  type SignedRequest,
  withFormat,
} from "./signed-request.ts";
import { formatTimestamp } from "./timestamp.ts";

const DIGESTS = {
  "ACS3-HMAC-SHA256": "sha256",
  "ACS3-HMAC-SM3": "sm3",
  "ACS4-HMAC-SHA256": "sha256",
} as const satisfies Record<AcsProtocol, string>;

const EMPTY_DIGESTS = { sha256: hash("sha256", ""), sm3: hash("sm3", "") } as const;

/** @returns lower-case hexadecimal. */
export function digestBody(protocol: AcsProtocol, body: Uint8Array): string {
  const digest = DIGESTS[protocol];
  return body.length === 0 ? EMPTY_DIGESTS[digest] : hash(digest, body);
}

/** ACS4 writes a parameter that is empty without its equals sign. */
export function canonicalQueryAcs(protocol: AcsProtocol, sortedQuery: SortedParameters): string {
  return protocol === "ACS4-HMAC-SHA256" ? joinWithoutEmpty(sortedQuery, percentEncode) : encodeParameters(sortedQuery);
}

/** Parameters as `name=value`, or `name` where the value is empty. */
export function joinWithoutEmpty(sortedQuery: SortedParameters, encode: (text: string) => string): string {
  return sortedQuery
    .map(([name, value]) => (value === "" ? encode(name) : `${encode(name)}=${encode(value)}`))
    .join("&");
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

export function canonicalRequestAcs(parts: CanonicalParts): string {
  return `${parts.method}\n/\n${parts.canonicalQuery}\n${parts.canonicalHeaders}\n${parts.signedHeaders}\n${parts.bodyDigest}`;
}

export function stringToSignAcs(protocol: AcsProtocol, canonicalRequest: string): string {
  return `${protocol}\n${hash(DIGESTS[protocol], canonicalRequest)}`;
}

/** A call to be signed by its headers. `host` is the Host header that will be sent, with the port if it has one. */
export interface AcsCall extends Call {
  readonly host: string;
}

/**
 * Signs a call with ACS3-HMAC-SHA256 or ACS3-HMAC-SM3.
 *
 * @throws URIError if a name or value holds an unpaired surrogate.
 */
export function signAcs3(call: AcsCall & { readonly protocol: Acs3Protocol }): SignedRequest {
  const { protocol, accessKeyId, secret } = call;
  return signAcs(call, protocol, {
    credential: accessKeyId,
    sign: (stringToSign) => secret.sign(protocol, stringToSign),
  });
}

/**
 * Signs a call with ACS4-HMAC-SHA256, as specified.
 *
 * @param call - `region` and `product` name the key to be derived: for KMS `center`, as for every host that is not of
 * one region, and `Kms`.
 * @throws URIError if a name or value holds an unpaired surrogate.
 */
export function signAcs4(call: AcsCall & Omit<Acs4Scope, "date">): SignedRequest {
  const { accessKeyId, secret, region, product } = call;
  const scope = { date: scopeDate(call.timestampMillis), region, product };
  return signAcs(call, "ACS4-HMAC-SHA256", {
    credential: formatAcs4Credential(accessKeyId, scope),
    sign: (stringToSign) => secret.signAcs4(scope, stringToSign),
  });
}

function signAcs(
  call: AcsCall,
  protocol: AcsProtocol,
  { credential, sign }: { credential: string; sign: (stringToSign: string) => string },
): SignedRequest {
  const body = encodeForm(call.form);
  const bodyDigest = digestBody(protocol, body);
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
  const query = sortByName(withFormat(call));
  const names = Object.keys(headers).toSorted();
  const signedHeaders = names.join(";");
  const canonicalRequest = canonicalRequestAcs({
    method: call.method,
    canonicalQuery: canonicalQueryAcs(protocol, query),
    canonicalHeaders: names.map((name) => `${name}:${headers[name]}\n`).join(""),
    signedHeaders,
    bodyDigest,
  });
  const signature = sign(stringToSignAcs(protocol, canonicalRequest));
  const authorization = `${protocol} Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`;
  return {
    method: call.method,
    url: encodeUrl(query),
    headers: { ...headers, accept: "application/json", authorization },
    body,
  };
}
