import { AccessDeniedError } from "./access-denied.ts";
import { authorize, isAllowed } from "./authorize.ts";
import type { Authorizer } from "./authorizer.ts";
import { ApiError, ERRORS } from "./errors.ts";
import type { Operation, Plan, RequestContext } from "./operation.ts";
import { type Parameters, readParameters } from "./parameter.ts";
import { PrerequisiteError } from "./prerequisite.ts";
import { queueOf } from "./queue-of.ts";
import { ReadOnce } from "./read-once.ts";

const outcomes = new ReadOnce<DryRunError>();

/** A call that is only to be tried. */
interface DryCall {
  readonly context: RequestContext;
  readonly wire: ReadonlyMap<string, string>;
  readonly authorizer: Authorizer;
}

/** What a call would change for others. */
export interface ImpactReport {
  /** The same in a sentence or two, for the answer's message. */
  readonly message: string;
  /** Further members of the answer's DryRunDetail. */
  readonly detail: object;
}

/** The call would have succeeded, but it was only asked whether it would. */
export class DryRunError extends ApiError {
  /** What the call would change for others, where the operation tells that and the caller may know. */
  readonly detail: object | undefined;

  constructor(report: ImpactReport | undefined) {
    const { message } = ERRORS.DryRunOperationError;
    super("DryRunOperationError", report === undefined ? message : `${message} ${report.message}`);
    this.detail = report?.detail;
  }
}

/**
 * As {@link carryOut}. Refusals of cryptography have the published codes of a dry run (Alibaba Cloud SDK, "Encrypt", DryRun),
 * and name the call's own in the message.
 *
 * @throws {@link DryRunError} if the call would succeed, or what it throws.
 */
export async function dryRun<P extends Parameters, Target, Result extends object>(
  operation: Operation<P, Target, Result>,
  call: DryCall,
): Promise<never> {
  try {
    return await carryOut(operation, call);
  } catch (error) {
    throw operation.kind === "crypto" ? withPublishedCode(operation, error) : error;
  }
}

function withPublishedCode({ product }: Pick<Operation, "product">, error: unknown): unknown {
  if (!(error instanceof ApiError) || error instanceof DryRunError) return error;
  // What says nothing of the request is no refusal.
  if (!error.isRefusal) return error;
  if (error instanceof AccessDeniedError)
    return new AccessDeniedError(product, error.detail, { code: "AccessDeniedError" });
  return new ApiError("ValidationError", `${ERRORS.ValidationError.message} ${error.code}: ${error.message}`);
}

/**
 * Does all that the call does and throws away what was to be written: so it is refused exactly if the
 * call would be. What the call would have had carried out before it is not done.
 *
 * @throws {@link DryRunError} if the call would succeed, or what it throws.
 */
async function carryOut<P extends Parameters, Target, Result extends object>(
  operation: Operation<P, Target, Result>,
  { context, wire, authorizer }: DryCall,
): Promise<never> {
  context.note({ dryRun: true });
  const parameters = readParameters(operation.parameters, wire);
  const target = await withoutPrerequisite(() => operation.target(context, parameters));
  const { product, kind, impact } = operation;
  const requests = operation.access(context, target);
  await authorize({ authorizer, context, requests, product, notesRights: kind !== "crypto" });
  const told = impact?.access(context, target);
  const isTold = told !== undefined && (await isAllowed(context, told, authorizer));
  const work = async (reported: RequestContext): Promise<DryRunError> => {
    const plan = await unlessPrepared(() => operation.handle(reported, parameters, target));
    if (impact === undefined) return new DryRunError(undefined);
    return new DryRunError(isTold ? await impact.find(reported, target, plan?.result) : impact.untold);
  };
  if (queueOf(operation, wire) === undefined) throw await work(context);
  throw await outcomes.run(context, isTold ? [...requests, told] : requests, work);
}

/** What is not there yet, the caller's own call would make first: until it has, that is the answer. */
async function withoutPrerequisite<T>(find: () => T | Promise<T>): Promise<T> {
  try {
    return await find();
  } catch (error) {
    throw error instanceof PrerequisiteError ? new ApiError(error.code, error.message) : error;
  }
}

/** What the handler needs first, it would get: everything else has been looked at by then. */
async function unlessPrepared<Result extends object>(
  handle: () => Plan<Result> | Promise<Plan<Result>>,
): Promise<Plan<Result> | undefined> {
  try {
    return await handle();
  } catch (error) {
    if (error instanceof PrerequisiteError) return undefined;
    throw error;
  }
}
