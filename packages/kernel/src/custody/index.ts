export {
  type AccessKeySecretIdentity,
  isIssuedAccessKeyId,
  issueAccessKeyId,
  newAccessKeySecret,
  openAccessKeySecret,
  sealAccessKeySecret,
} from "./access-key.ts";
export { type AccountKeyIdentity, createAccountKey, openAccountKey } from "./account-key.ts";
export { FileSeal } from "./file-seal.ts";
export type { KeyOrigin, KeySpec, Keystore, KeyVersionIdentity, StoredKeyVersion } from "./keystore.ts";
export { ROOT_KEY_BYTES, RootKey, type RootKeyUse } from "./root-key.ts";
export { type Seal, SealError, type SealErrorCode } from "./seal.ts";
export { SoftwareKeystore } from "./software-keystore.ts";
export { type AccountKeys, accountKeyTable, firstAccountKey } from "./account-keys.ts";
export { type Custody, openCustody } from "./custody.ts";
export { rowGuardKeys } from "./row-guard-keys.ts";
