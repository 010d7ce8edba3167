import { type IncomingHttpHeaders, STATUS_CODES } from "node:http";

import { newRequestId } from "@cinnabar/kernel";
import {
  encodeError,
  encodeInstanceError,
  isInstanceRequest,
  JSON_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "@cinnabar/rpc";

import { EMULATOR_HEADER } from "./emulator-header.ts";

/** Why a listener itself refused: for metrics and the security log. */
export type ListenerRefusalReason = "malformed" | "oversize" | "slow" | "too-many-connections";

/** A request that the listener refuses before anybody looks at what it asks for. */
export interface Refusal {
  readonly reason: ListenerRefusalReason;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const UNREADABLE = "ParseRequestParameterException";
const TOO_LARGE = "RequestTooLarge";

/** Codes are the API's own where it has one. */
export const REFUSALS = {
  malformed: { reason: "malformed", status: 400, code: UNREADABLE, message: "The request is not well-formed HTTP." },
  hostMissing: { reason: "malformed", status: 400, code: UNREADABLE, message: "The request has no Host header." },
  tunnel: {
    reason: "malformed",
    status: 403,
    code: "UnsupportedHTTPMethod",
    message: "This http method is not supported.",
  },
  expectation: {
    reason: "malformed",
    status: 417,
    code: "ExpectationFailed",
    message: "The request has an Expect header with something else than 100-continue.",
  },
  slow: {
    reason: "slow",
    status: 408,
    code: "RequestTimeout",
    message: "The request was not sent in time. Send it again on a new connection.",
  },
  bodyTooLarge: {
    reason: "oversize",
    status: 413,
    code: TOO_LARGE,
    message: "The body of the request is larger than this server accepts.",
  },
  headersTooLarge: {
    reason: "oversize",
    status: 431,
    code: TOO_LARGE,
    message: "The request line and headers are larger than this server accepts.",
  },
  tooManyBodies: {
    reason: "oversize",
    status: 503,
    code: "ServiceUnavailableTemporary",
    message: "The server is receiving too much at once. Send the request again.",
  },
  tooManyCalls: {
    reason: "oversize",
    status: 503,
    code: "ServiceUnavailableTemporary",
    message: "Too many requests wait for their answer on this connection.",
  },
} as const satisfies Readonly<Record<string, Refusal>>;

/** The error of a server's `clientError` event as a refusal, `undefined` if there is nobody left to tell. */
export function refusalOf(error: NodeJS.ErrnoException): Refusal | undefined {
  const { code = "" } = error;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return REFUSALS.slow;
  if (code === "HPE_HEADER_OVERFLOW") return REFUSALS.headersTooLarge;
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return REFUSALS.bodyTooLarge;
  return code.startsWith("HPE_") ? REFUSALS.malformed : undefined;
}

/**
 * A whole HTTP answer, the last one on its connection, in what the request's protocol has.
 *
 * @param options.headers - of the request, as far as they are known.
 */
export function formatRefusal(
  { status, code, message }: Refusal,
  { headers, isEmulator }: { readonly headers: IncomingHttpHeaders; readonly isEmulator: boolean },
): Buffer {
  const requestId = newRequestId();
  const answer = { requestId, hostId: headers.host ?? "", code, message, httpStatus: status };
  const isInstance = isInstanceRequest(headers);
  const body = isInstance ? encodeInstanceError(answer) : Buffer.from(encodeError(answer));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${isInstance ? PROTOBUF_CONTENT_TYPE : JSON_CONTENT_TYPE}`,
    `x-acs-request-id: ${requestId}`,
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...(isEmulator ? [`${EMULATOR_HEADER}: true`] : []),
    "",
    "",
  ].join("\r\n");
  return Buffer.concat([Buffer.from(head), body]);
}
