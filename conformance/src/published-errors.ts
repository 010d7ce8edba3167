/**
 * The errors that callers of this version can meet, with the statuses and messages that Alibaba Cloud publishes for
 * them. A message may go on after them, with what would be right.
 */
export const PUBLISHED_ERRORS = {
  MissingParameter: [400, 'The parameter "'],
  InvalidParameter: [400, 'The specified parameter "'],
  "InvalidParameter.TagKey": [400, "The specified parameter is not valid."],
  "InvalidParameter.TagValue": [400, "The specified parameter is not valid."],
  "Duplicate.TagKey": [400, "The specified tagKey is duplicate."],
  "Rejected.LimitExceeded": [400, "The request was rejected because user create resource limit was exceeded."],
  UnsupportedOperation: [400, "This action is not supported"],
  DryRunOperationError: [400, "The request would have succeeded, but the DryRun parameter was set."],
  "Unsupported.Alias": [400, "Alias is not valid for this api."],
  "Unsupported.ProtectionLevel": [400, "This protection level is not valid"],
  AliasAlreadyExists: [400, "AliasName Already Exists."],
  "Forbidden.Opened": [400, "Your kms service has been opened."],
  "Forbidden.KeyNotFound": [404, "The specified Key is not found."],
  "Forbidden.AliasNotFound": [404, "The specified Alias is not found."],
  "Forbidden.ResourceNotFound": [404, "Resource not found."],
  "InvalidResourceId.NotFound": [404, "The specified ResourceId is not found."],
  "Certificate.NotFound": [404, "The specified certificate is not found."],
  "Rejected.Disabled": [409, "The request was rejected because the key state is Disabled."],
  "Rejected.PendingDeletion": [409, "The request was rejected because the key state is PendingDeletion."],
  "Rejected.StateModifiedFailed": [409, "Keystate modified failed."],
  InvalidParameterCombination: [400, "The end time must be later than the start time."],
  InvalidQueryParameter: [400, "The specified query parameter is invalid."],
  InvalidParameterEndTime: [400, "The specified EndTime is invalid."],
  InvalidParameterStartTime: [400, "The specified StartTime is invalid."],
  "InvalidAction.NotFound": [404, "Specified api is not found, please check your url and method."],
  InvalidVersion: [400, "Specified parameter Version is not valid."],
  "InvalidAccessKeyId.NotFound": [404, "Specified access key is not found."],
  "InvalidSecurityToken.Malformed": [400, "Specified SecurityToken is malformed."],
  SignatureDoesNotMatch: [400, "Specified signature is not matched with our calculation."],
  SignatureNonceUsed: [400, "Specified signature nonce was used already."],
  "InvalidTimeStamp.Expired": [400, "Specified time stamp or date value is expired."],
} as const satisfies Readonly<Record<string, readonly [status: number, message: string]>>;

export type PublishedError = keyof typeof PUBLISHED_ERRORS;

/** Those with which no call is put on record: it is not proven whose it is, or it is a repetition. */
export const UNRECORDED: ReadonlySet<string> = new Set<PublishedError | "RequestTooLarge">([
  "InvalidAccessKeyId.NotFound",
  "SignatureDoesNotMatch",
  "SignatureNonceUsed",
  "InvalidTimeStamp.Expired",
  "RequestTooLarge",
]);
