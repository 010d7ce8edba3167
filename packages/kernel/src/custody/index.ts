export {
  type AccessKeySecretIdentity,
  accessKeySecretIdentity,
  isIssuedAccessKeyId,
  isIssuedSessionKeyId,
  issueAccessKeyId,
  issueSessionKeyId,
  newAccessKeySecret,
  openAccessKeySecret,
  sealAccessKeySecret,
  type SessionKeySource,
} from "./access-key.ts";
export { type AccountKeyIdentity, createAccountKey, openAccountKey } from "./account-key.ts";
export {
  AccountKeyError,
  type AccountKeyErrorCode,
  type AccountKeyVersion,
  destroyAccountKeyVersion,
  listAccountKeyVersions,
  listAccountsToRewrap,
  needsRewrapping,
  type RewrapStep,
  rewrapStep,
  rotateAccountKey,
} from "./account-key-rotation.ts";
export { type AccountKeyUse, underAccountKey, type WrappedValue } from "./account-key-use.ts";
export { type AccountKeyWrap, DeploymentKeys, openDeploymentKeys } from "./deployment-keys.ts";
export {
  type AccountKeyCertificate,
  CertificateError,
  type DestroyedVersion,
  type DestructionCertificate,
  fingerprint,
  type KeyCertificate,
  openDestructionCertificate,
  signDestructionCertificate,
} from "./destruction-certificate.ts";
export { isIssuedClientKeyId, issueClientKeyId } from "./client-key-id.ts";
export { FileSeal } from "./file-seal.ts";
export { ImportToken, type ImportTokenFacts } from "./import-token.ts";
export {
  type AsymmetricSpec,
  type EncryptionAlgorithm,
  type KeySpec,
  type MacSpec,
  MAX_ASYMMETRIC_CIPHERTEXT_BYTES,
  type SigningAlgorithm,
  type SymmetricSpec,
  type ToSign,
} from "./key-spec.ts";
export type {
  IvSource,
  KeyMaterial,
  KeyOrigin,
  Keystore,
  KeyVersionIdentity,
  NewKeyVersion,
  PublicKey,
  StoredKeyVersion,
} from "./keystore.ts";
export { type ImportedMaterial, type ImportParameters, MaterialImport, noMaterial } from "./material-import.ts";
export { keyMaterialIdentity } from "./opened-version.ts";
export { type AskForPassphrase, PassphraseSeal } from "./passphrase-seal.ts";
export { MAX_PROVIDED_BYTES, ProvidedSeal } from "./provided-seal.ts";
export { isRootKeyText } from "./root-key-file.ts";
export { ROOT_KEY_BYTES, RootKey, type RootKeyUse } from "./root-key.ts";
export { notReadBack } from "./seal-on-disk.ts";
export {
  type OpenedSeal,
  type Seal,
  SealError,
  type SealErrorCode,
  type SealKind,
  type SealRotation,
  type StagedSeal,
} from "./seal.ts";
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
export { SlowCryptography } from "./slow-cryptography.ts";
export { TooBusyError } from "./too-busy-error.ts";
export { type AccountKeys, accountKeysKind, accountKeyTable, assertRootKey, newAccountKey } from "./account-keys.ts";
export { RootKeyRotatedError } from "./root-key-rotated-error.ts";
export { nodeKeyTable } from "./node-key.ts";
export { type RootKeyRotation, rotateRootKey } from "./root-key-rotation.ts";
export { type Custody, openCustody } from "./custody.ts";
export { MessageBlocks } from "./message-blocks.ts";
export { rowGuardKeys } from "./row-guard-keys.ts";
export { type MadeWrappingKey, WrappedSeal, type WrappingKeySource } from "./wrapped-seal.ts";
