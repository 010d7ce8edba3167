const RESOURCE_GROUPS = "There are no resource groups: a call that names one is refused, not carried out without it.";
const OF_ROLES = "Published for users and groups; roles have the code that goes with those.";

const QUESTIONS = "The published API has no questions about rights.";
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
  "TryPolicy: is not published": QUESTIONS,
  "GetUser answers User.LastLoginDate: is not declared": "No user logs on to a console yet.",
};
