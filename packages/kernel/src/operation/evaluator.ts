import { type UnsignedRequest, verifySignature } from "@cinnabar/rpc";
import type { Custody } from "../custody/custody.ts";
import { TooBusyError } from "../custody/too-busy-error.ts";
import { attempt, proceed } from "../platform/proceed.ts";
import { DatabaseAwayError, type TimeWindow } from "../store/backend.ts";
import type { Store } from "../store/store.ts";
import { AccessDeniedError } from "./access-denied.ts";
import { describe, encodeAnswer, encodeRefusal, inFormat } from "./answer-body.ts";
import type { ProvenCaller, SignedCaller } from "./authentication.ts";
import type { Authenticator, FoundKey } from "./authenticator.ts";
import { type Authorizer, rootOnly } from "./authorizer.ts";
import { BoundedQueue, QUEUE_RETRY_MILLIS, type QueueLimits, type QueueName, QUEUES } from "./bounded-queue.ts";
import type { Call } from "./call.ts";
import { DryRunError } from "./dry-run.ts";
import { ApiError, ERRORS } from "./errors.ts";
import { type CallFacts, type Evaluation, EvaluationContext } from "./evaluation.ts";
import type { DeclaredOperation, Plan, RequestContext } from "./operation.ts";
import { PrerequisiteError } from "./prerequisite.ts";
import { type Principal, rootPrincipal } from "./principal.ts";
import { queueOf } from "./queue-of.ts";
import type { OperationRegistry } from "./registry.ts";
import { WorkNeededError } from "./slow-work.ts";
import { narrow, type View } from "./view.ts";

/** How often a call may turn out, under the epoch's lock, to need work that is not done yet, before that is its answer. */
const MAX_WORK_ROUNDS = 3;
const NO_TOKEN_ADVICE =
  "Specified SecurityToken is malformed. The AccessKey is not one of a session: send no security token with it.";

/** What is known of a call's evaluation by the time that something stands against it. */
interface Known {
  principal: Principal;
  context: EvaluationContext | undefined;
  /** When it stands against it, where that is before there is a context. */
  window?: TimeWindow;
}

export interface EvaluatorOptions {
  readonly store: Store;
  readonly registry: OperationRegistry;
  readonly authenticator: Authenticator;
  /** Left out, {@link rootOnly}. */
  readonly authorizer?: Authorizer | undefined;
  readonly custody: Custody;
  /** Left out, {@link QUEUES}. */
  readonly queues?: Readonly<Record<QueueName, QueueLimits>> | undefined;
}

/** Computes answers from views of the store: the stages from whether the caller's credentials still hold to the operation itself. */
export class Evaluator {
  readonly #store: Store;
  readonly #registry: OperationRegistry;
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;
  readonly #custody: Custody;
  readonly #queues: Readonly<Record<QueueName, BoundedQueue>>;

  constructor(options: EvaluatorOptions) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#authenticator = options.authenticator;
    this.#authorizer = options.authorizer ?? rootOnly;
    this.#custody = options.custody;
    const { lookup, rights, password } = options.queues ?? QUEUES;
    this.#queues = {
      lookup: new BoundedQueue(lookup),
      rights: new BoundedQueue(rights),
      password: new BoundedQueue(password),
    };
  }

  /**
   * Computes the answer from one view of the store. What goes wrong is an answer too, but for one thing.
   *
   * @throws {@link DatabaseAwayError}: then nothing can be put on record either.
   * @throws {@link WorkNeededError} under the epoch's lock: then the call is to be served anew, and this only is no answer.
   */
  evaluate(call: Call, caller: ProvenCaller, view: View): Evaluation | Promise<Evaluation> {
    if (caller.secret === undefined) {
      const known: Known = { principal: caller.principal, context: undefined };
      return attempt(
        () => this.#perform(call, { ...caller, view, known }),
        (error) => refusal(call, error, { known, view }),
      );
    }
    const known: Known = { principal: unknownPrincipal(caller.request.accessKeyId), context: undefined };
    return attempt(
      () =>
        proceed(this.#authenticator.find(view, caller.request), (key) =>
          this.#decide(call, { ...caller, key, view, known }),
        ),
      (error) => refusal(call, error, { known, view }),
    );
  }

  /** The answer if there is one, or what stands against it, thrown. */
  #decide(
    call: Call,
    options: SignedCaller & { readonly key: FoundKey | undefined; readonly view: View; readonly known: Known },
  ): Evaluation | Promise<Evaluation> {
    const { request, facts, secret, key, view, known } = options;
    // The key was there a moment ago; now it may be gone, disabled, or another one.
    if (key === undefined) throw new ApiError("InvalidAccessKeyId.NotFound");
    if (key.secret === undefined) throw new ApiError(key.rejectedAs);
    const { principal, startsAt, expiresAt } = key;
    known.principal = principal;
    if (key.secret !== secret) verifySignature(request, key.secret);
    if (key.refusedAs !== undefined) throw new ApiError(key.refusedAs);
    if (startsAt !== undefined && view.now < startsAt) {
      known.window = narrow(undefined, { until: startsAt });
      throw new ApiError("InvalidAccessKeyId.Inactive");
    }
    if (expiresAt !== undefined && view.now >= expiresAt) throw new ApiError("InvalidSecurityToken.Expired");
    if (request.securityToken !== undefined && principal.type !== "assumed-role") {
      throw new ApiError("InvalidSecurityToken.Malformed", NO_TOKEN_ADVICE);
    }
    return this.#perform(call, { request, facts, principal, expiresAt, view, known });
  }

  /** Does what a proven caller asks for. */
  #perform(
    call: Call,
    options: {
      readonly request: UnsignedRequest;
      readonly facts: CallFacts;
      readonly principal: Principal;
      /** When the caller's credentials end. */
      readonly expiresAt?: number | undefined;
      readonly view: View;
      readonly known: Known;
    },
  ): Evaluation | Promise<Evaluation> {
    const { request, facts, principal, expiresAt, view, known } = options;
    if (call.fault?.kind === "refused") throw call.fault.error;
    if (call.retryAfterMillis !== undefined) throw new ApiError("Rejected.Throttling");
    const operation = facts.operation ?? this.#notServed(request);
    const context = new EvaluationContext({
      view,
      principal,
      facts,
      region: this.#store.region,
      custody: this.#custody,
      guard: this.#store.guard,
    });
    known.context = context;
    if (expiresAt !== undefined) context.holdsUntil(expiresAt);
    return proceed(this.#execute(call, { operation, context, parameters: facts.parameters }), (plan): Evaluation => {
      const result = { ...plan.result };
      return {
        status: 200,
        body: encodeAnswer(request.format, operation, { requestId: call.eventId, result }),
        plan,
        window: context.window,
        error: undefined,
        noted: context.noted,
        resource: context.resource,
        principal,
        time: view.now,
      };
    });
  }

  /** Runs the operation, in its turn where its work is dear. */
  #execute(
    call: Call,
    options: { operation: DeclaredOperation; context: RequestContext; parameters: ReadonlyMap<string, string> },
  ): Plan<object> | Promise<Plan<object>> {
    const { operation, context, parameters } = options;
    const name = queueOf(operation, parameters);
    const queue = name && this.#queues[name];
    // Who had a turn before has what it needs to wait for no other one: a batch, maybe all control transactions, wait.
    if (queue === undefined || call.hadTurn) return operation.run(context, parameters, this.#authorizer);
    if (!context.allowsWork) throw new WorkNeededError();
    const { accountId } = context.principal;
    if (queue.isFullFor(accountId)) {
      call.retryAfterMillis = QUEUE_RETRY_MILLIS;
      throw new ApiError("Rejected.Throttling");
    }
    return queue.run(accountId, () => {
      if (call.abandoned) throw new ApiError("ServiceUnavailableTemporary");
      call.hadTurn = true;
      return operation.run(context, parameters, this.#authorizer);
    });
  }

  #notServed(request: UnsignedRequest): never {
    if (!this.#registry.hasVersion(request.version)) {
      const versions = this.#registry.versions.join(", ");
      throw new ApiError("InvalidVersion", `Specified parameter Version is not valid. This server speaks ${versions}.`);
    }
    throw new ApiError("InvalidAction.NotFound");
  }
}

/** @throws {@link DatabaseAwayError} or {@link WorkNeededError} as {@link Evaluator.evaluate}. */
function refusal(
  call: Call,
  error: unknown,
  { known, view }: { readonly known: Known; readonly view: View },
): Evaluation {
  if (error instanceof DatabaseAwayError) throw error;
  if (error instanceof WorkNeededError && call.workRounds < MAX_WORK_ROUNDS) throw error;
  if (error instanceof TooBusyError) call.retryAfterMillis = QUEUE_RETRY_MILLIS;
  const { code, message } = inFormat(call, describe(error));
  const { principal, context } = known;
  const accessDenied = error instanceof AccessDeniedError ? error.detail : undefined;
  const dryRun = error instanceof DryRunError ? error.detail : undefined;
  return {
    status: ERRORS[code].status,
    body: encodeRefusal(call, { code, message, accessDenied, dryRun }),
    plan: undefined,
    window: context?.window ?? known.window,
    error: { code, message },
    failure: error,
    prerequisite: error instanceof PrerequisiteError ? error.prerequisite : undefined,
    noted: context?.noted ?? {},
    resource: context?.resource,
    principal,
    time: view.now,
  };
}

function unknownPrincipal(accessKeyId: string): Principal {
  return rootPrincipal({ accountId: "unknown", accessKeyId });
}
