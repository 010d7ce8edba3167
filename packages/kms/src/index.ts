import type { DeclaredOperation, SweptTable } from "@cinnabar/kernel";
import { describeAccountKmsStatus } from "./account/describe-account-kms-status.ts";
import { openKmsService } from "./account/open-kms-service.ts";
import { aliasTable } from "./alias/alias-repository.ts";
import { createAlias } from "./alias/create-alias.ts";
import { deleteAlias } from "./alias/delete-alias.ts";
import { listAliases } from "./alias/list-aliases.ts";
import { listAliasesByKeyId } from "./alias/list-aliases-by-key-id.ts";
import { updateAlias } from "./alias/update-alias.ts";
import { decrypt } from "./cryptography/decrypt.ts";
import { encrypt } from "./cryptography/encrypt.ts";
import { generateDataKey } from "./cryptography/generate-data-key.ts";
import { generateDataKeyWithoutPlaintext } from "./cryptography/generate-data-key-without-plaintext.ts";
import { reEncrypt } from "./cryptography/re-encrypt.ts";
import { cancelKeyDeletion } from "./key/cancel-key-deletion.ts";
import { createKey } from "./key/create-key.ts";
import { describeKey } from "./key/describe-key.ts";
import { disableKey } from "./key/disable-key.ts";
import { enableKey } from "./key/enable-key.ts";
import { keyTable, keyVersionTable } from "./key/key-repository.ts";
import { listKeys } from "./key/list-keys.ts";
import { scheduleKeyDeletion } from "./key/schedule-key-deletion.ts";
import { setDeletionProtection } from "./key/set-deletion-protection.ts";
import { updateKeyDescription } from "./key/update-key-description.ts";
import { describeRegions } from "./region/describe-regions.ts";
import { describeService } from "./region/describe-service.ts";
import { listResourceTags } from "./tag/list-resource-tags.ts";
import { listTagResources } from "./tag/list-tag-resources.ts";
import { tagTable } from "./tag/tag-repository.ts";
import { tagResource } from "./tag/tag-resource.ts";
import { tagResources } from "./tag/tag-resources.ts";
import { untagResource } from "./tag/untag-resource.ts";
import { untagResources } from "./tag/untag-resources.ts";

export { kmsMigrations } from "./migrations.ts";

/** Every operation of Alibaba Cloud KMS 2016-01-20 that is served. */
export const kmsOperations: readonly DeclaredOperation[] = [
  createKey,
  describeKey,
  listKeys,
  updateKeyDescription,
  enableKey,
  disableKey,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  setDeletionProtection,
  createAlias,
  updateAlias,
  deleteAlias,
  listAliases,
  listAliasesByKeyId,
  tagResource,
  untagResource,
  listResourceTags,
  tagResources,
  untagResources,
  listTagResources,
  encrypt,
  decrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  reEncrypt,
  describeAccountKmsStatus,
  openKmsService,
  describeRegions,
  describeService,
];

/** Every table of this package whose rows decide something, for the sweep. */
export const kmsTables: readonly SweptTable[] = [keyTable, keyVersionTable, aliasTable, tagTable];
