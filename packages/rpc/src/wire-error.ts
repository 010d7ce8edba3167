/** A common parameter that a signed request cannot do without, under its RPC name. */
export type MandatoryName =
  | "AccessKeyId"
  | "Action"
  | "Signature"
  | "SignatureMethod"
  | "SignatureNonce"
  | "SignatureVersion"
  | "Timestamp"
  | "Version";

/**
 * Every code that this package throws, as the gateway publishes them (Alibaba Cloud, "Client-side errors"; KMS Instance
 * API, "Common error codes").
 * The HTTP status of each is the server's to decide.
 */
export const WIRE_ERROR_CODES = [
  "IncompleteSignature",
  "InvalidApi.NotFound",
  "InvalidApiName",
  "InvalidApiVersion",
  "InvalidParam",
  "InvalidParameter",
  "InvalidSignatureMethod",
  "InvalidTimeStamp.Expired",
  "InvalidTimeStamp.Format",
  "MissingAccessKeyId",
  "MissingAction",
  "MissingParameter",
  "MissingSignature",
  "MissingSignatureMethod",
  "MissingSignatureNonce",
  "MissingSignatureVersion",
  "MissingTimestamp",
  "MissingVersion",
  "ParseRequestParameterException",
  "SignatureDoesNotMatch",
  "SignatureNotMatch",
  "UnsupportedHTTPMethod",
] as const;

export type WireErrorCode = (typeof WIRE_ERROR_CODES)[number];

/**
 * A request that cannot be read or is not proven to come from its caller.
 *
 * `message` is written for the caller: it may repeat what the caller sent, plaintext included in the case of
 * `SignatureDoesNotMatch`, so it belongs in the answer and not in a log. It never holds a secret of the server.
 */
export class WireError extends Error {
  readonly code: WireErrorCode;

  constructor(code: WireErrorCode, message: string) {
    super(message);
    this.name = "WireError";
    this.code = code;
  }
}

export function missing(name: MandatoryName, advice: string): WireError {
  return new WireError(`Missing${name}`, `${name} is mandatory for this action. ${advice}`);
}

export function invalidParameter(name: string, advice: string): WireError {
  return new WireError("InvalidParameter", `The specified parameter "${name}" is not valid. ${advice}`);
}

export function unreadable(reason: string): WireError {
  return new WireError(
    "ParseRequestParameterException",
    `Server parse parameters exception. Please check your input params. ${reason}`,
  );
}

export function incompleteSignature(reason: string): WireError {
  return new WireError("IncompleteSignature", `The request signature does not conform to Aliyun standards. ${reason}`);
}
