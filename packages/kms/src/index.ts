import type { AccountKeyUse, Authorizer, DeclaredOperation, DeploymentKeys, SweptTable } from "@cinnabar/kernel";
import { describeAccountKmsStatus } from "./account/describe-account-kms-status.ts";
import { openKmsService } from "./account/open-kms-service.ts";
import { aliasTable } from "./alias/alias-repository.ts";
import { accessOperations, accessTables } from "./application-access/index.ts";
import { createAlias } from "./alias/create-alias.ts";
import { deleteAlias } from "./alias/delete-alias.ts";
import { listAliases } from "./alias/list-aliases.ts";
import { listAliasesByKeyId } from "./alias/list-aliases-by-key-id.ts";
import { updateAlias } from "./alias/update-alias.ts";
import { asymmetricDecrypt } from "./cryptography/asymmetric-decrypt.ts";
import { asymmetricEncrypt } from "./cryptography/asymmetric-encrypt.ts";
import { asymmetricSign } from "./cryptography/asymmetric-sign.ts";
import { asymmetricVerify } from "./cryptography/asymmetric-verify.ts";
import { decrypt } from "./cryptography/decrypt.ts";
import { encrypt } from "./cryptography/encrypt.ts";
import { exportDataKey } from "./cryptography/export-data-key.ts";
import { generateAndExportDataKey } from "./cryptography/generate-and-export-data-key.ts";
import { generateDataKey } from "./cryptography/generate-data-key.ts";
import { generateDataKeyWithoutPlaintext } from "./cryptography/generate-data-key-without-plaintext.ts";
import { generateMac } from "./cryptography/generate-mac.ts";
import { getPublicKey } from "./cryptography/get-public-key.ts";
import { enableDefaultKey } from "./default-key/enable-default-key.ts";
import { deleteKeyMaterial } from "./import/delete-key-material.ts";
import { getParametersForImport } from "./import/get-parameters-for-import.ts";
import { importKeyMaterial } from "./import/import-key-material.ts";
import { reEncrypt } from "./cryptography/re-encrypt.ts";
import { verifyMac } from "./cryptography/verify-mac.ts";
import { cancelKeyDeletion } from "./key/cancel-key-deletion.ts";
import { createKey } from "./key/create-key.ts";
import { describeKey } from "./key/describe-key.ts";
import { disableKey } from "./key/disable-key.ts";
import { enableKey } from "./key/enable-key.ts";
import { destructionTable } from "./destruction/destruction-repository.ts";
import { getKeyUsage } from "./key/get-key-usage.ts";
import { connectKmsInstance } from "./instance/connect-kms-instance.ts";
import { getDefaultKmsInstance } from "./instance/get-default-kms-instance.ts";
import { getKmsInstance } from "./instance/get-kms-instance.ts";
import { getKmsInstanceQuotaInfos } from "./instance/get-kms-instance-quota-infos.ts";
import { instanceAccessTable } from "./instance/instance-access-repository.ts";
import { instanceTable } from "./instance/instance-repository.ts";
import { listKmsInstances } from "./instance/list-kms-instances.ts";
import type { InstanceShares } from "./instance/instance-shares.ts";
import { releaseKmsInstance } from "./instance/release-kms-instance.ts";
import { updateKmsInstance } from "./instance/update-kms-instance.ts";
import { updateKmsInstanceBindVpc } from "./instance/update-kms-instance-bind-vpc.ts";
import { keyTable, keyVersionTable } from "./key/key-row.ts";
import type { KeyUsageSource } from "./key/key-usage.ts";
import { keyMaterial } from "./key/key-material.ts";
import { listKeyAssociations } from "./key/list-key-associations.ts";
import { listKeys } from "./key/list-keys.ts";
import { scheduleKeyDeletion } from "./key/schedule-key-deletion.ts";
import { setDeletionProtection } from "./key/set-deletion-protection.ts";
import { updateKeyDescription } from "./key/update-key-description.ts";
import { getKeyPolicy } from "./policy/get-key-policy.ts";
import type { KeySeparation } from "./policy/key-separation.ts";
import type { AccountQuotas } from "./quota/account-quotas.ts";
import { setKeyPolicy } from "./policy/set-key-policy.ts";
import { removedOperations } from "./removed/removed-operations.ts";
import { updateRotationPolicy } from "./rotation/update-rotation-policy.ts";
import { createKeyVersion } from "./version/create-key-version.ts";
import { describeKeyVersion } from "./version/describe-key-version.ts";
import { listKeyVersions } from "./version/list-key-versions.ts";
import { describeRegions } from "./region/describe-regions.ts";
import { describeService } from "./region/describe-service.ts";
import { listResourceTags } from "./tag/list-resource-tags.ts";
import { listTagResources } from "./tag/list-tag-resources.ts";
import { tagTable } from "./tag/tag-repository.ts";
import { tagResource } from "./tag/tag-resource.ts";
import { tagResources } from "./tag/tag-resources.ts";
import { untagResource } from "./tag/untag-resource.ts";
import { untagResources } from "./tag/untag-resources.ts";

export { type Application, Applications } from "./application-access/applications.ts";
export { ClientKeyFinder } from "./application-access/client-key-finder.ts";
export { destroyKey } from "./destruction/destroy-key.ts";
export {
  findNextRetirement,
  listRetiringAccounts,
  retireAccountKey,
  type RetirementStep,
  type RetiringAccount,
} from "./destruction/retire-account-key.ts";
export { forgetDestroyed } from "./destruction/forget-destroyed.ts";
export { type DueKey, findNextDeletion, listDueKeys } from "./key/key-repository.ts";
export { changeShare } from "./instance/change-share.ts";
export type { Instance, InstanceQuotas } from "./instance/instance.ts";
export { InstanceError, type InstanceErrorCode } from "./instance/instance-error.ts";
export { DEFAULT_QUOTAS, Instances, type NewInstance } from "./instance/instances.ts";
export { instanceKind, type StoredInstance } from "./instance/instance-repository.ts";
export { instanceArn } from "./resource-name.ts";
export { instanceCryptography, instanceOperations } from "./instance-protocol/index.ts";
export { type DueExpiry, findLastErasure, findNextExpiry, listDueExpiries } from "./import/due-expiries.ts";
export { expireKeyMaterial } from "./import/expire-key-material.ts";
export { recordedRights } from "./key/recorded-rights.ts";
export type {
  KeyUsage,
  KeyUsageSource,
  UsageCount,
  UsagePrincipal,
  UsageResource,
  UsageTally,
} from "./key/key-usage.ts";
export type { InstanceShares } from "./instance/instance-shares.ts";
export { keyPolicies } from "./policy/find-key-policies.ts";
export type { KeySeparation } from "./policy/key-separation.ts";
export { findKeyRight } from "./policy/find-key-right.ts";
export { type AccountQuotas, CLOUD_QUOTAS } from "./quota/account-quotas.ts";
export { removedOperations } from "./removed/removed-operations.ts";
export {
  type DueRotation,
  findNextRotation,
  type KeyToRotate,
  listDueRotations,
  listSpentKeys,
  listSpentVersions,
} from "./rotation/due-rotations.ts";
export {
  rotateKey,
  type Rotation,
  type RotationReason,
  TooManyVersionsError,
  VersionQuotaError,
} from "./rotation/rotate-key.ts";
export { TagHistory } from "./tag/tag-history.ts";
export { kmsMigrations } from "./migrations.ts";

/** The operations of the API that do cryptography with keys: calls of these are uses of a key. */
export const cryptographicOperations: readonly DeclaredOperation[] = [
  encrypt,
  decrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  generateAndExportDataKey,
  exportDataKey,
  reEncrypt,
  asymmetricEncrypt,
  asymmetricDecrypt,
  asymmetricSign,
  asymmetricVerify,
  generateMac,
  verifyMac,
];

/**
 * Every operation of Alibaba Cloud KMS 2016-01-20 that is served, those that were removed from it, GetKeyUsage,
 * ListKeyAssociations and EnableDefaultKey.
 *
 * @param options.caChain - the certificates that clients know the server by, as PEM; left out, there are none.
 * @param options.isStrict - whether CreateKey without an instance makes the account's default key, as in the cloud.
 * @param options.quotas - what one account may have; left out, as much as it likes.
 */
export const kmsOperations = ({
  keys,
  usage,
  authorizer,
  separation,
  shares,
  caChain,
  isStrict = false,
  quotas = {},
}: {
  readonly keys: DeploymentKeys;
  readonly usage: KeyUsageSource;
  readonly authorizer: Authorizer;
  readonly separation: KeySeparation;
  readonly shares: InstanceShares;
  readonly caChain?: string | undefined;
  readonly isStrict?: boolean | undefined;
  readonly quotas?: AccountQuotas | undefined;
}): readonly DeclaredOperation[] => [
  createKey({ separation, isStrict, quotas }),
  enableDefaultKey(quotas),
  describeKey,
  listKeys({ authorizer }),
  updateKeyDescription,
  enableKey,
  disableKey(usage),
  scheduleKeyDeletion(usage),
  getKeyUsage(usage),
  listKeyAssociations({ usage, authorizer }),
  cancelKeyDeletion,
  setDeletionProtection,
  getKeyPolicy,
  setKeyPolicy({ separation, usage }),
  createKeyVersion(quotas),
  describeKeyVersion,
  listKeyVersions,
  updateRotationPolicy(quotas),
  getParametersForImport,
  importKeyMaterial,
  deleteKeyMaterial(usage),
  createAlias(quotas),
  updateAlias,
  deleteAlias,
  listAliases,
  listAliasesByKeyId,
  tagResource,
  untagResource,
  listResourceTags,
  tagResources,
  untagResources,
  listTagResources({ authorizer }),
  ...cryptographicOperations,
  getPublicKey,
  ...accessOperations(keys),
  describeAccountKmsStatus,
  openKmsService,
  describeRegions,
  describeService,
  listKmsInstances,
  getKmsInstance(caChain),
  connectKmsInstance,
  updateKmsInstance,
  updateKmsInstanceBindVpc,
  releaseKmsInstance(shares),
  getDefaultKmsInstance,
  getKmsInstanceQuotaInfos,
  ...removedOperations,
];

/** The tables whose deleted rows held wrapped material, or said what it was for. */
export const materialTables: readonly string[] = [keyTable, keyVersionTable, aliasTable, tagTable].map(
  ({ name }) => name,
);

/** Every table of this package whose rows decide something, for the sweep. */
export const kmsTables: readonly SweptTable[] = [
  keyTable,
  keyVersionTable,
  aliasTable,
  tagTable,
  destructionTable,
  instanceTable,
  instanceAccessTable,
  ...accessTables,
];

/** Every column of this package that is wrapped under account keys. */
export const kmsAccountKeyUses: readonly AccountKeyUse[] = [keyMaterial];
