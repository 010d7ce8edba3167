import {
  type AnswerFormat,
  encodeError,
  encodeInstanceError,
  encodeInstanceResult,
  encodeResult,
  encodeXmlError,
  encodeXmlResult,
  INSTANCE_API_VERSION,
  WireError,
} from "@cinnabar/rpc";
import { TooBusyError } from "../custody/too-busy-error.ts";
import type { AccessDeniedDetail } from "./access-denied.ts";
import type { Call } from "./call.ts";
import { ApiError, ERRORS, type ErrorCode } from "./errors.ts";
import { asInstanceError } from "./instance-errors.ts";
import type { DeclaredOperation } from "./operation.ts";

/** What a caller is told of any call that has no result. */
export interface Told {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a caller may be told beside. */
export interface Refusal extends Told {
  readonly accessDenied?: AccessDeniedDetail | undefined;
  readonly dryRun?: object | undefined;
}

/** The body of an answer with a result. */
export function encodeAnswer(
  format: AnswerFormat,
  { name: action, version }: DeclaredOperation,
  answer: { readonly requestId: string; readonly result: Record<string, unknown> },
): string | Uint8Array {
  if (format === "JSON") return encodeResult(answer.requestId, answer.result);
  if (format === "XML") return encodeXmlResult({ action, ...answer });
  // What is done first for a call of the instance protocol is none of its APIs, and answered to nobody.
  return version === INSTANCE_API_VERSION ? encodeInstanceResult({ action, ...answer }) : "";
}

/** The body of an answer without a result, in what the call is answered in. */
export function encodeRefusal(call: Call, { code, message, accessDenied, dryRun }: Refusal): string | Uint8Array {
  const answer = {
    requestId: call.eventId,
    hostId: call.host,
    code,
    message,
    httpStatus: ERRORS[code].status,
    accessDeniedDetail: accessDenied,
    dryRunDetail: dryRun,
  };
  if (call.format === "PROTOBUF") return encodeInstanceError(answer);
  return call.format === "JSON" ? encodeError(answer) : encodeXmlError(answer);
}

/** What a caller is told of what went wrong. */
export function describe(error: unknown): Told {
  if (error instanceof TooBusyError)
    return { code: "Rejected.Throttling", message: ERRORS["Rejected.Throttling"].message };
  if (error instanceof ApiError) return { code: error.code, message: error.message };
  if (error instanceof WireError) {
    // The message of a wrong signature repeats the request, plaintexts included: the record must not.
    const { code } = error;
    const isRepeating = code === "SignatureDoesNotMatch" || code === "SignatureNotMatch";
    return { code, message: isRepeating ? ERRORS[code].message : error.message };
  }
  return { code: "InternalFailure", message: ERRORS.InternalFailure.message };
}

/** What a caller is told, by the names of the protocol that it speaks. */
export function inFormat({ format }: Call, told: Told): Told {
  return format === "PROTOBUF" ? asInstanceError(told) : told;
}
