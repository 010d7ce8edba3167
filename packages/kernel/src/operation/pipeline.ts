import { ownTurn, TurnLine } from "@cinnabar/crypto";
import {
  type AnswerFormat,
  assertFresh,
  assertSignedFor,
  type ClientKeyVerifier,
  encodeError,
  encodeInstanceError,
  encodeInstanceResult,
  encodeResult,
  encodeXmlError,
  encodeXmlResult,
  type HttpRequest,
  INSTANCE_API_VERSION,
  isInstanceRequest,
  parseRequest,
  parseUnsignedRequest,
  readMessage,
  type RpcRequest,
  type SigningSecret,
  type UnsignedRequest,
  verifySignature,
  WireError,
} from "@cinnabar/rpc";
import type { Custody } from "../custody/custody.ts";
import { TooBusyError } from "../custody/too-busy-error.ts";
import { alarm } from "../platform/alarms.ts";
import { newRequestId } from "../platform/ids.ts";
import { attempt, proceed } from "../platform/proceed.ts";
import type { Logger } from "../platform/logging.ts";
import type { Metrics, OperationMetrics } from "../platform/metrics.ts";
import type { NonceTable } from "../platform/nonce-table.ts";
import type { RefusalReason, SecurityLog } from "../platform/security-log.ts";
import type { CallTrace, Tracing } from "../platform/tracing.ts";
import type { Submission, Ticket } from "../store/committer.ts";
import { type EntityFinder, sameTag } from "../store/entity-cache.ts";
import { DatabaseAwayError, type TimeWindow } from "../store/backend.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import type { Store } from "../store/store.ts";
import { type AccessDeniedDetail, AccessDeniedError } from "./access-denied.ts";
import { type Authorizer, rootOnly } from "./authorizer.ts";
import { BoundedQueue, type QueueLimits, type QueueName, QUEUES, UNSIGNED_QUEUE } from "./bounded-queue.ts";
import { DryRunError } from "./dry-run.ts";
import { ApiError, ERRORS, type ErrorCode } from "./errors.ts";
import { type CallFacts, encodeCallEvent, type Evaluation, EvaluationContext } from "./evaluation.ts";
import { asInstanceError } from "./instance-errors.ts";
import { type OpenCall, OpenCalls } from "./open-calls.ts";
import { type DeclaredOperation, type Plan, queueOf, type RequestContext } from "./operation.ts";
import { type Prerequisite, PrerequisiteError } from "./prerequisite.ts";
import { type Credential, type FederatedPrincipal, type Principal, rootPrincipal, throttledAs } from "./principal.ts";
import type { OperationRegistry } from "./registry.ts";
import { checkReplay } from "./replay-check.ts";
import { type Waiting, WorkNeededError } from "./slow-work.ts";
import type { Throttle } from "./throttle.ts";
import { CachedView, narrow, type View } from "./view.ts";

/** A call as a listener hands it over. */
export interface IncomingCall {
  readonly http: HttpRequest;
  /** Address of the caller, or what a trusted proxy says it is. */
  readonly sourceAddress: string;
  /** Whether the call came over TLS. */
  readonly isSecure: boolean;
  /** Hands the answer to the socket. Called once. Must not throw. */
  respond(answer: Answer): void;
}

export interface Answer {
  readonly status: number;
  /** Bytes in the instance protocol. */
  readonly body: string | Uint8Array;
  /** What the body is written in. */
  readonly format: AnswerFormat;
  readonly requestId: string;
  /** In how many milliseconds the caller may try again, where it called too often. */
  readonly retryAfterMillis?: number | undefined;
  /** In the instance protocol, the key version that the call was served with, which its messages have no field for. */
  readonly keyVersionId?: string | undefined;
}

/** Finds who an AccessKey belongs to. */
export interface Authenticator {
  /** False for what was certainly never issued; needs no store. */
  isIssued(presented: PresentedKey): boolean;
  find(finder: EntityFinder, presented: PresentedKey): FoundKey | undefined | Promise<FoundKey | undefined>;
}

/** What a request names its caller by. */
export type PresentedKey = Pick<RpcRequest, "accessKeyId" | "securityToken"> & {
  /** How the request is signed, where that decides what the key can be. */
  readonly protocol?: RpcRequest["protocol"];
};

export type FoundKey = IdentifiedKey | RejectedKey;

export interface IdentifiedKey extends Credential {
  /** What signatures are verified with. */
  readonly secret: SigningSecret | ClientKeyVerifier;
}

/** An AccessKey that comes without the security token that belongs to it: there is nothing to verify a signature with. */
export interface RejectedKey {
  readonly secret: undefined;
  readonly rejectedAs:
    | "MissingSecurityToken"
    | "InvalidSecurityToken.Malformed"
    | "InvalidSecurityToken.MismatchWithAccessKey"
    | "InvalidSecurityToken.Expired";
  /** Set if it may be otherwise by what other processes have changed, and is to be found anew. */
  readonly isOutdated?: true;
}

/** A call whose caller is proven, as the emulator looks at it before it is served. */
export interface ProvenCall {
  readonly incoming: IncomingCall;
  /** The operation's name as it was sent; it need not be one that is served. */
  readonly action: string;
  readonly accountId: string;
}

/**
 * What the emulator does to a call instead of serving it: has it refused, on record as any refusal, or loses it, before
 * it had any effect. Nobody takes the answer to a call that is lost.
 */
export type InjectedFault =
  | { readonly kind: "refused"; readonly error: ApiError; readonly retryAfterMillis?: number | undefined }
  | { readonly kind: "lost" };

/** How long a request may wait for its record before it is answered ServiceUnavailableTemporary, in milliseconds. */
export const RECORD_PATIENCE_MILLIS = 1_800;
const DEADLINE_TICK_MILLIS = 100;
/** The longest body of a call that is served beside others in one turn of the event loop. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;
/** When whoever found a queue full may try again, in milliseconds. */
const QUEUE_RETRY_MILLIS = 1_000;

/** How often a call may turn out, under the epoch's lock, to need work that is not done yet, before that is its answer. */
const MAX_WORK_ROUNDS = 3;

/** Ends a control transaction whose request was answered 503 while it waited for its turn. */
class AbandonedError extends Error {
  override readonly name = "AbandonedError";
}

/** Ends a control transaction in which a prerequisite turned out to be refused, or done by others. */
class NotNeededError extends Error {
  override readonly name = "NotNeededError";
}

/**
 * The way of a request, one direction and no way round: parse, authenticate, find the operation, validate, resolve,
 * authorize, execute, commit, respond. Handlers cannot skip or repeat a stage, and no answer to an authenticated call
 * leaves before its event is durable.
 */
export class Pipeline {
  readonly #store: Store;
  readonly #registry: OperationRegistry;
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;
  readonly #custody: Custody;
  readonly #nonces: NonceTable;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #securityLog: SecurityLog;
  readonly #operationMetrics: ReadonlyMap<DeclaredOperation, OperationMetrics>;
  readonly #unknownOperation: OperationMetrics;
  readonly #region: string;
  readonly #throttle: Throttle | undefined;
  readonly #callersTime: () => number;
  readonly #injectFault: ((call: ProvenCall) => InjectedFault | undefined) | undefined;
  readonly #queues: Readonly<Record<QueueName, BoundedQueue>>;
  readonly #unsignedQueue = new BoundedQueue(UNSIGNED_QUEUE);
  /** Large calls that nobody is proven to have sent yet: in a line of their own, strangers hold up no proven caller's work. */
  readonly #unprovenLine = new TurnLine();
  readonly #tracing: Tracing | undefined;
  /** Why callers could not be proven, as far as the log has it. */
  readonly #loggedCauses = new WeakSet<object>();
  /** Calls that wait, oldest first. */
  readonly #open = new OpenCalls<Call>();
  /** Calls whose slow work goes on: nobody counts how long they wait for their record. */
  readonly #busy = new OpenCalls<Call>();
  /** Calls that came in this turn of the event loop, not begun yet. */
  #arrived: Call[] = [];
  readonly #ticker: NodeJS.Timeout;

  constructor(options: {
    store: Store;
    registry: OperationRegistry;
    authenticator: Authenticator;
    /** Left out, {@link rootOnly}. */
    authorizer?: Authorizer | undefined;
    custody: Custody;
    nonces: NonceTable;
    metrics: Metrics;
    log: Logger;
    securityLog: SecurityLog;
    /** Left out, nobody's calls are limited. */
    throttle?: Throttle | undefined;
    /** What callers' clocks show, in milliseconds since 1970; the store's time if left out, as it is but in an emulator. */
    callersTime?: (() => number) | undefined;
    /** Left out but in an emulator. */
    injectFault?: ((call: ProvenCall) => InjectedFault | undefined) | undefined;
    /** Left out, {@link QUEUES}. */
    queues?: Readonly<Record<QueueName, QueueLimits>> | undefined;
    /** Left out, calls are not traced. */
    tracing?: Tracing | undefined;
  }) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#authenticator = options.authenticator;
    this.#authorizer = options.authorizer ?? rootOnly;
    this.#custody = options.custody;
    this.#nonces = options.nonces;
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#securityLog = options.securityLog;
    this.#region = options.store.region;
    this.#throttle = options.throttle;
    this.#callersTime = options.callersTime ?? (() => options.store.clock.now());
    this.#injectFault = options.injectFault;
    const { lookup, rights, password } = options.queues ?? QUEUES;
    this.#queues = {
      lookup: new BoundedQueue(lookup),
      rights: new BoundedQueue(rights),
      password: new BoundedQueue(password),
    };
    this.#tracing = options.tracing;
    this.#operationMetrics = new Map(
      options.registry.operations.map((operation) => [operation, options.metrics.operation(operation.name)]),
    );
    this.#unknownOperation = options.metrics.operation("unknown");
    this.#store.committer.expect(this.#busy);
    this.#ticker = setInterval(() => this.#abandonOverdue(), DEADLINE_TICK_MILLIS);
    this.#ticker.unref();
  }

  /** Calls that have not been answered yet. */
  get open(): number {
    return this.#open.size + this.#busy.size;
  }

  /** All that is served. */
  get operations(): readonly DeclaredOperation[] {
    return this.#registry.operations;
  }

  /**
   * Takes a call; it is answered through its `respond`, always.
   *
   * It is begun at the end of the turn, with all that came in it, stage by stage: the code of one stage is then run for
   * many calls while the processor has it at hand. Under load that is a quarter of a call's CPU time. A large one is served
   * by itself.
   */
  handle(incoming: IncomingCall): void {
    const call = new Call(incoming, this.#setBusy);
    if (this.#tracing !== undefined) {
      const { headers, method } = incoming.http;
      call.trace = this.#tracing.begin({ requestId: call.eventId, headers, method });
      call.trace.stage("authenticate");
    }
    this.#open.add(call);
    if (incoming.http.body.length > MAX_SMALL_BODY_BYTES) void this.#serveLarge(call);
    else if (this.#arrived.push(call) === 1) setImmediate(() => this.#serveArrived());
  }

  /**
   * Each stage of a large call has a turn of the event loop to itself: it takes milliseconds, and others wait for no more.
   * Addresses take turns until it is known who calls, and then accounts.
   */
  async #serveLarge(call: Call): Promise<void> {
    await this.#orFail(call, async () => {
      const isGivenUp = (): boolean => call.abandoned;
      await this.#unprovenLine.turn(call.incoming.sourceAddress, isGivenUp);
      const caller = call.abandoned ? undefined : await this.#authenticate(call);
      if (caller === undefined) return;
      await ownTurn(caller.accountId, isGivenUp);
      if (!call.abandoned) await this.#serve(call, caller);
    });
  }

  #serveArrived(): void {
    const calls = this.#arrived;
    this.#arrived = [];
    const callers = calls.map((call) => this.#orFail(call, () => this.#authenticate(call)));
    for (const [i, call] of calls.entries()) {
      void this.#orFail(call, () => proceed(callers[i], (caller) => caller && this.#serve(call, caller)));
    }
  }

  /** Runs a stage of a call. What it throws, at once or later, ends the call, and then nothing comes of the stage. */
  #orFail<T>(call: Call, stage: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
    return attempt(stage, (error) => {
      this.#fail(call, error);
      return undefined;
    });
  }

  /** Stops the clock that answers overdue calls. No call may be open. */
  close(): void {
    clearInterval(this.#ticker);
  }

  #serve(call: Call, caller: Authenticated): void | Promise<void> {
    const { facts } = caller;
    const evaluate: Evaluate = (view) => this.#evaluate(call, caller, view);
    if (facts.operation?.kind === "unrecorded") return this.#answerUnrecorded(call, evaluate);

    const view = this.#cachedView();
    call.trace?.stage("execute");
    return proceed(evaluate(view), (evaluation) => {
      if (call.abandoned) return undefined;
      const { prerequisite } = evaluation;
      if (prerequisite !== undefined && !call.isPrepared) return this.#prepare(call, caller, prerequisite);
      call.trace?.stage("commit");
      if (isControl(facts, evaluation)) return this.#control(call, caller, evaluate);
      this.#store.committer.submit(this.#submission({ call, caller, evaluate, view, evaluation }));
      return undefined;
    });
  }

  /** Proves who calls, or answers that it cannot and gives nothing. */
  #authenticate(call: Call): Authenticated | undefined | Promise<Authenticated | undefined> {
    const { clock } = this.#store;
    let request: RpcRequest;
    try {
      request = parseRequest(call.incoming.http);
      call.format = request.format;
      // A clock that is behind what it said before is no measure of the caller's.
      if (!clock.behind) assertFresh({ timestampMillis: request.timestampMillis, nowMillis: this.#callersTime() });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error.code === "MissingSignature") return this.#authenticateUnsigned(call, error);
      return this.#rejectUnread(call, error);
    }
    if (clock.behind) return this.#refuseBehind(call);
    const found = this.#authenticator.isIssued(request)
      ? this.#authenticator.find(this.#cachedView(), request)
      : undefined;
    return proceed(found, (key) => {
      const isOutdated = key !== undefined && key.secret === undefined && key.isOutdated === true;
      return isOutdated ? this.#proveAnew(call, request) : this.#prove(call, request, key);
    });
  }

  /** As {@link Pipeline.#prove}, by the store as it is now. */
  async #proveAnew(call: Call, request: RpcRequest): Promise<SignedCaller | undefined> {
    await this.#store.cache.refresh();
    return this.#prove(call, request, await this.#authenticator.find(this.#cachedView(), request));
  }

  #prove(call: Call, unread: RpcRequest, key: FoundKey | undefined): SignedCaller | undefined {
    // Answered meanwhile, because the key took too long to load.
    if (call.abandoned) return undefined;
    if (key === undefined) {
      return this.#reject(call, { reason: "unknown-access-key", code: "InvalidAccessKeyId.NotFound" });
    }
    if (key.secret === undefined) return this.#reject(call, { reason: "bad-security-token", code: key.rejectedAs });
    const { version, action } = unread;
    const operation = speaksVersion(unread) ? this.#registry.find(version, action) : undefined;
    try {
      verifySignature(unread, key.secret);
      // Also for what is not served: a key of one product is no credential of another one.
      if (this.#registry.hasVersion(version)) assertSignedFor(unread, this.#registry.productOf(version));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#reject(call, { reason: "bad-signature", code: error.code, message: error.message });
    }
    let request: RpcRequest;
    try {
      request = readMessage(unread);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#rejectUnread(call, error);
    }
    const nowSeconds = Math.floor(this.#callersTime() / 1000);
    const { verdict, digest } = checkReplay(this.#nonces, { request, nowSeconds });
    if (verdict === "used") return this.#reject(call, { reason: "used-nonce", code: "SignatureNonceUsed" });
    if (verdict === "full") {
      return this.#refuse(call, "ServiceUnavailableTemporary", "Too many requests within the last 30 minutes.");
    }
    const facts = this.#factsOf(call, request, { operation, nonceDigest: digest.toString("base64url", 0, 16) });
    if (!this.#admit(call, facts, key.principal)) return undefined;
    return { request, facts, accountId: key.principal.accountId, secret: key.secret };
  }

  /**
   * Proves who makes a call without a signature, where its operation can.
   *
   * @param missing - what to answer where it cannot.
   */
  #authenticateUnsigned(call: Call, missing: WireError): undefined | Promise<FederatedCaller | undefined> {
    const { clock } = this.#store;
    let request: UnsignedRequest | undefined;
    try {
      request = parseUnsignedRequest(call.incoming.http);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#rejectUnread(call, error);
    }
    const operation = request && this.#registry.find(request.version, request.action);
    if (request === undefined || operation?.identify === undefined) return this.#rejectUnread(call, missing);
    call.format = request.format;
    if (clock.behind) return this.#refuseBehind(call);
    const { sourceAddress } = call.incoming;
    if (this.#unsignedQueue.isFullFor(sourceAddress)) {
      call.retryAfterMillis = QUEUE_RETRY_MILLIS;
      return this.#reject(call, { reason: "too-many-unsigned", code: "Rejected.Throttling" });
    }
    const { parameters } = request;
    const identify = operation.identify.bind(operation);
    const { reader: db, guard, cache } = this.#store;
    const identified = this.#unsignedQueue.run(sourceAddress, () => {
      if (call.abandoned) return undefined;
      const context = { find: cache.find.bind(cache), db, guard, callersTime: this.#callersTime() };
      return identify(context, parameters);
    });
    return this.#serveIdentified(call, { request, operation, identified });
  }

  async #serveIdentified(
    call: Call,
    {
      request,
      operation,
      identified,
    }: {
      readonly request: UnsignedRequest;
      readonly operation: DeclaredOperation;
      /** Nobody if the call was abandoned meanwhile. */
      readonly identified: Promise<FederatedPrincipal | undefined>;
    },
  ): Promise<FederatedCaller | undefined> {
    let principal: FederatedPrincipal | undefined;
    try {
      principal = await identified;
    } catch (error) {
      if (call.abandoned) return undefined;
      if (!(error instanceof ApiError)) throw error;
      this.#logCause(call, error);
      return this.#reject(call, { reason: "bad-identity-token", code: error.code, message: error.message });
    }
    if (call.abandoned || principal === undefined) return undefined;
    const facts = this.#factsOf(call, request, { operation, nonceDigest: "" });
    if (!this.#admit(call, facts, principal)) return undefined;
    return { request, facts, accountId: principal.accountId, principal };
  }

  #factsOf(
    call: Call,
    { action, version, parameters }: UnsignedRequest,
    { operation, nonceDigest }: Pick<CallFacts, "operation" | "nonceDigest">,
  ): CallFacts {
    const { http, sourceAddress, isSecure } = call.incoming;
    call.operation = operation;
    return {
      requestId: call.eventId,
      region: this.#region,
      action,
      version,
      parameters,
      operation,
      product: operation?.product ?? this.#registry.productOf(version),
      nonceDigest,
      isSecure,
      host: call.host,
      sourceAddress,
      userAgent: textHeader(http.headers["user-agent"]),
      waiting: call,
    };
  }

  /** Counts a call whose caller is proven, and does to it what an emulator was told to. @returns false if it is lost. */
  #admit(call: Call, { action, operation }: CallFacts, principal: Principal): boolean {
    const { accountId } = principal;
    // What is not served is put on record like the rest, and counts with the reading calls.
    call.retryAfterMillis = this.#throttle?.take(operation?.throttlingClass ?? "read", throttledAs(principal));
    if (this.#injectFault === undefined) return true;
    call.fault = this.#injectFault({ incoming: call.incoming, action, accountId });
    if (call.fault?.kind === "lost") {
      this.#forget(call);
      return false;
    }
    call.retryAfterMillis ??= call.fault?.retryAfterMillis;
    return true;
  }

  #rejectUnread(call: Call, { code, message }: WireError): undefined {
    const reason = code.startsWith("InvalidTimeStamp.Expired") ? "expired-timestamp" : "malformed";
    return this.#reject(call, { reason, code, message });
  }

  #refuseBehind(call: Call): undefined {
    return this.#refuse(call, "ServiceUnavailableTemporary", "The store's clock is behind: see the server's log.");
  }

  /**
   * Computes the answer from one view of the store. What goes wrong is an answer too, but for one thing.
   *
   * @throws {@link DatabaseAwayError}: then nothing can be put on record either.
   * @throws {@link WorkNeededError} under the epoch's lock: then the call is to be served anew, and this only is no answer.
   */
  #evaluate(call: Call, caller: Authenticated, view: View): Evaluation | Promise<Evaluation> {
    if (caller.secret === undefined) {
      const known: Known = { principal: caller.principal, context: undefined };
      return attempt(
        () => this.#perform(call, { ...caller, view, known }),
        (error) => this.#refusal(call, error, { known, view }),
      );
    }
    const known: Known = { principal: unknownPrincipal(caller.request.accessKeyId), context: undefined };
    return attempt(
      () =>
        proceed(this.#authenticator.find(view, caller.request), (key) =>
          this.#decide(call, { ...caller, key, view, known }),
        ),
      (error) => this.#refusal(call, error, { known, view }),
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
      region: this.#region,
      custody: this.#custody,
      guard: this.#store.guard,
    });
    known.context = context;
    if (expiresAt !== undefined) context.holdsUntil(expiresAt);
    return proceed(this.#execute(call, { operation, context, parameters: facts.parameters }), (plan): Evaluation => {
      const result = { ...plan.result };
      return {
        status: 200,
        body:
          request.format === "JSON"
            ? encodeResult(call.eventId, result)
            : encodeOther(request.format, operation, { requestId: call.eventId, result }),
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

  /** @throws {@link DatabaseAwayError} or {@link WorkNeededError} as {@link Pipeline.#evaluate}. */
  #refusal(call: Call, error: unknown, { known, view }: { readonly known: Known; readonly view: View }): Evaluation {
    if (error instanceof DatabaseAwayError) throw error;
    if (error instanceof WorkNeededError && call.workRounds < MAX_WORK_ROUNDS) throw error;
    if (error instanceof TooBusyError) call.retryAfterMillis = QUEUE_RETRY_MILLIS;
    const { code, message } = inFormat(call, describe(error));
    const { principal, context } = known;
    const accessDenied = error instanceof AccessDeniedError ? error.detail : undefined;
    const dryRun = error instanceof DryRunError ? error.detail : undefined;
    return {
      status: ERRORS[code].status,
      body: this.#errorBody(call, { code, message, accessDenied, dryRun }),
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

  /** Runs the operation, in its turn where its work is dear. */
  #execute(
    call: Call,
    options: { operation: DeclaredOperation; context: RequestContext; parameters: ReadonlyMap<string, string> },
  ): Plan<object> | Promise<Plan<object>> {
    const { operation, context, parameters } = options;
    const name = queueOf(operation, parameters);
    const queue = name && this.#queues[name];
    if (queue !== undefined && !context.allowsWork && isReading(operation, parameters)) throw new WorkNeededError();
    // Who had a turn before has what it needs to wait for no other one: a batch, maybe all control transactions, wait.
    if (queue === undefined || call.hadTurn) return operation.run(context, parameters, this.#authorizer);
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

  /** Waits for a batch to put the answer on record. */
  #submission(options: {
    call: Call;
    caller: Authenticated;
    evaluate: Evaluate;
    view: CachedView;
    evaluation: Evaluation;
  }): Submission {
    const { call, caller, evaluate, view, evaluation } = options;
    const { facts } = caller;
    const { clock } = this.#store;
    return {
      ticket: call,
      encodeEvent: (epoch) => encodeCallEvent(facts, evaluation, epoch),
      isCurrent: () => view.isCurrent() && holds(evaluation, clock.now()),
      window: evaluation.window,
      inserts: evaluation.plan?.changes ?? [],
      again: async (isLocked) => {
        const nextView = this.#cachedView({ allowsWork: !isLocked });
        call.trace?.stage("execute");
        try {
          const next = await evaluate(nextView);
          const { prerequisite } = next;
          if (prerequisite !== undefined && !call.isPrepared) {
            this.#runApart(call, () => this.#prepare(call, caller, prerequisite));
            return undefined;
          }
          call.trace?.stage("commit");
          if (!isControl(facts, next)) return this.#submission({ ...options, view: nextView, evaluation: next });
        } catch (error) {
          if (error instanceof WorkNeededError) this.#runApart(call, () => this.#serveAnew(call, caller));
          else this.#fail(call, error);
          return undefined;
        }
        // It was refused before, and is not any more: now it has to change something, under the lock.
        this.#runApart(call, () => this.#control(call, caller, evaluate));
        return undefined;
      },
      settle: () => this.#answer(call, evaluation),
    };
  }

  /** Goes on with a call that does not wait for a batch any more. */
  #runApart(call: Call, stage: () => Promise<void>): void {
    void stage().catch((error: unknown) => this.#fail(call, error));
  }

  /** Carries out what a call needs done first, if it is so still, and then serves the call. */
  async #prepare(call: Call, caller: Authenticated, { operation, parameters }: Prerequisite): Promise<void> {
    call.isPrepared = true;
    const { name: action, version, product } = operation;
    const requestId = newRequestId();
    const facts: CallFacts = { ...caller.facts, requestId, action, version, product, operation, parameters };
    const evaluate = async (view: View): Promise<Evaluation> => {
      const evaluation = await this.#evaluate(call, { ...caller, facts }, view);
      if (evaluation.plan === undefined) {
        this.#report(call, evaluation.failure);
        throw new NotNeededError();
      }
      return { ...evaluation, noted: { ...evaluation.noted, causedBy: call.eventId } };
    };
    try {
      // What is refused takes no turn from others.
      await evaluate(this.#cachedView());
      await this.#commitControl(call, facts, evaluate);
    } catch (error) {
      if (error instanceof WorkNeededError) {
        call.isPrepared = false;
        return this.#serveAnew(call, caller);
      }
      if (!(error instanceof NotNeededError || error instanceof AbandonedError)) throw error;
    }
    if (!call.abandoned) await this.#serve(call, caller);
  }

  async #control(call: Call, caller: Authenticated, evaluate: Evaluate): Promise<void> {
    let evaluation: Evaluation;
    try {
      evaluation = await this.#commitControl(call, caller.facts, evaluate);
    } catch (error) {
      if (error instanceof WorkNeededError) return this.#serveAnew(call, caller);
      if (error instanceof AbandonedError) return;
      throw error;
    }
    if (call.abandoned) this.#store.committer.correct(call.eventId);
    else this.#answer(call, evaluation);
  }

  /** Serves a call that needs work where none may begin: outside of the lock, by the store as it is now. */
  async #serveAnew(call: Call, caller: Authenticated): Promise<void> {
    call.workRounds++;
    await this.#store.cache.refresh();
    if (!call.abandoned) await this.#serve(call, caller);
  }

  /**
   * @throws AbandonedError if the call was answered while it waited for its turn.
   * @throws {@link WorkNeededError} as {@link Pipeline.#evaluate}. Nothing is written then.
   */
  async #commitControl(call: Call, facts: CallFacts, evaluate: Evaluate): Promise<Evaluation> {
    const evaluation = await this.#store.control.run(async (transaction) => {
      if (call.abandoned) throw new AbandonedError();
      const locked = await evaluate(transaction);
      // A right or a state may have changed since it was looked at: then the refusal itself is what is recorded.
      const { changes = [], touched = [] } = locked.plan ?? {};
      if (changes.length > 0 && touched.length === 0) {
        throw new Error(`${facts.action} changes rows and does not say which entities they belong to`);
      }
      for (const change of changes) await transaction.write(change);
      for (const { kind, id } of touched) transaction.touch(kind, id);
      // The control log is everybody's: after a crash it must be seen whose answers may not have been received.
      const noted = { ...locked.noted, shard: this.#store.committer.shard.id };
      const { text: event } = encodeCallEvent(facts, { ...locked, noted }, transaction.epoch);
      return { result: locked, event, until: locked.window?.until };
    });
    evaluation.plan?.committed?.();
    return evaluation;
  }

  /** Without an event, the answer still has to be true now: the epoch is read after the request came. */
  async #answerUnrecorded(call: Call, evaluate: Evaluate): Promise<void> {
    const { cache } = this.#store;
    while (!call.abandoned) {
      const { tag } = cache.epoch;
      const evaluation = await evaluate(this.#cachedView());
      await cache.refresh();
      if (sameTag(tag, cache.epoch.tag)) return this.#answer(call, evaluation);
    }
  }

  /** What is not an answer by itself means that the store cannot be reached: then nothing may be said but this. */
  #fail(call: Call, error: unknown): void {
    this.#logFailure(call, error, "a request could not be put on record");
    this.#refuse(call, "ServiceUnavailableTemporary", "The store cannot be reached. Send the request again.");
  }

  #cachedView({ allowsWork = true } = {}): CachedView {
    const { cache, clock, reader } = this.#store;
    return new CachedView({ cache, clock, db: reader, allowsWork });
  }

  #notServed(request: UnsignedRequest): never {
    if (!this.#registry.hasVersion(request.version)) {
      const versions = this.#registry.versions.join(", ");
      throw new ApiError("InvalidVersion", `Specified parameter Version is not valid. This server speaks ${versions}.`);
    }
    throw new ApiError("InvalidAction.NotFound");
  }

  /** Gives an answer that holds, and tells the operator what its caller is not told. */
  #answer(call: Call, evaluation: Evaluation): void {
    if (evaluation.failure !== undefined) this.#report(call, evaluation.failure);
    this.#respond(call, evaluation, servedWith(call, evaluation));
  }

  #report(call: Call, failure: unknown): void {
    if (failure instanceof WireError || failure instanceof TooBusyError) return;
    if (!(failure instanceof ApiError)) this.#logFailure(call, failure, "a request failed");
    else if (failure.cause !== undefined) {
      this.#log.warn({ err: failure.cause, requestId: call.eventId }, failure.message);
    }
  }

  /** Logs once why callers cannot be proven, however many are told, since anybody may be one. */
  #logCause(call: Call, { cause, message }: ApiError): void {
    if (typeof cause !== "object" || cause === null || this.#loggedCauses.has(cause)) return;
    this.#loggedCauses.add(cause);
    this.#log.warn({ err: cause, requestId: call.eventId }, message);
  }

  #logFailure(call: Call, error: unknown, message: string): void {
    const { eventId: requestId } = call;
    if (error instanceof TamperedRowError) {
      this.#metrics.tamperedRows.add();
      this.#log.error({ err: error, requestId, ...alarm("tampered-row") }, "a row was tampered with");
    } else {
      this.#log.error({ err: error, requestId }, message);
    }
  }

  /** Lets go of a call that nobody takes an answer to. */
  #forget(call: Call): undefined {
    this.#remove(call);
    call.trace?.ended();
  }

  /** Answers a request that nobody is proven to have sent: it goes to metrics and the security log only. */
  #reject(call: Call, refusal: { reason: RefusalReason; code: ErrorCode; message?: string }): undefined {
    this.#metrics.refused(refusal.reason);
    this.#securityLog.refused(refusal.reason, { code: refusal.code, source: call.incoming.sourceAddress });
    return this.#refuse(call, refusal.code, refusal.message ?? ERRORS[refusal.code].message);
  }

  #refuse(call: Call, known: ErrorCode, said: string): undefined {
    const { code, message } = inFormat(call, { code: known, message: said });
    const { status } = ERRORS[code];
    this.#respond(call, { status, body: this.#errorBody(call, { code, message }), error: { code } });
  }

  #errorBody(
    call: Call,
    {
      code,
      message,
      accessDenied,
      dryRun,
    }: {
      code: ErrorCode;
      message: string;
      accessDenied?: AccessDeniedDetail | undefined;
      dryRun?: object | undefined;
    },
  ): string | Uint8Array {
    const answer = {
      requestId: call.eventId,
      hostId: call.host,
      code,
      message,
      httpStatus: ERRORS[code].status,
      accessDeniedDetail: accessDenied,
      dryRunDetail: dryRun,
    };
    if (call.format === "PROTOBUF") return encodeInstanceError(answer);
    return call.format === "JSON" ? encodeError(answer) : encodeXmlError(answer);
  }

  #respond(call: Call, { status, body, error }: Ending, keyVersionId?: string): void {
    if (!this.#remove(call)) return;
    const metrics = call.operation === undefined ? this.#unknownOperation : this.#operationMetrics.get(call.operation);
    metrics?.answered(status, (performance.now() - call.arrivedAt) / 1000);
    call.trace?.answered({ httpStatus: status, errorCode: error?.code, operation: call.operation });
    const { format, eventId: requestId, retryAfterMillis } = call;
    call.incoming.respond({ status, body, format, requestId, retryAfterMillis, keyVersionId });
  }

  /** @returns false if the call was answered before. */
  #remove(call: Call): boolean {
    return call.isBusy ? this.#busy.remove(call) : this.#open.remove(call);
  }

  readonly #setBusy = (call: Call, isBusy: boolean): void => {
    if (call.isBusy === isBusy || !this.#remove(call)) return;
    call.isBusy = isBusy;
    call.isPatient = true;
    call.waitsSince = performance.now();
    (isBusy ? this.#busy : this.#open).add(call);
  };

  /** Nothing hangs: what has waited too long for its record is told so. */
  #abandonOverdue(): void {
    const overdue = performance.now() - RECORD_PATIENCE_MILLIS;
    for (let call = this.#open.oldest; call !== undefined && call.waitsSince <= overdue; call = this.#open.oldest) {
      call.abandoned = true;
      this.#metrics.logUnavailable.add();
      this.#refuse(
        call,
        "ServiceUnavailableTemporary",
        "The audit log could not be written in time. Send the request again.",
      );
    }
  }
}

/** Computes a call's answer from a view of the store. */
type Evaluate = (view: View) => Evaluation | Promise<Evaluation>;

/** What is known of a call's evaluation by the time that something stands against it. */
interface Known {
  principal: Principal;
  context: EvaluationContext | undefined;
  /** When it stands against it, where that is before there is a context. */
  window?: TimeWindow;
}

/** A call whose caller is proven. */
type Authenticated = SignedCaller | FederatedCaller;

/** By a signature. */
interface SignedCaller {
  readonly request: RpcRequest;
  readonly facts: CallFacts;
  readonly accountId: string;
  /** The secret that the signature was verified with. */
  readonly secret: SigningSecret | ClientKeyVerifier;
}

/** By what the operation was called with. */
interface FederatedCaller {
  readonly request: UnsignedRequest;
  readonly facts: CallFacts;
  readonly accountId: string;
  readonly secret?: undefined;
  readonly principal: FederatedPrincipal;
}

/** What a call is answered. */
interface Ending {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly error?: { readonly code: string } | undefined;
}

const NO_TOKEN_ADVICE =
  "Specified SecurityToken is malformed. The AccessKey is not one of a session: send no security token with it.";

class Call implements Ticket, OpenCall, Waiting {
  readonly incoming: IncomingCall;
  readonly eventId = newRequestId();
  readonly arrivedAt = performance.now();
  /** Since when it waits for its record: since it arrived, or was last busy with slow work. */
  waitsSince = this.arrivedAt;
  isBusy = false;
  isPatient = false;
  readonly host: string;
  previous: this | undefined = undefined;
  next: this | undefined = undefined;
  abandoned = false;
  /** Set if the call was one too many for its account. */
  retryAfterMillis: number | undefined;
  /** Set once the call has had its turn in a queue. */
  hadTurn = false;
  /** Set once what the call needs done first has been tried. */
  isPrepared = false;
  /** How often it needed work under the epoch's lock. */
  workRounds = 0;
  /** Until the request has been read, and if it cannot be, JSON, or what the instance protocol has. */
  format: AnswerFormat;
  operation: DeclaredOperation | undefined;
  /** Set by an emulator that was told to. */
  fault: InjectedFault | undefined;
  /** Set if calls are traced. */
  trace: CallTrace | undefined;

  readonly #setBusy: (call: Call, isBusy: boolean) => void;
  #work = 0;

  constructor(incoming: IncomingCall, setBusy: (call: Call, isBusy: boolean) => void) {
    this.incoming = incoming;
    const { headers } = incoming.http;
    this.host = textHeader(headers["host"]);
    this.format = isInstanceRequest(headers) ? "PROTOBUF" : "JSON";
    this.#setBusy = setBusy;
  }

  busyUntil(work: Promise<unknown>): void {
    this.#work++;
    this.#setBusy(this, true);
    const ended = (): void => {
      this.#work--;
      if (this.#work === 0) this.#setBusy(this, false);
    };
    work.then(ended, ended);
  }
}

/** What is served in the instance protocol is served in no other way. It knows one version only. */
function speaksVersion({ version, protocol }: RpcRequest): boolean {
  return version !== INSTANCE_API_VERSION || protocol === "RSA_PKCS1_SHA_256";
}

function textHeader(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
}

function unknownPrincipal(accessKeyId: string): Principal {
  return rootPrincipal({ accountId: "unknown", accessKeyId });
}

/** The key version that a call of the instance protocol was served with, by what its event says. */
function servedWith({ format }: Call, { error, noted }: Evaluation): string | undefined {
  if (format !== "PROTOBUF" || error !== undefined) return undefined;
  const { keyVersionId } = noted;
  return typeof keyVersionId === "string" ? keyVersionId : undefined;
}

/** What a caller is told, by the names of the protocol that it speaks. */
function inFormat({ format }: Call, told: { code: ErrorCode; message: string }): { code: ErrorCode; message: string } {
  return format === "PROTOBUF" ? asInstanceError(told) : told;
}

/** What a caller is told of what went wrong. */
function describe(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof TooBusyError)
    return { code: "Rejected.Throttling", message: ERRORS["Rejected.Throttling"].message };
  if (error instanceof ApiError) return { code: error.code, message: error.message };
  if (error instanceof WireError) {
    // The message of a wrong signature repeats the request, plaintexts included: the record must not.
    const { code } = error;
    const isRepeating = code === "SignatureDoesNotMatch" || code === "SignatureNotMatch";
    return { code, message: isRepeating ? ERRORS[code].message : error.message };
  }
  return { code: "InternalFailure", message: ERRORS.InternalFailure.message };
}

/** An answer that is not asked for in JSON. */
function encodeOther(
  format: Exclude<AnswerFormat, "JSON">,
  { name: action, version }: DeclaredOperation,
  answer: Omit<Parameters<typeof encodeXmlResult>[0], "action">,
): string | Uint8Array {
  if (format === "XML") return encodeXmlResult({ action, ...answer });
  // What is done first for a call of the instance protocol is none of its APIs, and answered to nobody.
  return version === INSTANCE_API_VERSION ? encodeInstanceResult({ action, ...answer }) : "";
}

/** Whether the answer needs a control transaction: only one that changes something does. */
function isControl({ operation, parameters }: CallFacts, { plan }: Evaluation): boolean {
  if (operation === undefined || plan === undefined) return false;
  const { kind, controlledWith } = operation;
  return kind === "control" || (controlledWith !== undefined && parameters.has(controlledWith));
}

/** Whether a call changes nothing, whatever comes of it. */
function isReading({ kind }: DeclaredOperation, parameters: ReadonlyMap<string, string>): boolean {
  return kind === "read" || parameters.get("DryRun") === "true";
}

function holds({ window }: Evaluation, now: number): boolean {
  return window === undefined || (now >= window.from && now < window.until);
}
