export { BoundedQueue, type QueueLimits, type QueueName, QUEUES } from "./bounded-queue.ts";
export { ApiError, type ErrorCode, type ErrorEntry, ERRORS, invalidParameter, missingParameter } from "./errors.ts";
export {
  type AccessRequest,
  type DeclaredOperation,
  defineOperation,
  type Operation,
  type OperationKind,
  type Plan,
  type RequestContext,
  type Touched,
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
export {
  type Answer,
  type Authenticator,
  type IdentifiedKey,
  type IncomingCall,
  type InjectedFault,
  Pipeline,
  type ProvenCall,
  RECORD_PATIENCE_MILLIS,
} from "./pipeline.ts";
export type { Credential, Principal } from "./principal.ts";
export { OperationRegistry } from "./registry.ts";
export { CLOUD_LIMITS, Throttle, type ThrottlingClass, type ThrottlingLimits } from "./throttle.ts";
