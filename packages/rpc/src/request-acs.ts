import { type Acs4Scope, parseAcs4Credential } from "./acs4-scope.ts";
import { readFormat } from "./format.ts";
import { readHeader, type RequestHeaders } from "./headers.ts";
import type { SortedParameters } from "./parameters.ts";
import { percentEncode, percentEncodeAsNodeClient } from "./percent-encoding.ts";
import { withoutProtocol } from "./protocol-parameters.ts";
import type { Acs3Protocol, AcsProtocol, HttpRequest, RpcRequest } from "./rpc-request.ts";
import {
  canonicalQueryAcs,
  canonicalRequestAcs,
  digestBody,
  joinWithoutEmpty,
  stringToSignAcs,
} from "./signature-acs.ts";
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

export interface AcsInput {
  readonly http: HttpRequest;
  readonly authorization: string;
  /** The signature covers the query by itself and the form by its digest. */
  readonly sortedQuery: SortedParameters;
  /** Of query and form. */
  readonly parameters: ReadonlyMap<string, string>;
}

export function parseAcs({ http, authorization, sortedQuery, parameters }: AcsInput): RpcRequest {
  const { headers } = http;
  const { signing, accessKeyId, signedHeaders, signature } = parseAuthorization(authorization);
  const { protocol } = signing;
  const action = readMandatory(headers, "x-acs-action", "Action");
  const version = readMandatory(headers, "x-acs-version", "Version");
  const timestampMillis = parseTimestamp(readMandatory(headers, "x-acs-date", "Timestamp"));
  const nonce = readMandatory(headers, "x-acs-signature-nonce", "SignatureNonce");
  const headerToken = readText(headers, "x-acs-security-token");
  // Some clients send it as V1 does; the signature covers it there too.
  const parameterToken = parameters.get("SecurityToken") ?? "";
  if (headerToken !== undefined && parameterToken !== "" && headerToken !== parameterToken) {
    throw incompleteSignature("Send SecurityToken or the header x-acs-security-token, or the same in both.");
  }
  const securityToken = headerToken ?? (parameterToken === "" ? undefined : parameterToken);

  const signedNames = parseSignedHeaders(signedHeaders);
  for (const name of MANDATORY_SIGNED_HEADERS) assertSigned(signedNames, name);
  if (headerToken !== undefined) assertSigned(signedNames, "x-acs-security-token");

  const bodyDigest = digestBody(protocol, http.body);
  if (readHeader(headers, "x-acs-content-sha256") !== bodyDigest) {
    throw invalidParameter(
      "x-acs-content-sha256",
      "It is not the digest of the body received, in lower-case hexadecimal.",
    );
  }
  const canonicalHeaders = canonicalizeHeaders(headers, signedNames);
  const canonicalize = (canonicalQuery: string): string =>
    canonicalRequestAcs({ method: http.method, canonicalQuery, canonicalHeaders, signedHeaders, bodyDigest });
  const canonicalRequest = canonicalize(canonicalQueryAcs(protocol, sortedQuery));
  const variant = nodeClientQuery(protocol, sortedQuery);
  const variants = variant === undefined ? [] : [canonicalize(variant)];

  const format = readFormat(parameters);
  return {
    ...signing,
    action,
    version,
    format,
    accessKeyId,
    securityToken,
    nonce,
    timestampMillis,
    signature,
    parameters: withoutProtocol(parameters),
    stringsToSign: [
      stringToSignAcs(protocol, canonicalRequest),
      ...variants.map((variant) => stringToSignAcs(protocol, variant)),
    ],
    canonicalRequest,
  };
}

/** By which protocol, and in ACS4 with a key for what. */
type Signing =
  | { readonly protocol: Acs3Protocol }
  | { readonly protocol: "ACS4-HMAC-SHA256"; readonly scope: Acs4Scope };

interface Authorization {
  readonly signing: Signing;
  readonly accessKeyId: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

/** What stands in `Credential`. */
const CREDENTIALS = {
  "ACS3-HMAC-SHA256": "<AccessKeyId>",
  "ACS3-HMAC-SM3": "<AccessKeyId>",
  "ACS4-HMAC-SHA256": "<AccessKeyId>/<yyyymmdd>/<region>/<product>/aliyun_v4_request",
} as const satisfies Record<AcsProtocol, string>;

function parseAuthorization(authorization: string): Authorization {
  const space = authorization.indexOf(" ");
  const protocol = authorization.slice(0, space === -1 ? undefined : space);
  if (!isAcsProtocol(protocol)) {
    throw new WireError(
      "InvalidSignatureMethod",
      "The scheme of the Authorization header is not accepted: sign with ACS3-HMAC-SHA256, ACS3-HMAC-SM3 or ACS4-HMAC-SHA256.",
    );
  }
  const list = authorization.slice(protocol.length).split(",", 4);
  const fields = new Map<string, string>();
  for (const field of list) {
    const equals = field.indexOf("=");
    fields.set(field.slice(0, Math.max(equals, 0)).trim(), field.slice(equals + 1).trim());
  }
  const credential = parseCredential(protocol, fields.get("Credential") ?? "");
  const signedHeaders = fields.get("SignedHeaders");
  const signature = fields.get("Signature");
  if (credential === undefined || !signedHeaders || !signature || list.length !== 3) {
    throw incompleteSignature(
      `The Authorization header must read "${protocol} Credential=${CREDENTIALS[protocol]},SignedHeaders=<names>,Signature=<hex>".`,
    );
  }
  return { ...credential, signedHeaders, signature };
}

function isAcsProtocol(scheme: string): scheme is AcsProtocol {
  return Object.hasOwn(CREDENTIALS, scheme);
}

function parseCredential(
  protocol: AcsProtocol,
  credential: string,
): Pick<Authorization, "signing" | "accessKeyId"> | undefined {
  if (protocol !== "ACS4-HMAC-SHA256") {
    return credential === "" ? undefined : { signing: { protocol }, accessKeyId: credential };
  }
  const parsed = parseAcs4Credential(credential);
  return parsed && { signing: { protocol, scope: parsed.scope }, accessKeyId: parsed.accessKeyId };
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
 * The canonical query that Alibaba's own clients for Node.js sign where it is not the specified one. It is accepted too,
 * as long as the text has one reading only, so that no parameter can be hidden in another.
 */
function nodeClientQuery(protocol: AcsProtocol, sortedQuery: SortedParameters): string | undefined {
  if (protocol === "ACS4-HMAC-SHA256") {
    return sortedQuery.some(([name, value]) => isEncodedOtherwise(name) || isEncodedOtherwise(value))
      ? joinWithoutEmpty(sortedQuery, percentEncodeAsNodeClient)
      : undefined;
  }
  return hasPlainNames(sortedQuery)
    ? sortedQuery.map(([name, value]) => `${name}=${percentEncode(value)}`).join("&")
    : undefined;
}

function isEncodedOtherwise(text: string): boolean {
  return /[!'()]|\*.*\*/s.test(text);
}

/** Whether there are names that need encoding, which ACS3 clients leave as they are, and all of them may be left so. */
function hasPlainNames(sortedQuery: SortedParameters): boolean {
  let differs = false;
  for (const [name] of sortedQuery) {
    if (percentEncode(name) === name) continue;
    // oxlint-disable-next-line no-control-regex -- line feeds separate the parts of a canonical request
    if (/[%&=\x00-\x1f]/.test(name)) return false;
    differs = true;
  }
  return differs;
}
