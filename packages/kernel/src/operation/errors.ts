/** One published error: its HTTP status, its message, and whether sending the same request again can help. */
export interface ErrorEntry {
  readonly status: number;
  readonly message: string;
  readonly retry?: true;
}

/**
 * Every error this server answers with: Alibaba Cloud's codes with their published statuses and messages
 * (KMS "Common errors" and the gateway's "Client-side errors"). `NoPermission` and `Forbidden.NoPermission` are 403
 * everywhere, also where an operation's own page says 400.
 */
export const ERRORS = {
  // The gateway: before an operation is found.
  MissingParameter: { status: 400, message: "A parameter is needed but not provided." },
  MissingAccessKeyId: { status: 400, message: "AccessKeyId is mandatory for this action." },
  MissingAction: { status: 400, message: "Action is mandatory for this action." },
  MissingSignature: { status: 400, message: "Signature is mandatory for this action." },
  MissingSignatureMethod: { status: 400, message: "SignatureMethod is mandatory for this action." },
  MissingSignatureNonce: { status: 400, message: "SignatureNonce is mandatory for this action." },
  MissingSignatureVersion: { status: 400, message: "SignatureVersion is mandatory for this action." },
  MissingTimestamp: { status: 400, message: "Timestamp is mandatory for this action." },
  MissingVersion: { status: 400, message: "Version is mandatory for this action." },
  IncompleteSignature: { status: 400, message: "The request signature does not conform to Aliyun standards." },
  InvalidSignatureMethod: { status: 400, message: "Specified signature method is not valid." },
  SignatureDoesNotMatch: { status: 400, message: "Specified signature is not matched with our calculation." },
  SignatureNonceUsed: { status: 400, message: "Specified signature nonce was used already." },
  "InvalidTimeStamp.Format": { status: 400, message: "Specified time stamp or date value is not well formatted." },
  "InvalidTimeStamp.Expired": { status: 400, message: "Specified time stamp or date value is expired." },
  "InvalidSecurityToken.Malformed": { status: 400, message: "Specified SecurityToken is malformed." },
  "InvalidAccessKeyId.NotFound": { status: 404, message: "Specified access key is not found." },
  "InvalidAccessKeyId.Inactive": { status: 403, message: "Specified access key is disabled." },
  "InvalidAction.NotFound": { status: 404, message: "Specified api is not found, please check your url and method." },
  "InvalidApi.NotFound": { status: 404, message: "Specified api is not found, please check your url and method." },
  InvalidVersion: { status: 400, message: "Specified parameter Version is not valid." },
  UnsupportedHTTPMethod: { status: 403, message: "This http method is not supported." },
  ParseRequestParameterException: {
    status: 400,
    message: "Server parse parameters exception. Please check your input params.",
  },
  RequestTooLarge: { status: 413, message: "The request is larger than this server accepts." },
  NoPermission: { status: 403, message: "You are not authorized to do this action. You should be authorized by RAM." },

  // KMS.
  InvalidParameter: { status: 400, message: "The specified parameter is not valid." },
  "InvalidParameter.TagKey": { status: 400, message: "The specified parameter is not valid." },
  "InvalidParameter.TagValue": { status: 400, message: "The specified parameter is not valid." },
  "Duplicate.TagKey": { status: 400, message: "The specified tagKey is duplicate." },
  UnsupportedOperation: { status: 400, message: "This action is not supported." },
  DryRunOperationError: { status: 400, message: "The request would have succeeded, but the DryRun parameter was set." },
  "Unsupported.Alias": { status: 400, message: "Alias is not valid for this api." },
  "Unsupported.ProtectionLevel": { status: 400, message: "This protection level is not valid for this region." },
  AliasAlreadyExists: { status: 400, message: "AliasName Already Exists." },
  "Rejected.LimitExceeded": {
    status: 400,
    message: "The request was rejected because user create resource limit was exceeded.",
  },
  "Forbidden.NoPermission": { status: 403, message: "This operation is forbidden by permission system." },
  "Forbidden.Opened": { status: 400, message: "Your kms service has been opened." },
  "Forbidden.KeyNotFound": { status: 404, message: "The specified Key is not found." },
  "Forbidden.AliasNotFound": { status: 404, message: "The specified Alias is not found." },
  "Forbidden.ResourceNotFound": { status: 404, message: "Resource not found." },
  "InvalidResourceId.NotFound": { status: 404, message: "The specified ResourceId is not found." },
  "Certificate.NotFound": { status: 404, message: "The specified certificate is not found." },
  "Rejected.Disabled": { status: 409, message: "The request was rejected because the key state is Disabled." },
  "Rejected.PendingDeletion": {
    status: 409,
    message: "The request was rejected because the key state is PendingDeletion.",
  },
  "Rejected.Throttling": { status: 429, message: "QPS Limit Exceeded", retry: true },
  "Rejected.StateModifiedFailed": { status: 409, message: "Keystate modified failed." },
  /** Not published: an account of Cinnabar's may require the review. */
  "Rejected.UsageNotReviewed": {
    status: 409,
    message: "The key's usage must be reviewed before its deletion is scheduled.",
  },

  // ActionTrail.
  InvalidParameterCombination: { status: 400, message: "The end time must be later than the start time." },
  InvalidQueryParameter: { status: 400, message: "The specified query parameter is invalid." },
  InvalidParameterEndTime: { status: 400, message: "The specified EndTime is invalid." },
  InvalidParameterStartTime: { status: 400, message: "The specified StartTime is invalid." },

  // Everything.
  InternalFailure: { status: 500, message: "Internal Failure.", retry: true },
  ServiceUnavailableTemporary: { status: 503, message: "Service Unavailable Temporary.", retry: true },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * What a caller is told. The message names parameters and says what would be right; it never holds the value of
 * a secret. The cause, if any, goes to the server's log only.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string = ERRORS[code].message, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

export function invalidParameter(name: string, advice: string): ApiError {
  return new ApiError("InvalidParameter", `The specified parameter "${name}" is not valid. ${advice}`);
}

export function missingParameter(name: string): ApiError {
  return new ApiError("MissingParameter", `The parameter "${name}" is needed but not provided.`);
}
