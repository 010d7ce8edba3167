import { readFormat } from "./format.ts";
import { readHeader, type RequestHeaders } from "./headers.ts";
import { encodeParameters, type SortedParameters } from "./parameters.ts";
import { percentEncode } from "./percent-encoding.ts";
import { withoutProtocol } from "./protocol-parameters.ts";
import type { Acs3Protocol, HttpRequest, RpcRequest } from "./rpc-request.ts";
import { canonicalRequestAcs3, digestBody, stringToSignAcs3 } from "./signature-acs3.ts";
import { parseTimestamp } from "./timestamp.ts";
import { incompleteSignature, invalidParameter, type MandatoryName, missing, WireError } from "./wire-error.ts";

/** What a signature must cover, lest the request be given another meaning or sent elsewhere. */
const MANDATORY_SIGNED_HEADERS = [
  "host",
  "x-acs-action",
  "x-acs-content-sha256",
  "x-acs-date",
  "x-acs-signature-nonce",
  "x-acs-version",
];

/** Official clients sign about ten. */
const MAX_SIGNED_HEADERS = 64;

export interface Acs3Input {
  readonly http: HttpRequest;
  readonly authorization: string;
  /** The signature covers the query by itself and the form by its digest. */
  readonly sortedQuery: SortedParameters;
  /** Of query and form. */
  readonly parameters: ReadonlyMap<string, string>;
}

export function parseAcs3({ http, authorization, sortedQuery, parameters }: Acs3Input): RpcRequest {
  const { headers } = http;
  const credential = parseAuthorization(authorization);
  const { protocol } = credential;
  const action = readMandatory(headers, "x-acs-action", "Action");
  const version = readMandatory(headers, "x-acs-version", "Version");
  const timestampMillis = parseTimestamp(readMandatory(headers, "x-acs-date", "Timestamp"));
  const nonce = readMandatory(headers, "x-acs-signature-nonce", "SignatureNonce");
  const securityToken = readText(headers, "x-acs-security-token");

  const signedHeaders = parseSignedHeaders(credential.signedHeaders);
  for (const name of MANDATORY_SIGNED_HEADERS) assertSigned(signedHeaders, name);
  if (securityToken !== undefined) assertSigned(signedHeaders, "x-acs-security-token");

  const bodyDigest = digestBody(protocol, http.body);
  if (readHeader(headers, "x-acs-content-sha256") !== bodyDigest) {
    throw invalidParameter(
      "x-acs-content-sha256",
      "It is not the digest of the body received, in lower-case hexadecimal.",
    );
  }
  const canonicalHeaders = canonicalizeHeaders(headers, signedHeaders);
  const canonicalize = (canonicalQuery: string): string =>
    canonicalRequestAcs3({
      method: http.method,
      canonicalQuery,
      canonicalHeaders,
      signedHeaders: credential.signedHeaders,
      bodyDigest,
    });
  const canonicalRequest = canonicalize(encodeParameters(sortedQuery));
  const variants = hasVariant(sortedQuery) ? [canonicalize(encodeValues(sortedQuery))] : [];

  const format = readFormat(parameters);
  return {
    protocol,
    action,
    version,
    format,
    accessKeyId: credential.accessKeyId,
    securityToken,
    nonce,
    timestampMillis,
    signature: credential.signature,
    parameters: withoutProtocol(parameters),
    stringsToSign: [
      stringToSignAcs3(protocol, canonicalRequest),
      ...variants.map((variant) => stringToSignAcs3(protocol, variant)),
    ],
    canonicalRequest,
  };
}

interface Credential {
  readonly protocol: Acs3Protocol;
  readonly accessKeyId: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

function parseAuthorization(authorization: string): Credential {
  const space = authorization.indexOf(" ");
  const protocol = authorization.slice(0, space === -1 ? undefined : space);
  if (protocol !== "ACS3-HMAC-SHA256" && protocol !== "ACS3-HMAC-SM3") {
    throw new WireError(
      "InvalidSignatureMethod",
      "The scheme of the Authorization header is not accepted: sign with ACS3-HMAC-SHA256 or ACS3-HMAC-SM3.",
    );
  }
  const list = authorization.slice(protocol.length).split(",", 4);
  const fields = new Map<string, string>();
  for (const field of list) {
    const equals = field.indexOf("=");
    fields.set(field.slice(0, Math.max(equals, 0)).trim(), field.slice(equals + 1).trim());
  }
  const accessKeyId = fields.get("Credential");
  const signedHeaders = fields.get("SignedHeaders");
  const signature = fields.get("Signature");
  if (!accessKeyId || !signedHeaders || !signature || list.length !== 3) {
    throw incompleteSignature(
      `The Authorization header must read "${protocol} Credential=<AccessKeyId>,SignedHeaders=<names>,Signature=<hex>".`,
    );
  }
  return { protocol, accessKeyId, signedHeaders, signature };
}

function parseSignedHeaders(text: string): ReadonlySet<string> {
  const list = text.split(";", MAX_SIGNED_HEADERS + 1);
  const names = new Set(list);
  // A header named again and again would make the canonical request many times longer than the request.
  if (names.size !== list.length || list.length > MAX_SIGNED_HEADERS) {
    throw incompleteSignature(`SignedHeaders must name each header once, and at most ${MAX_SIGNED_HEADERS}.`);
  }
  return names;
}

function assertSigned(signedHeaders: ReadonlySet<string>, name: string): void {
  if (!signedHeaders.has(name)) throw incompleteSignature(`SignedHeaders must include ${name}.`);
}

function readMandatory(headers: RequestHeaders, header: string, name: MandatoryName): string {
  const value = readText(headers, header);
  if (value === undefined) throw missing(name, `Send it in the header ${header}.`);
  return value;
}

/** The value as the signature covers it; an empty one counts as absent. */
function readText(headers: RequestHeaders, name: string): string | undefined {
  const value = readHeader(headers, name)?.trim();
  return value === "" ? undefined : value;
}

function canonicalizeHeaders(headers: RequestHeaders, names: Iterable<string>): string {
  let lines = "";
  for (const name of names) {
    const value = readHeader(headers, name);
    if (value === undefined) throw incompleteSignature("SignedHeaders names a header that the request does not have.");
    lines += `${name}:${value.trim()}\n`;
  }
  return lines;
}

/**
 * Alibaba's own clients for Node.js leave the names of the canonical query unencoded. That too is accepted where
 * the text still has one reading only, so that no parameter can be hidden in the name of another.
 */
function hasVariant(sortedQuery: SortedParameters): boolean {
  let differs = false;
  for (const [name] of sortedQuery) {
    if (percentEncode(name) === name) continue;
    // oxlint-disable-next-line no-control-regex -- line feeds separate the parts of a canonical request
    if (/[%&=\x00-\x1f]/.test(name)) return false;
    differs = true;
  }
  return differs;
}

function encodeValues(sortedQuery: SortedParameters): string {
  return sortedQuery.map(([name, value]) => `${name}=${percentEncode(value)}`).join("&");
}
