export { type AdmittedMembers, admittedMembers } from "./admitted-members.ts";
export { type Admission, admits, type DeniedMember } from "./admits.ts";
export type { CompiledPolicy } from "./compiled-policy.ts";
export { compilePolicy } from "./compiled-policy.ts";
export { givenConditions } from "./given-conditions.ts";
export { findConditionKey, type KeyCategory } from "./condition-keys.ts";
export { CONDITION_OPERATORS, type ConditionOperator } from "./condition-operators.ts";
export { decide } from "./decide.ts";
export type { Decision, DecisionInput, Gate } from "./decision.ts";
export { explain } from "./explain.ts";
export type {
  AddedStatement,
  Explanation,
  GateExplanation,
  MatchedStatement,
  NearMiss,
  SmallestChange,
  StatementDocument,
} from "./explanation.ts";
export { isIpRange } from "./ip-range.ts";
export { MAX_POLICY_BYTES, parsePolicy } from "./parse-policy.ts";
export type { Condition, Policy, PolicyKind, PrincipalPattern, Statement } from "./policy.ts";
export { decidePartially, type PartialDecision } from "./partial-decision.ts";
export { PolicyError, type PolicyFault } from "./policy-error.ts";
export { PolicySet } from "./policy-set.ts";
export { describePrincipal, type WholeAccount } from "./principal-pattern.ts";
export type { ConditionSource, PolicyPrincipal, PolicyRequest } from "./request.ts";
export { allowances, type OpenRequest, possibility, type Possibility } from "./possibility.ts";
export { allowedAmong, deniesAlways, namedIn, type Reach, reachOf } from "./reach.ts";
export { type AskedAccess, relevantTo } from "./relevant.ts";
export { parseInstant } from "./scalars.ts";
export type { PolicySource, StatementReference, ValidityWindow, Verdict } from "./verdict.ts";
