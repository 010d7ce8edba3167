export { type AccessDeniedDetail, AccessDeniedError, deniedByRule } from "./access-denied.ts";
export type { Authenticator, FoundKey, IdentifiedKey, PresentedKey, RejectedKey } from "./authenticator.ts";
export { type AuthorizationContext, type Authorizer, rootOnly } from "./authorizer.ts";
export { BoundedQueue, type QueueLimits, type QueueName, QUEUES } from "./bounded-queue.ts";
export { isAllowed } from "./authorize.ts";
export type { Answer, IncomingCall } from "./call.ts";
export { conditionsOf } from "./conditions.ts";
export { decodeDiagnosis, type Diagnosis, encodeDiagnosis } from "./diagnostic-message.ts";
export { DryRunError, type ImpactReport } from "./dry-run.ts";
export type { InjectedFault, ProvenCall } from "./injected-fault.ts";
export { ApiError, type ErrorCode, type ErrorEntry, ERRORS, invalidParameter, missingParameter } from "./errors.ts";
export {
  type AccessRequest,
  type DeclaredOperation,
  defineOperation,
  type Impact,
  type Operation,
  type OperationKind,
  type Plan,
  type ProductName,
  type RequestContext,
  type Touched,
  type UnsignedContext,
} from "./operation.ts";
export {
  type AuditTreatment,
  optional,
  optionalList,
  optionalMap,
  optionalRecords,
  type Parameter,
  type Parameters,
  type ParameterValues,
  readParameters,
  required,
  requiredList,
  requiredRecords,
} from "./parameter.ts";
export { Pipeline } from "./pipeline.ts";
export { type Prerequisite, PrerequisiteError } from "./prerequisite.ts";
export {
  type AssumedRole,
  type Credential,
  type FederatedIdentity,
  type FederatedPrincipal,
  hasMfa,
  isStrangerTo,
  type Principal,
  type RolePrincipal,
  rootPrincipal,
  type RootPrincipal,
  type ServicePrincipal,
  type SessionLineage,
  type SessionService,
  toPolicyPrincipal,
  type ApplicationPrincipal,
  type UserPrincipal,
} from "./principal.ts";
export { OperationRegistry } from "./registry.ts";
export { MAX_SOURCE_ARN_CHARACTERS, sourceArnText } from "./source-arn.ts";
export { reporting } from "./reporting-context.ts";
export { type OngoingCall, OncePerCall, type Waiting, type WorkContext, WorkNeededError } from "./slow-work.ts";
export { CLOUD_LIMITS, Throttle, type ThrottlingClass, type ThrottlingLimits } from "./throttle.ts";
export { type Warned, warningsResult } from "./warnings.ts";
