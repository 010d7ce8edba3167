import type { DeclaredOperation, SweptTable } from "@cinnabar/kernel";
import { aliasTable } from "./alias/alias-repository.ts";
import { createAlias } from "./alias/create-alias.ts";
import { deleteAlias } from "./alias/delete-alias.ts";
import { listAliases } from "./alias/list-aliases.ts";
import { decrypt } from "./cryptography/decrypt.ts";
import { encrypt } from "./cryptography/encrypt.ts";
import { generateDataKey } from "./cryptography/generate-data-key.ts";
import { generateDataKeyWithoutPlaintext } from "./cryptography/generate-data-key-without-plaintext.ts";
import { cancelKeyDeletion } from "./key/cancel-key-deletion.ts";
import { createKey } from "./key/create-key.ts";
import { describeKey } from "./key/describe-key.ts";
import { disableKey } from "./key/disable-key.ts";
import { enableKey } from "./key/enable-key.ts";
import { keyTable, keyVersionTable } from "./key/key-repository.ts";
import { listKeys } from "./key/list-keys.ts";
import { scheduleKeyDeletion } from "./key/schedule-key-deletion.ts";
import { describeRegions } from "./region/describe-regions.ts";
import { describeService } from "./region/describe-service.ts";

export { kmsMigrations } from "./migrations.ts";

/** Every operation of Alibaba Cloud KMS 2016-01-20 that is served. */
export const kmsOperations: readonly DeclaredOperation[] = [
  createKey,
  describeKey,
  listKeys,
  enableKey,
  disableKey,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  createAlias,
  deleteAlias,
  listAliases,
  encrypt,
  decrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  describeRegions,
  describeService,
];

/** Every table of this package whose rows decide something, for the sweep. */
export const kmsTables: readonly SweptTable[] = [keyTable, keyVersionTable, aliasTable];
