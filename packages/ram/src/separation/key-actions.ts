import type { RamResourceType } from "../resource-name.ts";

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

/** A right by which somebody gives applications access to keys, and so itself, and what it is asked for on. */
export interface AccessGivingAction {
  readonly action: string;
  readonly type: "policy" | "applicationaccesspoint";
}

/**
 * The rights by which somebody comes to use keys as an application. Neither the policies of RAM nor those of keys that deny it
 * something bind the application, and to what an access point or a policy gives access already is not asked.
 */
export const ACCESS_GIVING_ACTIONS: readonly AccessGivingAction[] = [
  { action: "kms:CreateClientKey", type: "applicationaccesspoint" },
  { action: "kms:CreateApplicationAccessPoint", type: "applicationaccesspoint" },
  { action: "kms:UpdateApplicationAccessPoint", type: "applicationaccesspoint" },
  { action: "kms:CreatePolicy", type: "policy" },
  { action: "kms:UpdatePolicy", type: "policy" },
];

export const KEY_ACTIONS: readonly string[] = [...USING_ACTIONS, ...MANAGING_ACTIONS];

export const ASSUME_ROLE = "sts:AssumeRole";

/** A right by which somebody can give itself rights, and on what. */
export interface EscalatingAction {
  readonly action: string;
  readonly type: RamResourceType;
  /** Whether a user gains nothing by it who may do it to itself alone. */
  readonly isHarmlessOnSelf?: true;
}

/**
 * The rights by which somebody gives itself other rights, or becomes somebody who has them. To whom or with what policies
 * they can be given is not asked.
 */
export const ESCALATING_ACTIONS: readonly EscalatingAction[] = [
  { action: "ram:AttachPolicyToUser", type: "user" },
  { action: "ram:AttachPolicyToGroup", type: "group" },
  { action: "ram:AttachPolicyToRole", type: "role" },
  { action: "ram:DetachPolicyFromUser", type: "user" },
  { action: "ram:DetachPolicyFromGroup", type: "group" },
  { action: "ram:DetachPolicyFromRole", type: "role" },
  { action: "ram:CreatePolicyVersion", type: "policy" },
  { action: "ram:SetDefaultPolicyVersion", type: "policy" },
  { action: "ram:AddUserToGroup", type: "group" },
  { action: "ram:RemoveUserFromGroup", type: "group" },
  { action: "ram:UpdateRole", type: "role" },
  { action: "ram:UpdateUser", type: "user", isHarmlessOnSelf: true },
  { action: "ram:CreateAccessKey", type: "user", isHarmlessOnSelf: true },
  { action: "ram:CreateLoginProfile", type: "user", isHarmlessOnSelf: true },
  { action: "ram:UpdateLoginProfile", type: "user", isHarmlessOnSelf: true },
];

/** All actions by which somebody may come to use a key or to manage it. */
export const SEPARATED_ACTIONS: readonly string[] = [
  ...KEY_ACTIONS,
  ...ACCESS_GIVING_ACTIONS.map(({ action }) => action),
  ASSUME_ROLE,
  ...ESCALATING_ACTIONS.map(({ action }) => action),
];
