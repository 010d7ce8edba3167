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
export { type AskForPassphrase, MIN_PASSPHRASE_BYTES, PassphraseSeal } from "./passphrase-seal.ts";
export { MAX_PROVIDED_BYTES, ProvidedSeal } from "./provided-seal.ts";
export { ROOT_KEY_BYTES, RootKey, type RootKeyUse } from "./root-key.ts";
export { notReadBack } from "./seal-on-disk.ts";
export { type Seal, SealError, type SealErrorCode, type SealKind, type StagedSeal } from "./seal.ts";
export { damaged as damagedSeal, type SealParameters } from "./sealed-root-key.ts";
export {
  areShareCounts,
  MAX_SHARES,
  ShamirSeal,
  type ShamirSealOptions,
  type ShareCounts,
  type ShareGiver,
  type SharesGiven,
} from "./shamir-seal.ts";
export { SoftwareKeystore } from "./software-keystore.ts";
export { type AccountKeys, accountKeyTable, firstAccountKey } from "./account-keys.ts";
export { type Custody, openCustody } from "./custody.ts";
export { rowGuardKeys } from "./row-guard-keys.ts";
export { type MadeWrappingKey, WrappedSeal, type WrappingKeySource } from "./wrapped-seal.ts";
