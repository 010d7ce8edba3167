import {
  type Context,
  isSpanContextValid,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
  type Tracer,
} from "@opentelemetry/api";

/** The parts of a call that take their time. `commit` waits for the batch, or does what has to be done under the lock. */
export type Stage = "authenticate" | "execute" | "commit";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What is told of a call's end. */
export interface CallOutcome {
  readonly httpStatus: number;
  /** Code of the error that was answered, if one was. */
  readonly errorCode: string | undefined;
  /** Of the operation that was called, if it is served and the caller was proven. */
  readonly operation: { readonly product: string; readonly name: string } | undefined;
}

const RPC_SYSTEM = "alibaba_cloud_rpc";

const headerGetter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name],
};

/**
 * Spans of OpenTelemetry: one for each call, with its stages below, and one for each batch that is put on record. What
 * they say of a call is its operation, its end, and its id, which is that of its event in the audit log; never an
 * account, a key, or anything else that the caller sent.
 */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * Looks whether this process was given an OpenTelemetry SDK, once: who serves without one then pays nothing for it.
   *
   * @returns `undefined` if it was not.
   */
  static find(): Tracing | undefined {
    const tracer = trace.getTracer("cinnabar");
    // Without an SDK a span has no valid context. This one is not ended, so nobody gets to see it.
    const probe = tracer.startSpan("probe", { root: true });
    return isSpanContextValid(probe.spanContext()) ? new Tracing(tracer) : undefined;
  }

  /** A call has come: its span goes on from where the caller's headers say, in the form that the SDK was set to read. */
  begin(call: { readonly requestId: string; readonly headers: Headers; readonly method: string }): CallTrace {
    const parent = propagation.extract(ROOT_CONTEXT, call.headers, headerGetter);
    const attributes = {
      "rpc.system": RPC_SYSTEM,
      "http.request.method": call.method,
      "cinnabar.request_id": call.requestId,
    };
    const span = this.#tracer.startSpan("unknown", { kind: SpanKind.SERVER, attributes }, parent);
    return new CallTrace(this.#tracer, span);
  }

  /** A batch was committed just now: its span links to those of the calls that it put on record. */
  committed(batch: {
    readonly events: number;
    readonly millis: number;
    readonly calls: Iterable<CallTrace | undefined>;
  }): void {
    const now = Date.now();
    const links: Link[] = [];
    for (const call of batch.calls) if (call !== undefined) links.push({ context: call.spanContext });
    const attributes = { "cinnabar.batch.events": batch.events };
    this.#tracer.startSpan("commit batch", { root: true, startTime: now - batch.millis, links, attributes }).end(now);
  }
}

/** The span of one call, and of the stage that it is in. */
export class CallTrace {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  #stage: Span | undefined;

  constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  get spanContext() {
    return this.#span.spanContext();
  }

  /** The stage before, if any, has ended, and this one begins; none does after the call's end. */
  stage(name: Stage): void {
    if (!this.#span.isRecording()) return;
    this.#stage?.end();
    this.#stage = this.#tracer.startSpan(name, {}, this.#context);
  }

  /** The answer goes to the socket. */
  answered({ httpStatus, errorCode, operation }: CallOutcome): void {
    const span = this.#span;
    if (operation !== undefined) {
      span.updateName(`${operation.product}/${operation.name}`);
      span.setAttribute("rpc.service", operation.product).setAttribute("rpc.method", operation.name);
    }
    span.setAttribute("http.response.status_code", httpStatus);
    if (errorCode !== undefined) span.setAttribute("error.type", errorCode);
    // What the caller did wrong is no failure of the server's (OpenTelemetry, "Semantic conventions for HTTP spans").
    if (httpStatus >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    this.ended();
  }

  /** Nothing more is done for the call. */
  ended(): void {
    this.#stage?.end();
    this.#span.end();
  }
}
