/** The rights by which a key does cryptography. */
export const USING_ACTIONS: readonly string[] = [
  "kms:Encrypt",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  "kms:AsymmetricEncrypt",
  "kms:AsymmetricDecrypt",
  "kms:AsymmetricSign",
  "kms:AsymmetricVerify",
  "kms:GenerateMac",
  "kms:VerifyMac",
];

/** The rights by which a key is disabled or deleted, or opened to others. */
export const MANAGING_ACTIONS: readonly string[] = [
  "kms:DisableKey",
  "kms:ScheduleKeyDeletion",
  "kms:DeleteKeyMaterial",
  "kms:SetKeyPolicy",
];
