import { hash } from "node:crypto";
import { readHeader, type RequestHeaders } from "./headers.ts";
import { INSTANCE_APIS } from "./instance-messages.ts";
import { decodeMessage, type FieldValue, type Message, ProtobufError } from "./protobuf.ts";
import type { HttpRequest, InstanceRequest, RpcRequest } from "./rpc-request.ts";
import { WireError } from "./wire-error.ts";

/** Bodies of the instance protocol, and of its answers, are of this type. */
export const PROTOBUF_CONTENT_TYPE = "application/x-protobuf";

/** The version that the clients of the instance protocol name. */
export const INSTANCE_API_VERSION = "dkms-gcs-0.2";

/** How requests of the instance protocol are signed, by the name in x-kms-signaturemethod. */
export const INSTANCE_SIGNATURE_METHOD = "RSA_PKCS1_SHA_256";

/** The headers that are the protocol's own; one of them is spelt with three c. */
export const INSTANCE_HEADERS = {
  accessKeyId: "x-kms-acccesskeyid",
  apiName: "x-kms-apiname",
  apiVersion: "x-kms-apiversion",
  keyVersionId: "x-kms-migrationkeyversionid",
  signatureMethod: "x-kms-signaturemethod",
} as const;

const OWN_HEADERS = /^x-kms-/;
const BEARER = /^Bearer (?<signature>[A-Za-z0-9+/]+={0,2})$/;
/** RFC 1123, as the clients write it: `Sun, 22 Nov 2026 11:30:00 GMT`. */
const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Whether a request speaks the instance protocol, which its body's type says. */
export function isInstanceRequest(headers: RequestHeaders): boolean {
  const type = headers["content-type"];
  if (typeof type !== "string") return false;
  if (type === PROTOBUF_CONTENT_TYPE) return true;
  const [mediaType = ""] = type.split(";", 1);
  return mediaType.trim().toLowerCase() === PROTOBUF_CONTENT_TYPE;
}

/** The client key that a request of the instance protocol names; `undefined` of any other request. */
export function readClientKeyId(headers: RequestHeaders): string | undefined {
  const id = isInstanceRequest(headers) ? headers[INSTANCE_HEADERS.accessKeyId] : undefined;
  return typeof id === "string" ? id : undefined;
}

/**
 * Reads a request of the instance protocol (KMS Instance SDK), but for its message: large ones are dear to read, so that is
 * for {@link readMessage}, once it is known whose they are.
 *
 * The result is proven to come from its client key only after `verifySignature`, and is fresh only after `assertFresh`; the
 * body's digest has been checked.
 *
 * @throws WireError for whatever is wrong, and nothing else.
 */
export function parseInstanceRequest({ method, url, headers, body }: HttpRequest): InstanceRequest {
  if (method !== "POST") throw new WireError("UnsupportedHTTPMethod", "The HTTP method is not supported. Use POST.");
  // What stands behind a question mark would not be signed.
  if (url !== "/") throw new WireError("InvalidApi.NotFound", "Specified api is not found. The path must be /.");
  const action = readHeader(headers, INSTANCE_HEADERS.apiName) ?? "";
  if (action === "") throw new WireError("InvalidApiName", 'The ApiName "" is invalid.');
  const version = readHeader(headers, INSTANCE_HEADERS.apiVersion) ?? "";
  if (version !== INSTANCE_API_VERSION) {
    throw new WireError("InvalidApiVersion", `The ApiVersion is invalid. It must be ${INSTANCE_API_VERSION}.`);
  }
  if (readHeader(headers, INSTANCE_HEADERS.signatureMethod) !== INSTANCE_SIGNATURE_METHOD) {
    throw invalidParam(INSTANCE_HEADERS.signatureMethod, `It must be ${INSTANCE_SIGNATURE_METHOD}.`);
  }
  const date = readHeader(headers, "date") ?? "";
  const timestampMillis = parseDate(date);
  const digest = readHeader(headers, "content-sha256") ?? "";
  if (hash("sha256", body) !== digest.toLowerCase())
    throw invalidParam("Content-SHA256", "It is not that of the body.");
  return {
    protocol: INSTANCE_SIGNATURE_METHOD,
    action,
    version,
    format: "PROTOBUF",
    accessKeyId: readMandatory(headers, INSTANCE_HEADERS.accessKeyId),
    securityToken: undefined,
    nonce: undefined,
    timestampMillis,
    signature: readSignature(headers),
    parameters: readHeaderParameters(headers),
    message: body,
    stringsToSign: [instanceStringToSign({ method, digest, date, headers })],
    canonicalRequest: undefined,
  };
}

/**
 * Reads what was left unread of a request whose signature is verified: the message of one of the instance protocol. Its
 * parameters are the message's fields, as text, bytes in base64, and `KeyVersionId` if a header says it. Of an API that there
 * is not the message stays unread.
 *
 * @throws WireError `InvalidParam` for a body that is no message.
 */
export function readMessage(request: RpcRequest): RpcRequest {
  if (request.protocol !== INSTANCE_SIGNATURE_METHOD) return request;
  const { action, message } = request;
  const api = Object.hasOwn(INSTANCE_APIS, action) ? INSTANCE_APIS[action] : undefined;
  if (api === undefined) return request;
  return { ...request, parameters: new Map([...request.parameters, ...readParameters(api.request, message)]) };
}

/** What a request of the instance protocol is signed over. Neither the host is in it, nor headers that are not its own. */
export function instanceStringToSign(request: {
  readonly method: string;
  /** The body's, as the header content-sha256 has it. */
  readonly digest: string;
  readonly date: string;
  readonly headers: RequestHeaders;
}): string {
  const { method, digest, date, headers } = request;
  const own = Object.keys(headers).filter((name) => OWN_HEADERS.test(name));
  const lines = own.toSorted().map((name) => `${name}:${(readHeader(headers, name) ?? "").trim()}\n`);
  return `${method}\n${digest}\n${readHeader(headers, "content-type") ?? ""}\n${date}\n${lines.join("")}/`;
}

/** @returns milliseconds since 1970. */
function parseDate(date: string): number {
  const millis = DATE.test(date) ? Date.parse(date) : Number.NaN;
  // Date.parse takes 30 February for the first days of March, and any weekday.
  if (Number.isNaN(millis) || new Date(millis).toUTCString() !== date) {
    throw invalidParam("Date");
  }
  return millis;
}

/** There is one spelling of a signature only, so that it can stand for the request where replays are looked for. */
function readSignature(headers: RequestHeaders): string {
  const signature = BEARER.exec(readMandatory(headers, "authorization"))?.groups?.["signature"];
  if (signature === undefined || Buffer.from(signature, "base64").toString("base64") !== signature) {
    throw invalidParam("Authorization");
  }
  return signature;
}

function readMandatory(headers: RequestHeaders, name: string): string {
  const value = readHeader(headers, name) ?? "";
  if (value !== "") return value;
  throw new WireError("MissingParameter", `Parameter ${name} does not exist in http header or body.`);
}

/** What a request says beside its message, and no message has a field for: the clients' transfer from the API of KMS. */
function readHeaderParameters(headers: RequestHeaders): ReadonlyMap<string, string> {
  const keyVersionId = readHeader(headers, INSTANCE_HEADERS.keyVersionId)?.trim() ?? "";
  return new Map(keyVersionId === "" ? [] : [["KeyVersionId", keyVersionId]]);
}

function readParameters(message: Message, body: Uint8Array): ReadonlyMap<string, string> {
  try {
    return new Map([...decodeMessage(message, body)].map(([name, value]) => [name, toText(value)]));
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw invalidParam("Body", `It is no message of this API: ${error.message}.`);
  }
}

function toText(value: FieldValue): string {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return String(value);
}

/** @param advice - none for what clients know by the very words of the message: the date and the authorization. */
function invalidParam(name: string, advice?: string): WireError {
  const message = `The Param ${name} is invalid.`;
  return new WireError("InvalidParam", advice === undefined ? message : `${message} ${advice}`);
}
