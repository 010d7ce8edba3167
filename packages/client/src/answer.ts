import { ServiceError } from "./service-error.ts";
import { TransportError } from "./transport-error.ts";
import type { HttpAnswer } from "./transport.ts";

/** The fields of a successful answer, as published. */
export type Answer = Readonly<Record<string, unknown>>;

/** Like the official clients, takes any answer with a `Code` for an error, whatever its status. */
export function parseAnswer({ status, requestId, text }: HttpAnswer): Answer {
  const body = parseObject(text);
  if (body === undefined) {
    throw new TransportError(`The endpoint answered HTTP ${status} with something other than a JSON object.`);
  }
  const { Code: code, Message: message, RequestId: bodyRequestId } = body;
  const { DryRunDetail: dryRunDetail, AccessDeniedDetail: accessDeniedDetail } = body;
  if (code === undefined && status >= 200 && status < 300) return body;
  throw new ServiceError({
    code: typeof code === "string" ? code : `Http${status}`,
    status,
    message: typeof message === "string" ? message : `The endpoint answered HTTP ${status}.`,
    requestId: typeof bodyRequestId === "string" ? bodyRequestId : requestId,
    dryRunDetail: isObject(dryRunDetail) ? dryRunDetail : undefined,
    accessDeniedDetail: isObject(accessDeniedDetail) ? accessDeniedDetail : undefined,
  });
}

export function readString(answer: Answer, field: string): string {
  const value = answer[field];
  if (typeof value !== "string") throw new TransportError(`The answer has no text in ${field}.`);
  return value;
}

function parseObject(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
