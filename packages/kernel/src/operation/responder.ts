import { WireError } from "@cinnabar/rpc";
import { TooBusyError } from "../custody/too-busy-error.ts";
import { alarm } from "../platform/alarms.ts";
import { FailureRepeats } from "../platform/failure-repeats.ts";
import type { Logger } from "../platform/logging.ts";
import type { Metrics, OperationMetrics } from "../platform/metrics.ts";
import type { RefusalReason, SecurityLog } from "../platform/security-log.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import { encodeRefusal, inFormat, type Told } from "./answer-body.ts";
import type { Call } from "./call.ts";
import { ApiError, ERRORS, type ErrorCode } from "./errors.ts";
import type { Evaluation } from "./evaluation.ts";
import { OpenCalls } from "./open-calls.ts";
import type { DeclaredOperation } from "./operation.ts";

/** How long a request may wait for its record before it is answered ServiceUnavailableTemporary, in milliseconds. */
export const RECORD_PATIENCE_MILLIS = 1_800;
const DEADLINE_TICK_MILLIS = 100;
/** While the store cannot be reached, every call fails for the same reason: the log says it no more often. */
const REPEAT_MILLIS = 1_000;

/** What a call is answered. */
interface Ending {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly error?: { readonly code: string } | undefined;
}

/**
 * Answers calls, each once and all in time, and tells the operator what their callers are not told. It holds the calls that have
 * no answer yet.
 */
export class Responder {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #securityLog: SecurityLog;
  readonly #operationMetrics: ReadonlyMap<DeclaredOperation, OperationMetrics>;
  readonly #unknownOperation: OperationMetrics;
  /** Why callers could not be proven, as far as the log has it. */
  readonly #loggedCauses = new WeakSet<object>();
  /** Calls that wait, oldest first. */
  readonly #open = new OpenCalls<Call>();
  /** Calls whose slow work goes on: nobody counts how long they wait for their record. */
  readonly #busy = new OpenCalls<Call>();
  readonly #ticker: NodeJS.Timeout;
  readonly #failures = new FailureRepeats(REPEAT_MILLIS);

  constructor(options: {
    operations: readonly DeclaredOperation[];
    metrics: Metrics;
    log: Logger;
    securityLog: SecurityLog;
  }) {
    const { operations, metrics } = options;
    this.#metrics = metrics;
    this.#log = options.log;
    this.#securityLog = options.securityLog;
    this.#operationMetrics = new Map(operations.map((operation) => [operation, metrics.operation(operation.name)]));
    this.#unknownOperation = metrics.operation("unknown");
    this.#ticker = setInterval(() => this.#abandonOverdue(), DEADLINE_TICK_MILLIS);
    this.#ticker.unref();
  }

  /** Calls that have not been answered yet. */
  get open(): number {
    return this.#open.size + this.#busy.size;
  }

  /** Those of them whose slow work goes on. */
  get busy(): { readonly size: number } {
    return this.#busy;
  }

  /** Stops the clock that answers overdue calls. No call may be open. */
  close(): void {
    clearInterval(this.#ticker);
  }

  /** Takes a call that is to be answered. */
  expect(call: Call): void {
    this.#open.add(call);
  }

  /** Counts how long a call waits for its record, or, while its slow work goes on, does not. */
  readonly setBusy = (call: Call, isBusy: boolean): void => {
    if (call.isBusy === isBusy || !this.#remove(call)) return;
    call.isBusy = isBusy;
    call.isPatient = true;
    call.waitsSince = performance.now();
    (isBusy ? this.#busy : this.#open).add(call);
  };

  /** Gives an answer that holds, and tells the operator what its caller is not told. */
  answer(call: Call, evaluation: Evaluation): void {
    if (evaluation.failure !== undefined) this.report(call, evaluation.failure);
    this.#respond(call, evaluation, servedWith(call, evaluation));
  }

  /** Refuses a request that nobody is proven to have sent: it goes to metrics and the security log only. */
  reject(call: Call, refusal: { reason: RefusalReason; code: ErrorCode; message?: string }): undefined {
    const { reason, code, message = ERRORS[code].message } = refusal;
    this.#metrics.refused(reason);
    this.#securityLog.refused(reason, { code, source: call.incoming.sourceAddress });
    return this.refuse(call, { code, message });
  }

  /** Refuses without a record what says nothing of the request. */
  refuse(call: Call, known: Told): undefined {
    const { code, message } = inFormat(call, known);
    this.#respond(call, { status: ERRORS[code].status, body: encodeRefusal(call, { code, message }), error: { code } });
  }

  /** What is not an answer by itself means that the store cannot be reached: then nothing may be said but this. */
  fail(call: Call, error: unknown): void {
    const failures = this.#failures.count(error);
    if (failures !== undefined || error instanceof TamperedRowError) {
      this.#logFailure(call, error, "a request could not be put on record", { failures });
    }
    this.refuse(call, {
      code: "ServiceUnavailableTemporary",
      message: "The store cannot be reached. Send the request again.",
    });
  }

  /** Lets go of a call that nobody takes an answer to. */
  forget(call: Call): undefined {
    this.#remove(call);
    call.trace?.ended();
  }

  /** Tells the operator why a call failed, where that is not for its caller. */
  report(call: Call, failure: unknown): void {
    if (failure instanceof WireError || failure instanceof TooBusyError) return;
    if (!(failure instanceof ApiError)) this.#logFailure(call, failure, "a request failed");
    else if (failure.cause !== undefined) {
      this.#log.warn({ err: failure.cause, requestId: call.eventId }, failure.message);
    }
  }

  /** Logs once why callers cannot be proven, however many are told, since anybody may be one. */
  reportOnce(call: Call, { cause, message }: ApiError): void {
    if (typeof cause !== "object" || cause === null || this.#loggedCauses.has(cause)) return;
    this.#loggedCauses.add(cause);
    this.#log.warn({ err: cause, requestId: call.eventId }, message);
  }

  #logFailure(call: Call, error: unknown, message: string, more?: { readonly failures: number | undefined }): void {
    const { eventId: requestId } = call;
    if (error instanceof TamperedRowError) {
      this.#metrics.tamperedRows.add();
      this.#log.error({ err: error, requestId, ...alarm("tampered-row") }, "a row was tampered with");
    } else {
      this.#log.error({ err: error, requestId, ...more }, message);
    }
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

  /** Nothing hangs: what has waited too long for its record is told so. */
  #abandonOverdue(): void {
    const overdue = performance.now() - RECORD_PATIENCE_MILLIS;
    for (let call = this.#open.oldest; call !== undefined && call.waitsSince <= overdue; call = this.#open.oldest) {
      call.abandoned = true;
      this.#metrics.logUnavailable.add();
      this.refuse(call, {
        code: "ServiceUnavailableTemporary",
        message: "The audit log could not be written in time. Send the request again.",
      });
    }
  }
}

/** The key version that a call of the instance protocol was served with, by what its event says. */
function servedWith({ format }: Call, { error, noted }: Evaluation): string | undefined {
  if (format !== "PROTOBUF" || error !== undefined) return undefined;
  const { keyVersionId } = noted;
  return typeof keyVersionId === "string" ? keyVersionId : undefined;
}
