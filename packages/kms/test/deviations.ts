const DRY_RUN = "The pipeline understands DryRun for every operation, so that none declares it.";
const IMPORT = "Material cannot be imported yet, so no key waits for it.";
const INSTANCES = "There are no instances to name yet: DKMSInstanceId is answered UnsupportedOperation.";
const ROTATION = "Published as absent unless the key is rotated, which no key can be yet.";
const RECIPIENT = "Answered to a Recipient only, which is refused with UnsupportedOperation.";
const ALIAS_LENGTH = "The 1 to 255 characters are counted after alias/, as Alibaba Cloud's page on limits says.";
const DATA_KEY_SPEC = "NumberOfBytes wins over any KeySpec; alone, an unknown one is refused with InvalidParameter.";
const CERTIFICATES = "Certificates are not kept: the answer is that of the operations of older clients on them.";
const NO_ORDERS = "The service costs nothing and is always open: nothing is ordered, and nobody's name is asked.";
const UNAVAILABLE = "A state of expired instances, which no key can be in.";
const USAGE =
  "Cinnabar's own: the usage of a key is told from the audit log, and accounts may require that it is reviewed before a deletion.";
const NO_PERMISSION = "Forbidden.NoPermission is 403 everywhere; only here is it published as 400.";
const EVERY_KEY = "Every key has a policy that can be set.";
const POLICY_NAMES =
  "The published enum has one name and the published errors an answer to others: Forbidden.ResourceNotFound.";
const LOCKOUT =
  "Cinnabar's own: a policy that may keep everybody from changing it again is refused unless the caller confirms it.";
const BOTH_TAG_RIGHTS =
  "Whom TagResource or UntagResource is denied, the operation on many keys gives no way around it.";
const UNTHROTTLED = "No operation is throttled yet.";

/** Every difference from the published API, with its reason. Whoever takes one away takes its line away. */
export const DEVIATIONS: Readonly<Record<"declarations" | "behaviour", Readonly<Record<string, string>>>> = {
  declarations: {
    "CreateAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "CreateAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "DeleteAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "DeleteAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "CreateKey answers KeyMetadata.NextRotationDate: is not declared": ROTATION,
    "CreateKey answers KeyMetadata.RotationInterval: is not declared": ROTATION,
    "DescribeKey answers KeyMetadata.NextRotationDate: is not declared": ROTATION,
    "DescribeKey answers KeyMetadata.RotationInterval: is not declared": ROTATION,
    "CreateKey fails with Forbidden.DKMSInstanceNotFound: is not declared": INSTANCES,
    "CreateKey fails with Rejected.ShareQuotaExceedLimit: is not declared": INSTANCES,
    "CreateKey fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "CreateKey fails with Rejected.PolicyLockout: is not published": LOCKOUT,
    "CreateKey.ConfirmLockout: is not published": LOCKOUT,
    "CreateKey fails with Rejected.LimitExceeded: is not declared": "There are no quotas of keys yet.",
    "CreateKey fails with SerivceUnvailableTemporary: is not declared":
      "A misspelling of ServiceUnavailableTemporary, which the pipeline answers.",
    "Decrypt answers CiphertextForRecipient: is not declared": RECIPIENT,
    "GenerateDataKey answers CiphertextForRecipient: is not declared": RECIPIENT,
    "Decrypt fails with Forbidden.AliasNotFound: is not declared": "Decrypt takes no KeyId, and so no alias.",
    "Decrypt fails with Rejected.PendingImport: is not declared": IMPORT,
    "Encrypt fails with Rejected.PendingImport: is not declared": IMPORT,
    "GenerateDataKey fails with Rejected.PendingImport: is not declared": IMPORT,
    "GenerateDataKeyWithoutPlaintext fails with Rejected.PendingImport: is not declared": IMPORT,
    "Decrypt fails with Rejected.Unavailable: is not declared": UNAVAILABLE,
    "GenerateDataKey fails with Rejected.Unavailable: is not declared": UNAVAILABLE,
    "Decrypt.DryRun: is not declared": DRY_RUN,
    "Encrypt.DryRun: is not declared": DRY_RUN,
    "GenerateDataKey.DryRun: is not declared": DRY_RUN,
    "GenerateDataKeyWithoutPlaintext.DryRun: is not declared": DRY_RUN,
    "GenerateDataKey.KeySpec: takes no-such-value": DATA_KEY_SPEC,
    "GenerateDataKeyWithoutPlaintext.KeySpec: takes no-such-value": DATA_KEY_SPEC,
    "OpenKmsService fails with CreateLXOrderFailed: is not declared": NO_ORDERS,
    "OpenKmsService fails with Forbidden.NoRealNameAuthentication: is not declared": NO_ORDERS,
    "ReEncrypt.DryRun: is not declared": DRY_RUN,
    "GetKeyPolicy fails with Forbidden.KeyPolicyUnSupported: is not declared": EVERY_KEY,
    "GetKeyPolicy fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "GetKeyPolicy.PolicyName: takes no-such-value": POLICY_NAMES,
    "GetKeyUsage: is not published": USAGE,
    "ScheduleKeyDeletion.UsageReportHash: is not published": USAGE,
    "ScheduleKeyDeletion fails with Rejected.UsageNotReviewed: is not published": USAGE,
    "ScheduleKeyDeletion fails with Throttling: is not declared": UNTHROTTLED,
    "SetKeyPolicy fails with Forbidden.DKMSInstanceStateInvalid: is not declared": INSTANCES,
    "SetKeyPolicy fails with Forbidden.KeyPolicyUnSupported: is not declared": EVERY_KEY,
    "SetKeyPolicy fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "SetKeyPolicy fails with Rejected.PolicyLockout: is not published": LOCKOUT,
    "SetKeyPolicy fails with Rejected.ShareQuotaExceedLimit: is not declared": INSTANCES,
    "SetKeyPolicy.ConfirmLockout: is not published": LOCKOUT,
    "SetKeyPolicy.PolicyName: takes no-such-value": POLICY_NAMES,
    "UpdateAlias fails with Throttling: is not declared": UNTHROTTLED,
    "UpdateAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "UpdateAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "TagResource fails with Certificate.NotFound: is not published": CERTIFICATES,
    "UntagResource fails with Certificate.NotFound: is not published": CERTIFICATES,
    "DescribeService: is not published": "An operation of older clients, which the current API no longer lists.",
  },
  behaviour: {
    "DescribeKey: takes a key's arn": "Another account's key is named by its ARN, to look at it as to use it.",
    "TagResources: asks for kms:TagResources on the key and kms:TagResource on the key, not kms:TagResources on the key":
      BOTH_TAG_RIGHTS,
    "UntagResources: asks for kms:UntagResources on the key and kms:UntagResource on the key, not kms:UntagResources on the key":
      BOTH_TAG_RIGHTS,
    "a key cannot be PendingImport": IMPORT,
  },
};
