import type { DeclaredOperation, DeploymentKeys } from "@cinnabar/kernel";
import { createAccessKey } from "./access-key/create-access-key.ts";
import { deleteAccessKey } from "./access-key/delete-access-key.ts";
import { type FindLastUse, getAccessKeyLastUsed } from "./access-key/get-access-key-last-used.ts";
import { listAccessKeys } from "./access-key/list-access-keys.ts";
import { updateAccessKey } from "./access-key/update-access-key.ts";
import { addUserToGroup } from "./group/add-user-to-group.ts";
import { createGroup } from "./group/create-group.ts";
import { deleteGroup } from "./group/delete-group.ts";
import { getGroup } from "./group/get-group.ts";
import { listGroups } from "./group/list-groups.ts";
import { listGroupsForUser } from "./group/list-groups-for-user.ts";
import { listUsersForGroup } from "./group/list-users-for-group.ts";
import { removeUserFromGroup } from "./group/remove-user-from-group.ts";
import { updateGroup } from "./group/update-group.ts";
import { changePassword } from "./login-profile/change-password.ts";
import { createLoginProfile } from "./login-profile/create-login-profile.ts";
import { deleteLoginProfile } from "./login-profile/delete-login-profile.ts";
import { getLoginProfile } from "./login-profile/get-login-profile.ts";
import { updateLoginProfile } from "./login-profile/update-login-profile.ts";
import { bindMfaDevice } from "./mfa/bind-mfa-device.ts";
import { createVirtualMfaDevice } from "./mfa/create-virtual-mfa-device.ts";
import { deleteVirtualMfaDevice } from "./mfa/delete-virtual-mfa-device.ts";
import { getUserMfaInfo } from "./mfa/get-user-mfa-info.ts";
import { listVirtualMfaDevices } from "./mfa/list-virtual-mfa-devices.ts";
import { unbindMfaDevice } from "./mfa/unbind-mfa-device.ts";
import { clearAccountAlias } from "./settings/clear-account-alias.ts";
import { getAccountAlias } from "./settings/get-account-alias.ts";
import { getPasswordPolicy } from "./settings/get-password-policy.ts";
import { getSecurityPreference } from "./settings/get-security-preference.ts";
import { setAccountAlias } from "./settings/set-account-alias.ts";
import { setPasswordPolicy } from "./settings/set-password-policy.ts";
import { setSecurityPreference } from "./settings/set-security-preference.ts";
import type { Separation } from "./separation/separation.ts";
import { createUser } from "./user/create-user.ts";
import { deleteUser } from "./user/delete-user.ts";
import { getUser } from "./user/get-user.ts";
import { listUsers } from "./user/list-users.ts";
import { updateUser } from "./user/update-user.ts";

/** What the operations on users need that is not in a request's context. */
export interface UserOperationParts {
  readonly separation: Separation;
  readonly keys: DeploymentKeys;
  readonly findLastUse: FindLastUse;
}

/** What is done with users and groups, with what users have, and with the settings of their account. */
export function userOperations({ keys, findLastUse, separation }: UserOperationParts): readonly DeclaredOperation[] {
  return [
    createUser,
    getUser,
    listUsers,
    updateUser(separation),
    deleteUser,
    createGroup,
    getGroup,
    listGroups,
    updateGroup,
    deleteGroup,
    addUserToGroup(separation),
    removeUserFromGroup(separation),
    listGroupsForUser,
    listUsersForGroup,
    createAccessKey(keys),
    listAccessKeys,
    updateAccessKey(keys),
    deleteAccessKey(keys),
    getAccessKeyLastUsed(findLastUse),
    createLoginProfile,
    getLoginProfile,
    updateLoginProfile,
    deleteLoginProfile,
    changePassword,
    createVirtualMfaDevice,
    bindMfaDevice,
    unbindMfaDevice,
    getUserMfaInfo,
    listVirtualMfaDevices,
    deleteVirtualMfaDevice,
    getPasswordPolicy,
    setPasswordPolicy,
    getSecurityPreference,
    setSecurityPreference,
    getAccountAlias,
    setAccountAlias,
    clearAccountAlias,
  ];
}
