import type { DeclaredOperation } from "@cinnabar/kernel";
import { attachPolicyToGroup } from "./attachment/attach-policy-to-group.ts";
import { attachPolicyToRole } from "./attachment/attach-policy-to-role.ts";
import { attachPolicyToUser } from "./attachment/attach-policy-to-user.ts";
import { detachPolicyFromGroup } from "./attachment/detach-policy-from-group.ts";
import { detachPolicyFromRole } from "./attachment/detach-policy-from-role.ts";
import { detachPolicyFromUser } from "./attachment/detach-policy-from-user.ts";
import { listEntitiesForPolicy } from "./attachment/list-entities-for-policy.ts";
import { listPoliciesForGroup } from "./attachment/list-policies-for-group.ts";
import { listPoliciesForRole } from "./attachment/list-policies-for-role.ts";
import { listPoliciesForUser } from "./attachment/list-policies-for-user.ts";
import { decodeDiagnosticMessage } from "./authorization/decode-diagnostic-message.ts";
import { createPolicy } from "./policy/create-policy.ts";
import { createPolicyVersion } from "./policy/create-policy-version.ts";
import { deletePolicy } from "./policy/delete-policy.ts";
import { deletePolicyVersion } from "./policy/delete-policy-version.ts";
import { getPolicy } from "./policy/get-policy.ts";
import { getPolicyVersion } from "./policy/get-policy-version.ts";
import { listPolicies } from "./policy/list-policies.ts";
import { listPolicyVersions } from "./policy/list-policy-versions.ts";
import { setDefaultPolicyVersion } from "./policy/set-default-policy-version.ts";
import { updatePolicyDescription } from "./policy/update-policy-description.ts";
import { createRole } from "./role/create-role.ts";
import { deleteRole } from "./role/delete-role.ts";
import { getRole } from "./role/get-role.ts";
import { listRoles } from "./role/list-roles.ts";
import { updateRole } from "./role/update-role.ts";
import type { Separation } from "./separation/separation.ts";
import { listTagResources } from "./tag/list-tag-resources.ts";
import { tagResources } from "./tag/tag-resources.ts";
import { untagResources } from "./tag/untag-resources.ts";

/** What is done with roles and policies, and what policies are attached to. */
export const roleAndPolicyOperations = (separation: Separation): readonly DeclaredOperation[] => [
  createPolicy,
  getPolicy,
  listPolicies,
  updatePolicyDescription,
  deletePolicy,
  createPolicyVersion(separation),
  getPolicyVersion,
  listPolicyVersions,
  setDefaultPolicyVersion(separation),
  deletePolicyVersion,
  attachPolicyToUser(separation),
  attachPolicyToGroup(separation),
  attachPolicyToRole(separation),
  detachPolicyFromUser(separation),
  detachPolicyFromGroup(separation),
  detachPolicyFromRole(separation),
  listPoliciesForUser,
  listPoliciesForGroup,
  listPoliciesForRole,
  listEntitiesForPolicy,
  createRole(separation),
  getRole,
  listRoles,
  updateRole(separation),
  deleteRole,
  tagResources,
  untagResources,
  listTagResources,
  decodeDiagnosticMessage,
];
