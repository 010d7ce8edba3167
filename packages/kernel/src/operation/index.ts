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
  optionalMap,
  type Parameter,
  type Parameters,
  type ParameterValues,
  required,
} from "./parameter.ts";
export {
  type Answer,
  type Authenticator,
  type IdentifiedKey,
  type IncomingCall,
  Pipeline,
  RECORD_PATIENCE_MILLIS,
} from "./pipeline.ts";
export type { Credential, Principal } from "./principal.ts";
export { OperationRegistry } from "./registry.ts";
