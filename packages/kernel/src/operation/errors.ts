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
  MissingSecurityToken: { status: 400, message: "SecurityToken is mandatory for this action." },
  "InvalidSecurityToken.Malformed": { status: 400, message: "Specified SecurityToken is malformed." },
  "InvalidSecurityToken.MismatchWithAccessKey": {
    status: 400,
    message: "Specified SecurityToken mismatch with the AccessKey.",
  },
  "InvalidSecurityToken.Expired": { status: 400, message: "Specified SecurityToken is expired." },
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
  // The instance protocol (KMS Instance API, "Common error codes").
  InvalidApiName: { status: 400, message: "The ApiName is invalid." },
  InvalidApiVersion: { status: 400, message: "The ApiVersion is invalid." },
  InvalidParam: { status: 400, message: "A Param is invalid." },
  RequestTimeTooSkewed: { status: 400, message: "Request time exceeds server time more than 15 minutes." },
  SignatureNotMatch: { status: 401, message: "The signature does not match." },
  Unauthorized: { status: 404, message: "The client key does not exist, or is not valid now." },
  RequestTooLarge: { status: 413, message: "The request is larger than this server accepts." },
  NoPermission: { status: 403, message: "You are not authorized to do this action. You should be authorized by RAM." },

  // KMS.
  InvalidParameter: { status: 400, message: "The specified parameter is not valid." },
  "InvalidParameter.TagKey": { status: 400, message: "The specified parameter is not valid." },
  "InvalidParameter.TagValue": { status: 400, message: "The specified parameter is not valid." },
  "Duplicate.TagKey": { status: 400, message: "The specified tagKey is duplicate." },
  UnsupportedOperation: { status: 400, message: "This action is not supported." },
  DryRunOperationError: { status: 400, message: "The request would have succeeded, but the DryRun parameter was set." },
  ValidationError: { status: 400, message: "The request would be refused." },
  AccessDeniedError: { status: 403, message: "The request would be refused for want of a right." },
  "Unsupported.Alias": { status: 400, message: "Alias is not valid for this api." },
  "Unsupported.Origin": { status: 400, message: "This key origin is not valid for this api." },
  InvalidKeyMaterial: { status: 400, message: "Key material is invalid." },
  InvalidImportToken: { status: 400, message: "Import token is invalid." },
  ExpiredImportToken: { status: 400, message: "Import token is expired." },
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
  "Forbidden.KeyVersionNotFound": { status: 404, message: "The specified Key version is not found." },
  "Forbidden.ResourceNotFound": { status: 404, message: "Resource not found." },
  "Forbidden.DKMSInstanceNotFound": { status: 403, message: "The specified DKMS Instance is not found." },
  "Forbidden.DKMSInstanceStateInvalid": { status: 403, message: "The DKMS instance state is invalid." },
  /** Its status and message are not published. */
  "Rejected.Uninitialized": {
    status: 409,
    message: "The request was rejected because the KMS instance is not connected: call ConnectKmsInstance first.",
  },
  "Forbidden.KeyPolicyUnSupported": { status: 400, message: "The specified key does not support key policy." },
  "Rejected.ShareQuotaExceedLimit": { status: 400, message: "Instance Share Quota Exceed Limit." },
  "InvalidResourceId.NotFound": { status: 404, message: "The specified ResourceId is not found." },
  "Certificate.NotFound": { status: 404, message: "The specified certificate is not found." },
  "Rejected.Disabled": { status: 409, message: "The request was rejected because the key state is Disabled." },
  "Rejected.PendingDeletion": {
    status: 409,
    message: "The request was rejected because the key state is PendingDeletion.",
  },
  "Rejected.ResourceExist": {
    status: 409,
    message: "The request was rejected because the resource already exists.",
  },
  "Rejected.ResourceInUse": { status: 409, message: "The request was rejected because the resource is in use." },
  "Rejected.UnsupportedOperation": { status: 400, message: "Unsupported operation." },
  "Rejected.PendingImport": {
    status: 409,
    message: "The request was rejected because the key state is PendingImport.",
  },
  "Rejected.Throttling": { status: 429, message: "QPS Limit Exceeded", retry: true },
  "Rejected.StateModifiedFailed": { status: 409, message: "Keystate modified failed." },
  /** Not published: an account of Cinnabar's may require the review. */
  "Rejected.UsageNotReviewed": {
    status: 409,
    message: "The key's usage must be reviewed before its deletion is scheduled.",
  },
  /** Not published: nobody may come to use a key and to manage it, where an account says so. */
  "Rejected.SeparationOfDuties": {
    status: 409,
    message: "With this change somebody could both use a key and manage it, which the account does not allow.",
  },
  /** Not published: a key must stay manageable. */
  "Rejected.PolicyLockout": {
    status: 409,
    message: "With this policy perhaps nobody could change the key's policy again.",
  },

  // RAM: roles, policies and what they are attached to.
  "InvalidParameter.PolicyType": { status: 400, message: 'The parameter - "PolicyType" is incorrect.' },
  "InvalidParameter.PolicyName.InvalidChars": {
    status: 400,
    message: 'The parameter - "PolicyName" contains invalid chars.',
  },
  "InvalidParameter.PolicyName.Length": {
    status: 400,
    message: 'The parameter - "PolicyName" beyond the length limit.',
  },
  "InvalidParameter.PolicyDocument.Length": {
    status: 400,
    message: 'The parameter - "PolicyDocument" beyond the length limit.',
  },
  "InvalidParameter.Description.Length": {
    status: 400,
    message: 'The parameter - "Description" beyond the length limit.',
  },
  "InvalidParameter.VersionId.Format": {
    status: 400,
    message: 'The format of the parameter - "VersionId" is incorrect.',
  },
  "InvalidParameter.RoleName.InvalidChars": {
    status: 400,
    message: 'The parameter - "RoleName" contains invalid chars.',
  },
  "InvalidParameter.RoleName.Length": { status: 400, message: 'The parameter - "RoleName" beyond the length limit.' },
  "InvalidParameter.AssumeRolePolicyDocument.Length": {
    status: 400,
    message: 'The parameter - "AssumeRolePolicyDocument" beyond the length limit.',
  },
  "InvalidParameter.NewAssumeRolePolicyDocument.Length": {
    status: 400,
    message: 'The parameter - "NewAssumeRolePolicyDocument" beyond the length limit.',
  },
  MalformedPolicyDocument: { status: 400, message: "The policy document is malformed." },
  "EntityNotExist.Policy": { status: 404, message: "The policy does not exist." },
  "EntityNotExist.Policy.Version": { status: 404, message: "The policy version does not exist." },
  "EntityNotExist.Role": { status: 404, message: "The role does not exist." },
  "EntityNotExist.User.Policy": { status: 404, message: "The indicate policy of the user does not exist." },
  "EntityNotExist.Group.Policy": {
    status: 404,
    message: "The indicate policy attached to the group does not exist.",
  },
  /** Not published: as those of users and groups. */
  "EntityNotExist.Role.Policy": { status: 404, message: "The indicate policy attached to the role does not exist." },
  "EntityAlreadyExists.Policy": { status: 409, message: "The policy does already EXIST." },
  "EntityAlreadyExists.Role": { status: 409, message: "The role does already EXIST." },
  "EntityAlreadyExists.User.Policy": { status: 409, message: "The user has already been attached this policy." },
  "EntityAlreadyExists.Group.Policy": { status: 409, message: "The group has already been attached this policy." },
  /** Not published: as those of users and groups. */
  "EntityAlreadyExists.Role.Policy": { status: 409, message: "The role has already been attached this policy." },
  "DeleteConflict.Policy.User": {
    status: 409,
    message: "The policy CAN NOT been attached to any user while deleting the policy.",
  },
  "DeleteConflict.Policy.Group": {
    status: 409,
    message: "The policy CAN NOT been attached to any group while deleting the policy.",
  },
  /** Not published: as those of users and groups. */
  "DeleteConflict.Policy.Role": {
    status: 409,
    message: "The policy CAN NOT been attached to any role while deleting the policy.",
  },
  "DeleteConflict.Policy.Version": {
    status: 409,
    message: "The policy CAN NOT has any version except the default version.",
  },
  "DeleteConflict.Policy.Version.Default": {
    status: 409,
    message: "The default policy version CAN NOT been deleted directly.",
  },
  "DeleteConflict.Role.Policy": {
    status: 409,
    message: "The role CAN NOT has any attached policy while deleting the role.",
  },
  "LimitExceeded.Policy": { status: 409, message: "The count of policy beyond the current limits." },
  "LimitExceeded.Policy.Version": { status: 409, message: "The count of policy version beyond the current limits." },
  "LimitExceeded.Role": { status: 409, message: "The count of roles beyond the current limits." },
  "LimitExceeded.User.Policy": {
    status: 409,
    message: "The policy count of the user attached policies beyond the current limits.",
  },
  "LimitExceeded.Group.Policy": { status: 409, message: "The policy count of the group beyond the current limits." },
  "LimitExceeded.Role.Policy": {
    status: 409,
    message: "The count of policies attached to the role beyond the current limits.",
  },
  EncodedMessageExpire: { status: 400, message: "The EncodedDiagnosticMessage is expired." },
  EntityNotExist: { status: 404, message: "The specific DecodedDiagnosticMessage cannot be found." },

  // ActionTrail.
  InvalidParameterCombination: { status: 400, message: "The end time must be later than the start time." },
  InvalidQueryParameter: { status: 400, message: "The specified query parameter is invalid." },
  InvalidParameterEndTime: { status: 400, message: "The specified EndTime is invalid." },
  InvalidParameterStartTime: { status: 400, message: "The specified StartTime is invalid." },

  // RAM: users, groups and what belongs to them.
  "InvalidParameter.UserName.InvalidChars": {
    status: 400,
    message: 'The parameter - "UserName" contains invalid chars.',
  },
  "InvalidParameter.UserName.Length": { status: 400, message: 'The parameter - "UserName" beyond the length limit.' },
  "InvalidParameter.NewUserName.InvalidChars": {
    status: 400,
    message: 'The parameter - "NewUserName" contains invalid chars.',
  },
  "InvalidParameter.NewUserName.Length": {
    status: 400,
    message: 'The parameter - "NewUserName" beyond the length limit.',
  },
  "InvalidParameter.DisplayName.InvalidChars": {
    status: 400,
    message: 'The parameter - "DisplayName" contains invalid chars.',
  },
  "InvalidParameter.DisplayName.Length": {
    status: 400,
    message: 'The parameter - "DisplayName" beyond the length limit.',
  },
  "InvalidParameter.NewDisplayName.InvalidChars": {
    status: 400,
    message: 'The parameter - "NewDisplayName" contains invalid chars.',
  },
  "InvalidParameter.NewDisplayName.Length": {
    status: 400,
    message: 'The parameter - "NewDisplayName" beyond the length limit.',
  },
  "InvalidParameter.MobilePhone.Format": {
    status: 400,
    message: 'The format of the parameter - "MobilePhone" is incorrect.',
  },
  "InvalidParameter.NewMobilePhone.Format": {
    status: 400,
    message: 'The format of the parameter - "NewMobilePhone" is incorrect.',
  },
  "InvalidParameter.Email.Format": { status: 400, message: 'The format of the parameter - "Email" is incorrect.' },
  "InvalidParameter.NewEmail.Format": {
    status: 400,
    message: 'The format of the parameter - "NewEmail" is incorrect.',
  },
  "InvalidParameter.Comments.Length": { status: 400, message: 'The parameter - "Comments" beyond the length limit.' },
  "InvalidParameter.NewComments.Length": {
    status: 400,
    message: 'The parameter - "NewComments" beyond the length limit.',
  },
  "InvalidParameter.GroupName.InvalidChars": {
    status: 400,
    message: 'The parameter - "GroupName" contains invalid chars.',
  },
  "InvalidParameter.GroupName.Length": { status: 400, message: 'The parameter - "GroupName" beyond the length limit.' },
  "InvalidParameter.NewGroupName.InvalidChars": {
    status: 400,
    message: 'The parameter - "NewGroupName" contains invalid chars.',
  },
  "InvalidParameter.NewGroupName.Length": {
    status: 400,
    message: 'The parameter - "NewGroupName" beyond the length limit.',
  },
  "InvalidParameter.Password.TooWeak": {
    status: 400,
    message: 'The parameter - "Password" is not compliant with the password policy.',
  },
  "InvalidParameter.NewPassword.TooWeak": {
    status: 400,
    message: 'The parameter - "NewPassword" is not compliant with the password policy.',
  },
  "InvalidParameter.NewPassword.ReusePrevention": {
    status: 400,
    message: 'The parameter - "NewPassword" is not compliant with the reuse prevention password policy.',
  },
  "InvalidParameter.OldPassword.Incorrect": { status: 400, message: 'The parameter - "OldPassword" is incorrect.' },
  "InvalidParameter.MinimumPasswordLength.Range": {
    status: 400,
    message: 'The parameter - "MinimumPasswordLength" MUST be in the range of 8 and 32.',
  },
  "InvalidParameter.VirtualMFADeviceName.InvalidChars": {
    status: 400,
    message: 'The parameter - "VirtualMFADeviceName" contains invalid chars.',
  },
  "InvalidParameter.VirtualMFADeviceName.Length": {
    status: 400,
    message: 'The parameter - "VirtualMFADeviceName" beyond the length limit.',
  },
  "InvalidParameter.AuthenticationCode.Format": {
    status: 400,
    message: 'The parameter - "AuthenticationCode" MUST be 6 numbers.',
  },
  "InvalidParameter.AccountAlias.Format": {
    status: 400,
    message: 'The format of parameter - "AccountAlias" is incorrect.',
  },
  "InvalidParameter.AccountAlias.Length": {
    status: 400,
    message: 'The parameter - "AccountAlias" MUST be in the range of 3 and 32.',
  },
  "NotSupport.Account": { status: 400, message: "This method can be only invoked by sub user." },
  CheckAuthenticationCodeFail: { status: 403, message: 'The parameter - "AuthenticationCode" is incorrect.' },
  "EntityNotExist.User": { status: 404, message: "The user does not exist." },
  "EntityNotExist.User.AccessKey": { status: 404, message: "The user access key does not exist." },
  "EntityNotExist.User.LoginProfile": { status: 404, message: "The user login profile does not exist." },
  "EntityNotExist.User.MFADevice": { status: 404, message: "The user has not bound any MFA device." },
  "EntityNotExist.User.Group": { status: 404, message: "The user has not joined the group." },
  "EntityNotExist.VirtualMFADevice": { status: 404, message: "The virtual mfa device does not exist." },
  "EntityNotExist.Group": { status: 404, message: "The group does not exist." },
  "EntityAlreadyExists.User": { status: 409, message: "The user does already EXIST." },
  "EntityAlreadyExists.User.LoginProfile": { status: 409, message: "The user login profile does already EXIST." },
  "EntityAlreadyExists.User.MFADevice": { status: 409, message: "The user has already bound a MFA device." },
  "EntityAlreadyExists.User.Group": { status: 409, message: "The user has already joined the group." },
  "EntityAlreadyExists.VirtualMFADevice": { status: 409, message: "The virtual mfa device does already EXIST." },
  "EntityAlreadyExists.VirtualMFADevice.User": {
    status: 409,
    message: "The virtual mfa device does already been bound to a user.",
  },
  "EntityAlreadyExists.Group": { status: 409, message: "The group does already EXIST." },
  "EntityAlreadyExists.AccountAlias": { status: 409, message: "The account alias does already exist." },
  "DeleteConflict.User.Group": {
    status: 409,
    message: "The user CAN NOT be in any group while deleting the user.",
  },
  "DeleteConflict.User.AccessKey": {
    status: 409,
    message: "The user CAN NOT has any access key while deleting the user.",
  },
  "DeleteConflict.User.LoginProfile": {
    status: 409,
    message: "The user CAN NOT has any login profile while deleting the user.",
  },
  "DeleteConflict.User.MFADevice": {
    status: 409,
    message: "The user CAN NOT has any mfa device while deleting the user.",
  },
  "DeleteConflict.User.Policy": {
    status: 409,
    message: "The user CAN NOT has any attached policy while deleting the user.",
  },
  "DeleteConflict.VirtualMFADevice.User": {
    status: 409,
    message: "The virtual mfa device CAN NOT been bound to any user while deleting it.",
  },
  "DeleteConflict.Group.User": {
    status: 409,
    message: "The group CAN NOT has any user member while deleting the group.",
  },
  "DeleteConflict.Group.Policy": {
    status: 409,
    message: "The entity CAN NOT has any attached policy while deleting the group.",
  },
  "LimitExceeded.User": { status: 409, message: "The count of users beyond the current limits." },
  "LimitExceeded.User.AccessKey": {
    status: 409,
    message: "The access key count of the user access keys beyond the current limits.",
  },
  "LimitExceeded.User.Group": {
    status: 409,
    message: "The count of groups the target user joined beyond the current limits.",
  },
  "LimitExceeded.VirtualMFADevice": {
    status: 409,
    message: "The count of virtual mfa devices beyond the current limits.",
  },
  "LimitExceeded.Group": { status: 409, message: "The count of groups beyond the current limits." },

  // STS.
  "InvalidParameter.DurationSeconds": {
    status: 400,
    message: "The Min/Max value of DurationSeconds is 15min/1hr.",
  },
  "InvalidParameter.ExternalId": { status: 400, message: "The parameter ExternalId is wrongly formed." },
  "InvalidParameter.RoleArn": { status: 400, message: "The parameter RoleArn is wrongly formed." },
  "InvalidParameter.RoleSessionName": { status: 400, message: "The parameter RoleSessionName is wrongly formed." },
  "InvalidParameter.OIDCProviderArn": { status: 400, message: "The parameter OIDCProviderArn is wrongly formed." },
  "InvalidParameter.PolicyGrammar": { status: 400, message: "The parameter Policy has not passed grammar check." },
  "InvalidParameter.PolicySize": { status: 400, message: "The size of Policy must be smaller than 2048 bytes." },
  "AuthenticationFail.OIDCToken.Invalid": { status: 401, message: "This JsonWebToken is invalid." },
  "AuthenticationFail.OIDCToken.Expired": { status: 401, message: "This JsonWebToken is expired." },
  "EntityNotExist.OIDCProvider": { status: 404, message: "The OIDC provider does not exist." },

  // Resource Sharing.
  "MissingParameter.ResourceShareId": { status: 400, message: "You must specify ResourceShareId." },
  "MissingParameter.ResourceShareName": { status: 400, message: "You must specify ResourceShareName." },
  "MissingParameter.ResourceOwner": { status: 400, message: "You must specify ResourceOwner." },
  "MissingParameter.AssociationType": { status: 400, message: "You must specify AssociationType." },
  "InvalidParameter.ResourceShareId": { status: 400, message: "The ResourceShareId is invalid." },
  "InvalidParameter.ResourceShareIds": { status: 400, message: "The ResourceShareIds is invalid." },
  "InvalidParameter.ResourceShareIds.Duplicate": {
    status: 400,
    message: "The ResourceShareIds contains duplicate values.",
  },
  "InvalidParameter.ResourceShareIds.Length": {
    status: 400,
    message: "The maximum length of ResourceShareIds exceeds 5 characters.",
  },
  "InvalidParameter.ResourceShareName": { status: 400, message: "The ResourceShareName is invalid." },
  "InvalidParameter.ResourceShareName.Length": {
    status: 400,
    message: "The maximum length of ResourceShareName exceeds 50 characters.",
  },
  "InvalidParameter.ResourceShareStatus": { status: 400, message: "The ResourceShareStatus is invalid." },
  "InvalidParameter.ResourceOwner": { status: 400, message: "The ResourceOwner is invalid." },
  "InvalidParameter.ResourceType": { status: 400, message: "The ResourceType is invalid." },
  "InvalidParameter.ResourceId": { status: 400, message: "The ResourceId is invalid." },
  "InvalidParameter.ResourceIds": { status: 400, message: "The ResourceIds is invalid." },
  "InvalidParameter.ResourceIds.Duplicate": {
    status: 400,
    message: "The specified ResourceId contains duplicate values.",
  },
  "InvalidParameter.ResourceIds.Length": {
    status: 400,
    message: "The maximum number of ResourceIds (5) is exceeded.",
  },
  "InvalidParameter.Resources": { status: 400, message: "The Resources is invalid." },
  "InvalidParameter.Resources.Duplicate": { status: 400, message: "The Resources contains duplicate values." },
  "InvalidParameter.Resources.Length": { status: 400, message: "The maximum number of Resources exceeds 5." },
  "InvalidParameter.Target": { status: 400, message: "The Target is invalid." },
  "InvalidParameter.Targets": { status: 400, message: "The Targets is invalid." },
  "InvalidParameter.Targets.Duplicate": { status: 400, message: "The Targets contains duplicate values." },
  "InvalidParameter.Targets.Length": { status: 400, message: "The maximum number of Targets exceeds 5." },
  "InvalidParameter.PermissionNames.Duplicate": { status: 400, message: "The PermissionNames duplicate values." },
  "InvalidParameter.PermissionNames.Length": {
    status: 400,
    message: "The maximum length of PermissionNames exceeds quota limit.",
  },
  "InvalidParameter.AssociationType": { status: 400, message: "The AssociationType is invalid." },
  "InvalidParameter.AssociationStatus": { status: 400, message: "The AssociationStatus is invalid." },
  "InvalidParameter.MaxResults": { status: 400, message: "The MaxResults is invalid." },
  "InvalidParameter.NextToken": { status: 400, message: "The NextToken is invalid." },
  "InvalidParameter.NextToken.Length": {
    status: 400,
    message: "The maximum length of NextToken exceeds 256 characters.",
  },
  ConflictedAssociationType: {
    status: 400,
    message: "The specified ResourceId or Target conflicts with AssociationType.",
  },
  InvalidTarget: { status: 400, message: "The shared target does not exist in the resource directory." },
  ResourceAndTargetBothEmpty: { status: 400, message: "Either a resource or a shared target must be specified." },
  DisassociateInvalid: { status: 400, message: "You can not disassociate unassociated resource or target." },
  "EntityNotExists.ResourceShare": {
    status: 404,
    message: "The resource share does not exist in the current account.",
  },
  "EntityNotExists.Permission": { status: 404, message: "The resource share permission does not exist." },
  "QuotaExceeded.ResourceShare.Count": {
    status: 409,
    message: "The maximum number of ResourceShare exceeds the limit.",
  },
  "QuotaExceeded.SharedResource.Count": {
    status: 409,
    message: "The maximum number of shared resources per account exceeds the limit.",
  },
  ShareWithYourself: { status: 409, message: "You cannot share resources with yourself." },
  AlreadyEnabled: { status: 409, message: "You have already enabled sharing with the Resource Directory." },

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

  /** Whether it says something of the request: otherwise the same one may be answered another time. */
  get isRefusal(): boolean {
    return this.status < 500 && this.status !== 429;
  }
}

export function invalidParameter(name: string, advice: string): ApiError {
  return new ApiError("InvalidParameter", `The specified parameter "${name}" is not valid. ${advice}`);
}

export function missingParameter(name: string): ApiError {
  return new ApiError("MissingParameter", `The parameter "${name}" is needed but not provided.`);
}
