import {
  type AnswerFormat,
  assertFresh,
  assertSignedFor,
  encodeError,
  encodeResult,
  encodeXmlError,
  encodeXmlResult,
  type HttpRequest,
  parseRequest,
  type RpcRequest,
  type SigningSecret,
  verifySignature,
  WireError,
} from "@cinnabar/rpc";
import type { Custody } from "../custody/custody.ts";
import { alarm } from "../platform/alarms.ts";
import { newRequestId } from "../platform/ids.ts";
import { attempt, proceed } from "../platform/proceed.ts";
import type { Logger } from "../platform/logging.ts";
import type { Metrics, OperationMetrics } from "../platform/metrics.ts";
import { nonceDigest, type NonceTable } from "../platform/nonce-table.ts";
import type { RefusalReason, SecurityLog } from "../platform/security-log.ts";
import type { CallTrace, Tracing } from "../platform/tracing.ts";
import type { Submission, Ticket } from "../store/committer.ts";
import { type EntityFinder, sameTag } from "../store/entity-cache.ts";
import { DatabaseAwayError } from "../store/backend.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import type { Store } from "../store/store.ts";
import { BoundedQueue, type QueueLimits, type QueueName, QUEUES } from "./bounded-queue.ts";
import { ApiError, ERRORS, type ErrorCode } from "./errors.ts";
import { type CallFacts, encodeCallEvent, type Evaluation, EvaluationContext } from "./evaluation.ts";
import { type OpenCall, OpenCalls } from "./open-calls.ts";
import type { DeclaredOperation, Plan, RequestContext } from "./operation.ts";
import type { Credential, Principal } from "./principal.ts";
import type { OperationRegistry } from "./registry.ts";
import type { Throttle } from "./throttle.ts";
import { CachedView, type View } from "./view.ts";

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
  readonly body: string;
  /** What the body is written in. */
  readonly format: AnswerFormat;
  readonly requestId: string;
  /** In how many milliseconds the caller may try again, where it called too often. */
  readonly retryAfterMillis?: number | undefined;
}

/** Finds who an AccessKey belongs to. */
export interface Authenticator {
  /** False for an id that was certainly never issued; needs no store. */
  isIssued(accessKeyId: string): boolean;
  find(finder: EntityFinder, accessKeyId: string): IdentifiedKey | undefined | Promise<IdentifiedKey | undefined>;
}

export interface IdentifiedKey extends Credential {
  readonly secret: SigningSecret;
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
/** When whoever found a queue full may try again, in milliseconds. */
const QUEUE_RETRY_MILLIS = 1_000;
/** The caller's clock may differ by so much either way; a nonce is kept until its request would be refused as expired. */
const FRESHNESS_SECONDS = 15 * 60;

/** Ends a control transaction whose request was answered 503 while it waited for its turn. */
class AbandonedError extends Error {
  override readonly name = "AbandonedError";
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
  readonly #tracing: Tracing | undefined;
  /** Calls that wait, oldest first. */
  readonly #open = new OpenCalls<Call>();
  /** Calls that came in this turn of the event loop, not begun yet. */
  #arrived: Call[] = [];
  readonly #ticker: NodeJS.Timeout;

  constructor(options: {
    store: Store;
    registry: OperationRegistry;
    authenticator: Authenticator;
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
    this.#custody = options.custody;
    this.#nonces = options.nonces;
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#securityLog = options.securityLog;
    this.#region = options.store.region;
    this.#throttle = options.throttle;
    this.#callersTime = options.callersTime ?? (() => options.store.clock.now());
    this.#injectFault = options.injectFault;
    const { lookup } = options.queues ?? QUEUES;
    this.#queues = { lookup: new BoundedQueue(lookup) };
    this.#tracing = options.tracing;
    this.#operationMetrics = new Map(
      options.registry.operations.map((operation) => [operation, options.metrics.operation(operation.name)]),
    );
    this.#unknownOperation = options.metrics.operation("unknown");
    this.#ticker = setInterval(() => this.#abandonOverdue(), DEADLINE_TICK_MILLIS);
    this.#ticker.unref();
  }

  /** Calls that have not been answered yet. */
  get open(): number {
    return this.#open.size;
  }

  /** All that is served. */
  get operations(): readonly DeclaredOperation[] {
    return this.#registry.operations;
  }

  /**
   * Takes a call; it is answered through its `respond`, always.
   *
   * It is begun at the end of the turn, with all that came in it, stage by stage: the code of one stage is then run for
   * many calls while the processor has it at hand. Under load that is a quarter of a call's CPU time.
   */
  handle(incoming: IncomingCall): void {
    const call = new Call(incoming);
    if (this.#tracing !== undefined) {
      const { headers, method } = incoming.http;
      call.trace = this.#tracing.begin({ requestId: call.eventId, headers, method });
      call.trace.stage("authenticate");
    }
    this.#open.add(call);
    if (this.#arrived.push(call) === 1) setImmediate(() => this.#serveArrived());
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
      call.trace?.stage("commit");
      if (isControl(facts, evaluation)) return this.#control(call, facts, evaluate);
      this.#store.committer.submit(this.#submission({ call, facts, evaluate, view, evaluation }));
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
      const reason = error.code.startsWith("InvalidTimeStamp.Expired") ? "expired-timestamp" : "malformed";
      return this.#reject(call, { reason, code: error.code, message: error.message });
    }
    if (clock.behind) {
      return this.#refuse(call, "ServiceUnavailableTemporary", "The store's clock is behind: see the server's log.");
    }
    const { accessKeyId } = request;
    const found = this.#authenticator.isIssued(accessKeyId)
      ? this.#authenticator.find(this.#cachedView(), accessKeyId)
      : undefined;
    return proceed(found, (key) => this.#prove(call, request, key));
  }

  #prove(call: Call, request: RpcRequest, key: IdentifiedKey | undefined): Authenticated | undefined {
    // Answered meanwhile, because the key took too long to load.
    if (call.abandoned) return undefined;
    const { accessKeyId } = request;
    if (key === undefined) {
      return this.#reject(call, { reason: "unknown-access-key", code: "InvalidAccessKeyId.NotFound" });
    }
    const operation = this.#registry.find(request.version, request.action);
    try {
      verifySignature(request, key.secret);
      // Also for what is not served: a key of one product is no credential of another one.
      if (this.#registry.hasVersion(request.version)) {
        assertSignedFor(request, this.#registry.productOf(request.version));
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#reject(call, { reason: "bad-signature", code: error.code, message: error.message });
    }
    const digest = nonceDigest({ accessKeyId, nonce: request.nonce ?? request.signature });
    const verdict = this.#nonces.check({
      digest,
      expiresAtSeconds: Math.floor(request.timestampMillis / 1000) + FRESHNESS_SECONDS,
      nowSeconds: Math.floor(this.#callersTime() / 1000),
    });
    if (verdict === "used") return this.#reject(call, { reason: "used-nonce", code: "SignatureNonceUsed" });
    if (verdict === "full") {
      return this.#refuse(call, "ServiceUnavailableTemporary", "Too many requests within the last 30 minutes.");
    }
    const { http, sourceAddress, isSecure } = call.incoming;
    const facts: CallFacts = {
      requestId: call.eventId,
      region: this.#region,
      action: request.action,
      version: request.version,
      parameters: request.parameters,
      operation,
      product: operation?.product ?? this.#registry.productOf(request.version),
      nonceDigest: digest.toString("base64url", 0, 16),
      isSecure,
      host: call.host,
      sourceAddress,
      userAgent: textHeader(http.headers["user-agent"]),
    };
    call.operation = operation;
    // What is not served is put on record like the rest, and counts with the reading calls.
    call.retryAfterMillis = this.#throttle?.take(operation?.throttlingClass ?? "read", key.principal.accountId);
    if (this.#injectFault !== undefined) {
      const { accountId } = key.principal;
      call.fault = this.#injectFault({ incoming: call.incoming, action: request.action, accountId });
      if (call.fault?.kind === "lost") return this.#forget(call);
      call.retryAfterMillis ??= call.fault?.retryAfterMillis;
    }
    return { request, facts, secret: key.secret };
  }

  /**
   * Computes the answer from one view of the store. What goes wrong is an answer too, but for one thing.
   *
   * @throws {@link DatabaseAwayError}: then nothing can be put on record either.
   */
  #evaluate(call: Call, caller: Authenticated, view: View): Evaluation | Promise<Evaluation> {
    const { accessKeyId } = caller.request;
    const known: Known = { principal: unknownPrincipal(accessKeyId), context: undefined };
    return attempt(
      () =>
        proceed(this.#authenticator.find(view, accessKeyId), (key) =>
          this.#decide(call, { ...caller, key, view, known }),
        ),
      (error) => this.#refusal(call, error, { known, view }),
    );
  }

  /** The answer if there is one, or what stands against it, thrown. */
  #decide(
    call: Call,
    options: Authenticated & { readonly key: IdentifiedKey | undefined; readonly view: View; readonly known: Known },
  ): Evaluation | Promise<Evaluation> {
    const { request, facts, secret, key, view, known } = options;
    // The key was there a moment ago; now it may be gone, disabled, or another one.
    if (key === undefined) throw new ApiError("InvalidAccessKeyId.NotFound");
    const { principal } = key;
    known.principal = principal;
    if (key.secret !== secret) verifySignature(request, key.secret);
    if (key.refusedAs !== undefined) throw new ApiError(key.refusedAs);
    if (call.fault?.kind === "refused") throw call.fault.error;
    if (call.retryAfterMillis !== undefined) throw new ApiError("Rejected.Throttling");
    if (request.securityToken !== undefined) throw new ApiError("InvalidSecurityToken.Malformed", STS_ADVICE);
    const operation = facts.operation ?? this.#notServed(request);
    const context = new EvaluationContext({
      view,
      principal,
      region: this.#region,
      custody: this.#custody,
      guard: this.#store.guard,
    });
    known.context = context;
    return proceed(this.#execute(call, { operation, context, parameters: request.parameters }), (plan): Evaluation => {
      const result = { ...plan.result };
      return {
        status: 200,
        body:
          request.format === "JSON"
            ? encodeResult(call.eventId, result)
            : encodeXmlResult({ action: operation.name, requestId: call.eventId, result }),
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

  /** @throws {@link DatabaseAwayError} */
  #refusal(call: Call, error: unknown, { known, view }: { readonly known: Known; readonly view: View }): Evaluation {
    if (error instanceof DatabaseAwayError) throw error;
    const { code, message } = this.#describe(call, error);
    const { principal, context } = known;
    return {
      status: ERRORS[code].status,
      body: this.#errorBody(call, code, message),
      plan: undefined,
      window: context?.window,
      error: { code, message },
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
    const { queue: name, queuedWith } = operation;
    const isQueued = name !== undefined && (queuedWith === undefined || parameters.has(queuedWith));
    const queue = isQueued ? this.#queues[name] : undefined;
    // Who had a turn before has what it needs to wait for no other one: a batch, maybe all control transactions, wait.
    if (queue === undefined || call.hadTurn) return operation.run(context, parameters);
    const { accountId } = context.principal;
    if (queue.isFullFor(accountId)) {
      call.retryAfterMillis = QUEUE_RETRY_MILLIS;
      throw new ApiError("Rejected.Throttling");
    }
    return queue.run(accountId, () => {
      if (call.abandoned) throw new ApiError("ServiceUnavailableTemporary");
      call.hadTurn = true;
      return operation.run(context, parameters);
    });
  }

  /** Waits for a batch to put the answer on record. */
  #submission(options: {
    call: Call;
    facts: CallFacts;
    evaluate: Evaluate;
    view: CachedView;
    evaluation: Evaluation;
  }): Submission {
    const { call, facts, evaluate, view, evaluation } = options;
    const { clock } = this.#store;
    return {
      ticket: call,
      encodeEvent: (epoch) => encodeCallEvent(facts, evaluation, epoch),
      isCurrent: () => view.isCurrent() && holds(evaluation, clock.now()),
      window: evaluation.window,
      inserts: evaluation.plan?.changes ?? [],
      again: async () => {
        const nextView = this.#cachedView();
        call.trace?.stage("execute");
        try {
          const next = await evaluate(nextView);
          call.trace?.stage("commit");
          if (!isControl(facts, next)) return this.#submission({ ...options, view: nextView, evaluation: next });
        } catch (error) {
          this.#fail(call, error);
          return undefined;
        }
        // It was refused before, and is not any more: now it has to change something, under the lock.
        this.#runControl(call, facts, evaluate);
        return undefined;
      },
      settle: () => this.#respond(call, evaluation),
    };
  }

  #runControl(call: Call, facts: CallFacts, evaluate: Evaluate): void {
    void this.#control(call, facts, evaluate).catch((error: unknown) => this.#fail(call, error));
  }

  async #control(call: Call, facts: CallFacts, evaluate: Evaluate): Promise<void> {
    let evaluation: Evaluation | undefined;
    try {
      evaluation = await this.#store.control.run(async (transaction) => {
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
        const event = encodeCallEvent(facts, { ...locked, noted }, transaction.epoch);
        return { result: locked, event, until: locked.window?.until };
      });
    } catch (error) {
      if (error instanceof AbandonedError) return;
      throw error;
    }
    if (call.abandoned) this.#store.committer.correct(call.eventId);
    else this.#respond(call, evaluation);
  }

  /** Without an event, the answer still has to be true now: the epoch is read after the request came. */
  async #answerUnrecorded(call: Call, evaluate: Evaluate): Promise<void> {
    const { cache } = this.#store;
    while (!call.abandoned) {
      const { tag } = cache.epoch;
      const evaluation = await evaluate(this.#cachedView());
      await cache.refresh();
      if (sameTag(tag, cache.epoch.tag)) return this.#respond(call, evaluation);
    }
  }

  /** What is not an answer by itself means that the store cannot be reached: then nothing may be said but this. */
  #fail(call: Call, error: unknown): void {
    this.#logFailure(call, error, "a request could not be put on record");
    this.#refuse(call, "ServiceUnavailableTemporary", "The store cannot be reached. Send the request again.");
  }

  #cachedView(): CachedView {
    const { cache, clock, reader } = this.#store;
    return new CachedView({ cache, clock, db: reader });
  }

  #notServed(request: RpcRequest): never {
    if (!this.#registry.hasVersion(request.version)) {
      const versions = this.#registry.versions.join(", ");
      throw new ApiError("InvalidVersion", `Specified parameter Version is not valid. This server speaks ${versions}.`);
    }
    throw new ApiError("InvalidAction.NotFound");
  }

  #describe(call: Call, error: unknown): { code: ErrorCode; message: string } {
    if (error instanceof ApiError) {
      if (error.cause !== undefined) this.#log.warn({ err: error.cause, requestId: call.eventId }, error.message);
      return { code: error.code, message: error.message };
    }
    if (error instanceof WireError) {
      // The message of a wrong signature repeats the request, plaintexts included: the record must not.
      const message = error.code === "SignatureDoesNotMatch" ? ERRORS[error.code].message : error.message;
      return { code: error.code, message };
    }
    this.#logFailure(call, error, "a request failed");
    return { code: "InternalFailure", message: ERRORS.InternalFailure.message };
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
    this.#open.remove(call);
    call.trace?.ended();
  }

  /** Answers a request that nobody is proven to have sent: it goes to metrics and the security log only. */
  #reject(call: Call, refusal: { reason: RefusalReason; code: ErrorCode; message?: string }): undefined {
    this.#metrics.refused(refusal.reason);
    this.#securityLog.refused(refusal.reason, { code: refusal.code, source: call.incoming.sourceAddress });
    return this.#refuse(call, refusal.code, refusal.message ?? ERRORS[refusal.code].message);
  }

  #refuse(call: Call, code: ErrorCode, message: string): undefined {
    const { status } = ERRORS[code];
    this.#respond(call, { status, body: this.#errorBody(call, code, message), error: { code } });
  }

  #errorBody(call: Call, code: ErrorCode, message: string): string {
    const answer = {
      requestId: call.eventId,
      hostId: call.host,
      code,
      message,
      httpStatus: ERRORS[code].status,
    };
    return call.format === "JSON" ? encodeError(answer) : encodeXmlError(answer);
  }

  #respond(call: Call, { status, body, error }: Ending): void {
    if (!this.#open.remove(call)) return;
    const metrics = call.operation === undefined ? this.#unknownOperation : this.#operationMetrics.get(call.operation);
    metrics?.answered(status, (performance.now() - call.arrivedAt) / 1000);
    call.trace?.answered({ httpStatus: status, errorCode: error?.code, operation: call.operation });
    const { format, eventId: requestId, retryAfterMillis } = call;
    call.incoming.respond({ status, body, format, requestId, retryAfterMillis });
  }

  /** Nothing hangs: what has waited too long for its record is told so. */
  #abandonOverdue(): void {
    const overdue = performance.now() - RECORD_PATIENCE_MILLIS;
    for (let call = this.#open.oldest; call !== undefined && call.arrivedAt <= overdue; call = this.#open.oldest) {
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
}

/** A call whose caller is proven. */
interface Authenticated {
  readonly request: RpcRequest;
  readonly facts: CallFacts;
  /** The secret that the signature was verified with. */
  readonly secret: SigningSecret;
}

/** What a call is answered. */
interface Ending {
  readonly status: number;
  readonly body: string;
  readonly error?: { readonly code: string } | undefined;
}

const STS_ADVICE = "Specified SecurityToken is malformed. This server has issued no security tokens.";

class Call implements Ticket, OpenCall {
  readonly incoming: IncomingCall;
  readonly eventId = newRequestId();
  readonly arrivedAt = performance.now();
  readonly host: string;
  previous: this | undefined = undefined;
  next: this | undefined = undefined;
  abandoned = false;
  /** Set if the call was one too many for its account. */
  retryAfterMillis: number | undefined;
  /** Set once the call has had its turn in a queue. */
  hadTurn = false;
  /** Until the request has been read, and if it cannot be, JSON. */
  format: AnswerFormat = "JSON";
  operation: DeclaredOperation | undefined;
  /** Set by an emulator that was told to. */
  fault: InjectedFault | undefined;
  /** Set if calls are traced. */
  trace: CallTrace | undefined;

  constructor(incoming: IncomingCall) {
    this.incoming = incoming;
    this.host = textHeader(incoming.http.headers["host"]);
  }
}

function textHeader(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
}

function unknownPrincipal(accessKeyId: string): Principal {
  return { type: "root-account", accountId: "unknown", accessKeyId };
}

/** Whether the answer needs a control transaction: only one that changes something does. */
function isControl(facts: CallFacts, evaluation: Evaluation): boolean {
  return facts.operation?.kind === "control" && evaluation.plan !== undefined;
}

function holds({ window }: Evaluation, now: number): boolean {
  return window === undefined || (now >= window.from && now < window.until);
}
