import { ownTurn, TurnLine } from "@cinnabar/crypto";
import { newRequestId } from "../platform/ids.ts";
import type { Logger } from "../platform/logging.ts";
import type { Metrics } from "../platform/metrics.ts";
import { attempt, proceed } from "../platform/proceed.ts";
import type { SecurityLog } from "../platform/security-log.ts";
import type { Tracing } from "../platform/tracing.ts";
import type { Submission } from "../store/committer.ts";
import { sameTag } from "../store/entity-cache.ts";
import type { Store } from "../store/store.ts";
import { Authentication, type AuthenticationOptions, type ProvenCaller } from "./authentication.ts";
import { Call, type IncomingCall } from "./call.ts";
import { type CallFacts, encodeCallEvent, type Evaluation } from "./evaluation.ts";
import { Evaluator, type EvaluatorOptions } from "./evaluator.ts";
import type { DeclaredOperation } from "./operation.ts";
import type { Prerequisite } from "./prerequisite.ts";
import { Responder } from "./responder.ts";
import { WorkNeededError } from "./slow-work.ts";
import { CachedView, type View } from "./view.ts";

/** The longest body of a call that is served beside others in one turn of the event loop. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/** Ends a control transaction whose request was answered 503 while it waited for its turn. */
class AbandonedError extends Error {
  override readonly name = "AbandonedError";
}

/** Ends a control transaction in which a prerequisite turned out to be refused, or done by others. */
class NotNeededError extends Error {
  override readonly name = "NotNeededError";
}

/** Computes a call's answer from a view of the store. */
type Evaluate = (view: View) => Evaluation | Promise<Evaluation>;

export interface PipelineOptions extends AuthenticationOptions, EvaluatorOptions {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly securityLog: SecurityLog;
  /** Left out, calls are not traced. */
  readonly tracing?: Tracing | undefined;
}

/**
 * The way of a request, one direction and no way round: parse, authenticate, find the operation, validate, resolve,
 * authorize, execute, commit, respond. Handlers cannot skip or repeat a stage, and no answer to an authenticated call
 * leaves before its event is durable.
 */
export class Pipeline {
  /** All that is served. */
  readonly operations: readonly DeclaredOperation[];
  readonly #store: Store;
  readonly #authentication: Authentication;
  readonly #evaluator: Evaluator;
  readonly #responder: Responder;
  readonly #tracing: Tracing | undefined;
  /** Large calls that nobody is proven to have sent yet: in a line of their own, strangers hold up no proven caller's work. */
  readonly #unprovenLine = new TurnLine();
  /** Calls that came in this turn of the event loop, not begun yet. */
  #arrived: Call[] = [];

  constructor(options: PipelineOptions) {
    this.operations = options.registry.operations;
    this.#store = options.store;
    this.#responder = new Responder({ ...options, operations: this.operations });
    this.#authentication = new Authentication({ ...options, responder: this.#responder });
    this.#evaluator = new Evaluator(options);
    this.#tracing = options.tracing;
    this.#store.committer.expect(this.#responder.busy);
  }

  /** Calls that have not been answered yet. */
  get open(): number {
    return this.#responder.open;
  }

  /** Stops the clock that answers overdue calls. No call may be open. */
  close(): void {
    this.#responder.close();
  }

  /**
   * Takes a call; it is answered through its `respond`, always.
   *
   * It is begun at the end of the turn, with all that came in it, stage by stage: the code of one stage is then run for
   * many calls while the processor has it at hand. Under load that is a quarter of a call's CPU time. A large one is served
   * by itself.
   */
  handle(incoming: IncomingCall): void {
    const call = new Call(incoming, this.#responder.setBusy);
    if (this.#tracing !== undefined) {
      const { headers, method } = incoming.http;
      call.trace = this.#tracing.begin({ requestId: call.eventId, headers, method });
      call.trace.stage("authenticate");
    }
    this.#responder.expect(call);
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
      const caller = call.abandoned ? undefined : await this.#authentication.prove(call);
      if (caller === undefined) return;
      await ownTurn(caller.accountId, isGivenUp);
      if (!call.abandoned) await this.#serve(call, caller);
    });
  }

  #serveArrived(): void {
    const calls = this.#arrived;
    this.#arrived = [];
    const callers = calls.map((call) => this.#orFail(call, () => this.#authentication.prove(call)));
    for (const [i, call] of calls.entries()) {
      void this.#orFail(call, () => proceed(callers[i], (caller) => caller && this.#serve(call, caller)));
    }
  }

  /** Runs a stage of a call. What it throws, at once or later, ends the call, and then nothing comes of the stage. */
  #orFail<T>(call: Call, stage: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
    return attempt(stage, (error) => {
      this.#responder.fail(call, error);
      return undefined;
    });
  }

  #serve(call: Call, caller: ProvenCaller): void | Promise<void> {
    const { facts } = caller;
    const evaluate: Evaluate = (view) => this.#evaluator.evaluate(call, caller, view);
    if (facts.operation?.kind === "unrecorded") return this.#answerUnrecorded(call, evaluate);

    const view = CachedView.of(this.#store);
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

  /** Waits for a batch to put the answer on record. */
  #submission(options: {
    call: Call;
    caller: ProvenCaller;
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
        const nextView = CachedView.of(this.#store, { allowsWork: !isLocked });
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
          else this.#responder.fail(call, error);
          return undefined;
        }
        // It was refused before, and is not any more: now it has to change something, under the lock.
        this.#runApart(call, () => this.#control(call, caller, evaluate));
        return undefined;
      },
      settle: () => this.#responder.answer(call, evaluation),
    };
  }

  /** Goes on with a call that does not wait for a batch any more. */
  #runApart(call: Call, stage: () => Promise<void>): void {
    void stage().catch((error: unknown) => this.#responder.fail(call, error));
  }

  /** Carries out what a call needs done first, if it is so still, and then serves the call. */
  async #prepare(call: Call, caller: ProvenCaller, { operation, parameters }: Prerequisite): Promise<void> {
    call.isPrepared = true;
    const { name: action, version, product } = operation;
    const requestId = newRequestId();
    const facts: CallFacts = { ...caller.facts, requestId, action, version, product, operation, parameters };
    const evaluate = async (view: View): Promise<Evaluation> => {
      const evaluation = await this.#evaluator.evaluate(call, { ...caller, facts }, view);
      if (evaluation.plan === undefined) {
        this.#responder.report(call, evaluation.failure);
        throw new NotNeededError();
      }
      return { ...evaluation, noted: { ...evaluation.noted, causedBy: call.eventId } };
    };
    try {
      // What is refused takes no turn from others.
      await evaluate(CachedView.of(this.#store));
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

  async #control(call: Call, caller: ProvenCaller, evaluate: Evaluate): Promise<void> {
    let evaluation: Evaluation;
    try {
      evaluation = await this.#commitControl(call, caller.facts, evaluate);
    } catch (error) {
      if (error instanceof WorkNeededError) return this.#serveAnew(call, caller);
      if (error instanceof AbandonedError) return;
      throw error;
    }
    if (call.abandoned) this.#store.committer.correct(call.eventId);
    else this.#responder.answer(call, evaluation);
  }

  /** Serves a call that needs work where none may begin: outside of the lock, by the store as it is now. */
  async #serveAnew(call: Call, caller: ProvenCaller): Promise<void> {
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
      const evaluation = await evaluate(CachedView.of(this.#store));
      await cache.refresh();
      if (sameTag(tag, cache.epoch.tag)) return this.#responder.answer(call, evaluation);
    }
  }
}

/** Whether the answer needs a control transaction: only one that changes something does. */
function isControl({ operation, parameters }: CallFacts, { plan }: Evaluation): boolean {
  if (operation === undefined || plan === undefined) return false;
  const { kind, controlledWith } = operation;
  return kind === "control" || (controlledWith !== undefined && parameters.has(controlledWith));
}

function holds({ window }: Evaluation, now: number): boolean {
  return window === undefined || (now >= window.from && now < window.until);
}
