/** The content type of every answer in JSON, in the spelling that official clients compare with. */
export const JSON_CONTENT_TYPE = "application/json;charset=utf-8";

/**
 * Writes the body of an answer. Clients take a body with a `Code` for an error whatever the HTTP status says, so a
 * result must not have one.
 */
export function encodeResult(requestId: string, result: Readonly<Record<string, unknown>> & { Code?: never }): string {
  return JSON.stringify({ RequestId: requestId, ...result });
}

export interface ErrorAnswer {
  readonly requestId: string;
  /** The host that the caller asked. */
  readonly hostId: string;
  readonly code: string;
  readonly message: string;
  readonly httpStatus: number;
  /** Where to read more. */
  readonly recommend?: string;
  /** Why the caller may not do it; left out of any other error. */
  readonly accessDeniedDetail?: object | undefined;
  /** What the call would have changed for others; left out unless it was only asked whether it would succeed. */
  readonly dryRunDetail?: object | undefined;
}

/** Writes the body of an error, as the gateway and KMS do. */
export function encodeError(answer: ErrorAnswer): string {
  return JSON.stringify(errorMembers(answer));
}

/** An error under its published names, in the order in which they stand in the body. */
export function errorMembers(answer: ErrorAnswer): object {
  return {
    RequestId: answer.requestId,
    HostId: answer.hostId,
    Code: answer.code,
    Message: answer.message,
    HttpStatus: answer.httpStatus,
    Recommend: answer.recommend,
    AccessDeniedDetail: answer.accessDeniedDetail,
    DryRunDetail: answer.dryRunDetail,
  };
}
