const RESOURCE_GROUPS = "There are no resource groups: a call that names one is refused, not carried out without it.";
const OF_ROLES = "Published for users and groups; roles have the code that goes with those.";

const QUESTIONS = "The published API has no questions about rights.";
const SEPARATION = "The published API has no separation of duties; clients ignore members that they do not know.";
const NO_SEARCH = "The message holds what is decoded: nothing is searched for.";

/** Every difference from the published API, with its reason. Whoever takes one away takes its line away. */
export const DEVIATIONS: Readonly<Record<string, string>> = {
  "AttachPolicyToGroup fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "AttachPolicyToRole fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "AttachPolicyToUser fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "DetachPolicyFromGroup fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "DetachPolicyFromRole fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "DetachPolicyFromUser fails with UnsupportedOperation: is not published": RESOURCE_GROUPS,
  "AttachPolicyToRole fails with EntityAlreadyExists.Role.Policy: is not published": OF_ROLES,
  "DeletePolicy fails with DeleteConflict.Policy.Role: is not published": OF_ROLES,
  "DetachPolicyFromRole fails with EntityNotExist.Role.Policy: is not published": OF_ROLES,
  "DecodeDiagnosticMessage answers DecodedDiagnosticMessage.MatchedPolicies.AttachedEntityType: is not declared":
    "A decision names the policy, and not whether it came to a user by itself or by a group.",
  "DecodeDiagnosticMessage fails with NotSupport: is not declared":
    "Every caller may have a refusal of its own account told.",
  "DecodeDiagnosticMessage fails with SearchInaccurate: is not declared": NO_SEARCH,
  "DecodeDiagnosticMessage fails with TooManyRequests: is not declared": NO_SEARCH,
  "GetAccessExplanation: is not published": QUESTIONS,
  "ListPrincipalsForAction: is not published": QUESTIONS,
  "ListPrincipalsWithBothRights: is not published": SEPARATION,
  "TryPolicy: is not published": QUESTIONS,
  "GetSeparationOfDuties: is not published": SEPARATION,
  "SetSeparationOfDuties: is not published": SEPARATION,
  "AddUserToGroup answers Warnings: is not published": SEPARATION,
  "AddUserToGroup fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "AttachPolicyToGroup answers Warnings: is not published": SEPARATION,
  "AttachPolicyToGroup fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "AttachPolicyToRole answers Warnings: is not published": SEPARATION,
  "AttachPolicyToRole fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "AttachPolicyToUser answers Warnings: is not published": SEPARATION,
  "AttachPolicyToUser fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "CreatePolicyVersion answers Warnings: is not published": SEPARATION,
  "CreatePolicyVersion fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "CreateRole answers Warnings: is not published": SEPARATION,
  "CreateRole fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "DetachPolicyFromGroup answers Warnings: is not published": SEPARATION,
  "DetachPolicyFromGroup fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "DetachPolicyFromRole answers Warnings: is not published": SEPARATION,
  "DetachPolicyFromRole fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "DetachPolicyFromUser answers Warnings: is not published": SEPARATION,
  "DetachPolicyFromUser fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "RemoveUserFromGroup answers Warnings: is not published": SEPARATION,
  "RemoveUserFromGroup fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "SetDefaultPolicyVersion answers Warnings: is not published": SEPARATION,
  "SetDefaultPolicyVersion fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "UpdateRole answers Warnings: is not published": SEPARATION,
  "UpdateRole fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "UpdateUser answers Warnings: is not published": SEPARATION,
  "UpdateUser fails with Rejected.SeparationOfDuties: is not published": SEPARATION,
  "GetUser answers User.LastLoginDate: is not declared": "No user logs on to a console yet.",
};
