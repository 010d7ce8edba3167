import type { EventRecord } from "./event-record.ts";

/**
 * Increased with every change of {@link SENSITIVE_ACTIONS}: what was indexed by another list is not used, and the log
 * itself is searched instead.
 */
export const SENSITIVE_ACTIONS_VERSION = 2;

/** Actions that take something away for good, take away a protection, or change who may do what, by service. */
const SENSITIVE_ACTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  Kms: new Set([
    "DisableKey",
    "ScheduleKeyDeletion",
    "DeleteKeyMaterial",
    "ImportKeyMaterial",
    "SetKeyPolicy",
    "SetDeletionProtection",
    "UpdateAlias",
    "DeleteAlias",
    "SetSecretPolicy",
    "DeleteSecret",
  ]),
  Ram: new Set([
    // Policies and trust policies give rights to names: whoever gets a name or leaves one gets or leaves these.
    "CreateUser",
    "UpdateUser",
    "DeleteUser",
    "CreateRole",
    "UpdateRole",
    "DeleteRole",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachPolicyToUser",
    "AttachPolicyToGroup",
    "AttachPolicyToRole",
    "DetachPolicyFromUser",
    "DetachPolicyFromGroup",
    "DetachPolicyFromRole",
    "CreatePolicyVersion",
    "SetDefaultPolicyVersion",
    "DeletePolicyVersion",
    "DeletePolicy",
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "DeleteLoginProfile",
    "BindMFADevice",
    "UnbindMFADevice",
    "DeleteVirtualMFADevice",
    "SetPasswordPolicy",
    "SetSecurityPreference",
  ]),
  Cinnabar: new Set([
    "CreateAccount",
    "EnableAccount",
    "DisableAccount",
    "ChangeAccountSettings",
    "CreateInstance",
    "ChangeInstanceQuotas",
    "EnableService",
    "DisableService",
    "CreateAccessKey",
    "EnableAccessKey",
    "DisableAccessKey",
    "DeleteAccessKey",
    "CreateOIDCProvider",
    "DeleteOIDCProvider",
  ]),
};

/** What the attribute SensitiveAction tells: the event is of such an action, whether it succeeded or not. */
export function isSensitive({ serviceName, eventName }: Pick<EventRecord, "serviceName" | "eventName">): boolean {
  return Object.hasOwn(SENSITIVE_ACTIONS, serviceName) && SENSITIVE_ACTIONS[serviceName]?.has(eventName) === true;
}
