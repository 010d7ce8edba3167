import { ERRORS, type ErrorCode } from "./errors.ts";

/** What the instance protocol calls what other requests are refused with (KMS Instance API, "Common error codes"). */
const CODES: ReadonlyMap<ErrorCode, ErrorCode> = new Map<ErrorCode, ErrorCode>([
  ["InvalidAccessKeyId.NotFound", "Unauthorized"],
  ["InvalidAccessKeyId.Inactive", "Unauthorized"],
  ["InvalidSecurityToken.Expired", "Unauthorized"],
  ["InvalidAction.NotFound", "InvalidApiName"],
  ["InvalidVersion", "InvalidApiVersion"],
  ["InvalidTimeStamp.Expired", "RequestTimeTooSkewed"],
  ["InvalidParameter", "InvalidParam"],
]);

/** What says more than the protocol's own message. */
const TELLING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["InvalidVersion", "InvalidParameter"]);

/** An error under its name in the instance protocol, with a message that fits. */
export function asInstanceError({ code, message }: { readonly code: ErrorCode; readonly message: string }): {
  readonly code: ErrorCode;
  readonly message: string;
} {
  const named = CODES.get(code);
  if (named === undefined) return { code, message };
  return { code: named, message: TELLING.has(code) ? message : ERRORS[named].message };
}
