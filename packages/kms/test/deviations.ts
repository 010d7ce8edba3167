const DRY_RUN = "The pipeline understands DryRun for every operation, so that none declares it.";
const IMPORTED_VERSIONS =
  "Cinnabar's own: a key whose material is imported is rotated by importing other material for a further version, which only calls about older versions have to name.";
const FINGERPRINT = "Cinnabar's own: whoever wrapped the material can compare what arrived.";
const NO_EXPIRY = "Published as required, but clients leave it out: then the material does not expire.";
const INSTANCES =
  "An instance that is released holds no keys, and one that is not connected takes none: no key is in either.";
const TIMESTAMP = "The gateway answers MissingTimestamp, as it does for every operation.";
const VERSION_NAMES = "Another account's key is named by its ARN, to look at its versions as to use it.";
const RECIPIENT = "Answered to a Recipient only, which is refused with UnsupportedOperation.";
const ALIAS_LENGTH = "The 1 to 255 characters are counted after alias/, as Alibaba Cloud's page on limits says.";
const DATA_KEY_SPEC = "NumberOfBytes wins over any KeySpec; alone, an unknown one is refused with InvalidParameter.";
const CERTIFICATES = "Certificates are not kept: the answer is that of the operations of older clients on them.";
const NO_ORDERS = "The service costs nothing and is always open: nothing is ordered, and nobody's name is asked.";
const UNAVAILABLE = "A state of expired instances, which no key can be in.";
const USAGE =
  "Cinnabar's own: the usage of a key is told from the audit log, and accounts may require that it is reviewed before a deletion.";
const ASSOCIATIONS =
  "Cinnabar's own: what the console shows of a key's association with resources is told from the audit log, and services say there for what they call.";
const NO_PERMISSION = "Forbidden.NoPermission is 403 everywhere; only here is it published as 400.";
const DEFAULT_KEY =
  "Cinnabar's own: the cloud's console makes an account's default key, by CreateKey without an instance.";
const POLICY_NAMES =
  "The published enum has one name and the published errors an answer to others: Forbidden.ResourceNotFound.";
const LOCKOUT =
  "Cinnabar's own: a policy that may keep everybody from changing it again is refused unless the caller confirms it.";
const BOTH_TAG_RIGHTS =
  "Whom TagResource or UntagResource is denied, the operation on many keys gives no way around it.";
const MESSAGES =
  "Cinnabar's own: a message may be sent instead of its digest, and keys of ED25519 and ML_DSA_65 sign nothing else.";
const PAIR_NAMES = "Another account's key is named by its ARN, to sign with it as to encrypt with it.";
const SEPARATION = "The published API has no separation of duties; clients ignore members that they do not know.";
const UNTHROTTLED = "Calls beyond a limit are answered with Rejected.Throttling, whichever operation it is.";

/** Every difference from the published API, with its reason. Whoever takes one away takes its line away. */
export const DEVIATIONS: Readonly<Record<"declarations" | "behaviour", Readonly<Record<string, string>>>> = {
  declarations: {
    "AsymmetricDecrypt.DryRun: is not declared": DRY_RUN,
    "AsymmetricEncrypt.DryRun: is not declared": DRY_RUN,
    "AsymmetricSign.Digest: is required": MESSAGES,
    "AsymmetricSign.DryRun: is not declared": DRY_RUN,
    "AsymmetricSign.Message: is not published": MESSAGES,
    "AsymmetricSign.MessageType: is not published": MESSAGES,
    "AsymmetricVerify.Digest: is required": MESSAGES,
    "AsymmetricVerify.DryRun: is not declared": DRY_RUN,
    "AsymmetricVerify.Message: is not published": MESSAGES,
    "AsymmetricVerify.MessageType: is not published": MESSAGES,
    "CreateAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "CreateAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "DeleteAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "DeleteAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "CreateKey fails with Rejected.Uninitialized: is not published":
      "Terraform's provider knows it, as the answer of an instance that is not connected.",
    "GetKmsInstance fails with IllegalTimestamp: is not declared": TIMESTAMP,
    "ListKmsInstances fails with IllegalTimestamp: is not declared": TIMESTAMP,
    "UpdateKmsInstance: is not published": "Terraform's provider calls it, to name an instance.",
    "CreateKey fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "CreateKey fails with Rejected.PolicyLockout: is not published": LOCKOUT,
    "CreateKey.ConfirmLockout: is not published": LOCKOUT,
    "CreateKey answers Warnings: is not published": SEPARATION,
    "CreateKey fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
    "CreateKey fails with SerivceUnvailableTemporary: is not declared":
      "A misspelling of ServiceUnavailableTemporary, which the pipeline answers.",
    "Decrypt answers CiphertextForRecipient: is not declared": RECIPIENT,
    "GenerateDataKey answers CiphertextForRecipient: is not declared": RECIPIENT,
    "Decrypt fails with Forbidden.AliasNotFound: is not declared": "Decrypt takes no KeyId, and so no alias.",
    "Decrypt fails with Rejected.Unavailable: is not declared": UNAVAILABLE,
    "GenerateDataKey fails with Rejected.Unavailable: is not declared": UNAVAILABLE,
    "CreateKeyVersion answers KeyVersion.KeyMaterialState: is not published": IMPORTED_VERSIONS,
    "CreateKeyVersion answers KeyVersion.MaterialExpireTime: is not published": IMPORTED_VERSIONS,
    "DeleteKeyMaterial.KeyVersionId: is not published": IMPORTED_VERSIONS,
    "DescribeKeyVersion answers KeyVersion.KeyMaterialState: is not published": IMPORTED_VERSIONS,
    "DescribeKeyVersion answers KeyVersion.MaterialExpireTime: is not published": IMPORTED_VERSIONS,
    "GetParametersForImport.KeyVersionId: is not published": IMPORTED_VERSIONS,
    "ImportKeyMaterial answers KeyMaterialFingerprint: is not published": FINGERPRINT,
    "ImportKeyMaterial.KeyMaterialExpireUnix: is required": NO_EXPIRY,
    "ListKeyVersions answers KeyVersions.KeyVersion.KeyMaterialState: is not published": IMPORTED_VERSIONS,
    "ListKeyVersions answers KeyVersions.KeyVersion.MaterialExpireTime: is not published": IMPORTED_VERSIONS,
    "CreateKeyVersion fails with Rejected.Unavailable: is not declared": UNAVAILABLE,
    "Decrypt.DryRun: is not declared": DRY_RUN,
    "Encrypt.DryRun: is not declared": DRY_RUN,
    "GenerateDataKey.DryRun: is not declared": DRY_RUN,
    "GenerateDataKeyWithoutPlaintext.DryRun: is not declared": DRY_RUN,
    "GenerateDataKey.KeySpec: takes no-such-value": DATA_KEY_SPEC,
    "GenerateDataKeyWithoutPlaintext.KeySpec: takes no-such-value": DATA_KEY_SPEC,
    "OpenKmsService fails with CreateLXOrderFailed: is not declared": NO_ORDERS,
    "OpenKmsService fails with Forbidden.NoRealNameAuthentication: is not declared": NO_ORDERS,
    "EnableDefaultKey: is not published": DEFAULT_KEY,
    "ExportDataKey.DryRun: is not declared": DRY_RUN,
    "GenerateAndExportDataKey.DryRun: is not declared": DRY_RUN,
    "GenerateAndExportDataKey.KeySpec: takes no-such-value": DATA_KEY_SPEC,
    "ReEncrypt.DryRun: is not declared": DRY_RUN,
    "GetKeyPolicy fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "GetKeyPolicy.PolicyName: takes no-such-value": POLICY_NAMES,
    "GenerateMac.DryRun: is not declared": DRY_RUN,
    "GetKeyUsage: is not published": USAGE,
    "ListKeyAssociations: is not published": ASSOCIATIONS,
    "Encrypt.SourceArn: is not published": ASSOCIATIONS,
    "Decrypt.SourceArn: is not published": ASSOCIATIONS,
    "GenerateDataKey.SourceArn: is not published": ASSOCIATIONS,
    "GenerateDataKeyWithoutPlaintext.SourceArn: is not published": ASSOCIATIONS,
    "GetPublicKey.DryRun: is not declared": DRY_RUN,
    "ScheduleKeyDeletion.UsageReportHash: is not published": USAGE,
    "ScheduleKeyDeletion fails with Rejected.UsageNotReviewed: is not published": USAGE,
    "ScheduleKeyDeletion fails with Throttling: is not declared": UNTHROTTLED,
    "SetKeyPolicy fails with Forbidden.DKMSInstanceStateInvalid: is not declared": INSTANCES,
    "SetKeyPolicy fails with Forbidden.NoPermission: is published as 400, not 403": NO_PERMISSION,
    "SetKeyPolicy fails with Rejected.PolicyLockout: is not published": LOCKOUT,
    "SetKeyPolicy.ConfirmLockout: is not published": LOCKOUT,
    "SetKeyPolicy answers Warnings: is not published": SEPARATION,
    "SetKeyPolicy fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
    "SetKeyPolicy.PolicyName: takes no-such-value": POLICY_NAMES,
    "UpdateAlias fails with Throttling: is not declared": UNTHROTTLED,
    "UpdateAlias.AliasName: refuses 1 characters": ALIAS_LENGTH,
    "UpdateAlias.AliasName: takes 256 characters": ALIAS_LENGTH,
    "TagResource fails with Certificate.NotFound: is not published": CERTIFICATES,
    "UntagResource fails with Certificate.NotFound: is not published": CERTIFICATES,
    "VerifyMac.DryRun: is not declared": DRY_RUN,
    "DescribeService: is not published": "An operation of older clients, which the current API no longer lists.",
  },
  behaviour: {
    "DescribeKey: takes a key's arn": "Another account's key is named by its ARN, to look at it as to use it.",
    "GenerateDataKeyWithoutPlaintext: takes a key's arn":
      "Another account's key is named by its ARN, as for GenerateDataKey: so does a service name its own key there.",
    "AsymmetricSign: takes a key's arn": PAIR_NAMES,
    "AsymmetricVerify: takes a key's arn": PAIR_NAMES,
    "GetPublicKey: takes a key's arn": PAIR_NAMES,
    "DescribeKeyVersion: takes a key's arn": VERSION_NAMES,
    "ListKeyVersions: takes a key's arn": VERSION_NAMES,
    "TagResources: asks for kms:TagResources on the key and kms:TagResource on the key, not kms:TagResources on the key":
      BOTH_TAG_RIGHTS,
    "UntagResources: asks for kms:UntagResources on the key and kms:UntagResource on the key, not kms:UntagResources on the key":
      BOTH_TAG_RIGHTS,
  },
};

/** What the listener answers before anybody knows which operation is called: nothing is published of it. `listener-rpc.test.ts` of server tries each. */
export const REFUSED_BY_THE_LISTENER: readonly string[] = [
  "A body beyond 1 MiB is refused with 413 RequestTooLarge, a request line and headers beyond 256 KiB with 431 RequestTooLarge.",
  "A request that is not sent whole within 10 seconds is refused with 408 RequestTimeout.",
  "An Expect header with something else than 100-continue is refused with 417 ExpectationFailed.",
  "A connection beyond those that one address, or all together, may have is closed without an answer.",
];
