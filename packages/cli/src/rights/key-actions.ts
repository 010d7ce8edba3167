/** The rights by which a key does cryptography, and the one by which somebody gives it material, and so knows that. */
export const USING_ACTIONS: readonly string[] = [
  "kms:Encrypt",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:GenerateAndExportDataKey",
  "kms:ExportDataKey",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  "kms:AsymmetricEncrypt",
  "kms:AsymmetricDecrypt",
  "kms:AsymmetricSign",
  "kms:AsymmetricVerify",
  "kms:GenerateMac",
  "kms:VerifyMac",
  "kms:ImportKeyMaterial",
];

/** Whoever has this right on a key can open it to itself. */
export const SET_KEY_POLICY = "kms:SetKeyPolicy";

/** The rights by which a key is disabled or deleted, or opened to others. */
export const MANAGING_ACTIONS: readonly string[] = [
  "kms:DisableKey",
  "kms:ScheduleKeyDeletion",
  "kms:DeleteKeyMaterial",
  SET_KEY_POLICY,
];

/** The rights by which somebody comes to use keys as an application, by what in KMS they are about. */
export const ACCESS_GIVING_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  applicationaccesspoint: [
    "kms:CreateClientKey",
    "kms:CreateApplicationAccessPoint",
    "kms:UpdateApplicationAccessPoint",
  ],
  policy: ["kms:CreatePolicy", "kms:UpdatePolicy"],
};

/** The rights by which somebody gives itself others, or becomes somebody who has them, by what in RAM they are about. */
export const ESCALATING_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  user: [
    "ram:AttachPolicyToUser",
    "ram:DetachPolicyFromUser",
    "ram:UpdateUser",
    "ram:CreateAccessKey",
    "ram:CreateLoginProfile",
    "ram:UpdateLoginProfile",
  ],
  group: ["ram:AttachPolicyToGroup", "ram:DetachPolicyFromGroup", "ram:AddUserToGroup", "ram:RemoveUserFromGroup"],
  role: ["ram:AttachPolicyToRole", "ram:DetachPolicyFromRole", "ram:UpdateRole"],
  policy: ["ram:CreatePolicyVersion", "ram:SetDefaultPolicyVersion"],
};
