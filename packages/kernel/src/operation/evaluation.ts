import { hash } from "node:crypto";
import type { Kysely } from "kysely";
import { type AuditEvent, encodeEvent, type EncodedEvent, type EventObject, type EventValue } from "../audit/event.ts";
import type { Custody } from "../custody/custody.ts";
import type { EntityKind } from "../store/entity-cache.ts";
import type { RowGuard } from "../store/row-guard.ts";
import type { TimeWindow } from "../store/backend.ts";
import type { DeclaredOperation, Plan, ProductName, RequestContext } from "./operation.ts";
import type { Prerequisite } from "./prerequisite.ts";
import { hasMfa, isNarrowed, type Principal, sessionServiceFacts, userIdentity } from "./principal.ts";
import type { OngoingCall, Waiting } from "./slow-work.ts";
import { narrow, type View } from "./view.ts";

/** A request's answer as computed from one view of the store, before it is on record. */
export interface Evaluation {
  readonly status: number;
  readonly body: string | Uint8Array;
  /** What must be written for the answer to be true; empty for refusals. */
  readonly plan: Plan<object> | undefined;
  readonly window: TimeWindow | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** What the operator is told once the answer is given: one that is decided anew may have come of rows of two times. */
  readonly failure?: unknown;
  /** What may be done first, for another answer than this error. */
  readonly prerequisite?: Prerequisite | undefined;
  /** What the handler noted for the event. */
  readonly noted: EventObject;
  readonly resource: { readonly type: string; readonly name: string } | undefined;
  readonly principal: Principal;
  /** Store time of the evaluation in milliseconds. */
  readonly time: number;
}

/** The context of one evaluation: a view, and what the handler says about its answer. */
export class EvaluationContext implements RequestContext {
  readonly principal: Principal;
  readonly region: string;
  readonly now: number;
  readonly call: OngoingCall;
  readonly isSecure: boolean;
  readonly sourceAddress: string;
  readonly custody: Custody;
  readonly guard: RowGuard;
  window: TimeWindow | undefined;
  noted: EventObject = {};
  resource: { readonly type: string; readonly name: string } | undefined;
  readonly #view: View;

  constructor(options: {
    view: View;
    principal: Principal;
    facts: Pick<CallFacts, "isSecure" | "sourceAddress" | "waiting">;
    region: string;
    custody: Custody;
    guard: RowGuard;
  }) {
    this.#view = options.view;
    this.call = options.facts;
    this.isSecure = options.facts.isSecure;
    this.sourceAddress = options.facts.sourceAddress;
    this.principal = options.principal;
    this.region = options.region;
    this.now = options.view.now;
    this.custody = options.custody;
    this.guard = options.guard;
  }

  get asOf(): number {
    return this.#view.asOf;
  }

  get allowsWork(): boolean {
    return this.#view.allowsWork;
  }

  get db(): Kysely<unknown> {
    return this.#view.db;
  }

  get log(): Kysely<unknown> {
    return this.#view.log ?? this.#view.db;
  }

  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined> {
    return this.#view.find(kind, id);
  }

  holdBatches(): Promise<boolean> {
    return this.#view.holdBatches();
  }

  stillHolds(): Promise<boolean> {
    return this.#view.stillHolds();
  }

  holdsUntil(time: number): void {
    this.window = narrow(this.window, { until: time });
  }

  holdsFrom(time: number): void {
    this.window = narrow(this.window, { from: time });
  }

  note(facts: EventObject): void {
    this.noted = { ...this.noted, ...facts };
  }

  about(type: string, name: string): void {
    this.resource = { type, name };
  }
}

/** What every event of a call says, whatever comes of it. */
export interface CallFacts extends OngoingCall {
  readonly waiting?: Waiting;
  readonly requestId: string;
  readonly region: string;
  readonly action: string;
  readonly version: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly operation: DeclaredOperation | undefined;
  /** That of the operation, or of the version that was called. */
  readonly product: ProductName;
  /** Base64url of 16 bytes that identify the signature nonce; empty for a call without a signature. */
  readonly nonceDigest: string;
  readonly isSecure: boolean;
  readonly host: string;
  readonly sourceAddress: string;
  readonly userAgent: string;
}

/** Longest text of one parameter that an event repeats, in characters; longer ones stand as a digest. */
const MAX_RECORDED_CHARACTERS = 8192;
/** Most characters of an encoded event: with UTF-8 it must stay within a tile's entry of 65,535 bytes. */
const MAX_EVENT_BYTES = 60_000;
const MAX_USER_AGENT_CHARACTERS = 512;
const MAX_NAME_CHARACTERS = 64;

/** The event, validated at `epoch`. */
export function encodeCallEvent(facts: CallFacts, evaluation: Evaluation, epoch: number): EncodedEvent {
  const event = callEvent(facts, evaluation, epoch);
  const text = encodeEvent(event);
  // A UTF-16 unit takes at most three bytes: only a long event needs counting.
  if (text.length * 3 <= MAX_EVENT_BYTES || Buffer.byteLength(text) <= MAX_EVENT_BYTES) return { text, event };
  const short = { ...event, requestParameters: { omitted: "the parameters are too long to be recorded" } };
  return { text: encodeEvent(short), event: short };
}

function callEvent(facts: CallFacts, evaluation: Evaluation, epoch: number): AuditEvent {
  const { operation } = facts;
  const { principal, error, resource } = evaluation;
  return {
    acsRegion: facts.region,
    additionalEventData: {
      epoch,
      ...evaluation.noted,
      mfaPresent: hasMfa(principal),
      nonceDigest: facts.nonceDigest,
      secureTransport: facts.isSecure,
      ...(isNarrowed(principal) && { sessionPolicy: true }),
      ...sessionServiceFacts(principal),
    },
    apiVersion: cut(facts.version, MAX_NAME_CHARACTERS),
    errorCode: error?.code,
    errorMessage: error?.message,
    eventId: facts.requestId,
    eventName: cut(facts.action, MAX_NAME_CHARACTERS),
    eventRW: operation?.readWrite ?? "Read",
    eventSource: cut(facts.host, MAX_USER_AGENT_CHARACTERS),
    eventTime: evaluation.time,
    eventType: "ApiCall",
    recipientAccountId: principal.accountId,
    requestParameters: recordedParameters(facts),
    resourceName: resource?.name,
    resourceType: resource?.type,
    responseElements: evaluation.plan && recordedResult(operation, evaluation.plan.result),
    serviceName: facts.product,
    sourceIpAddress: facts.sourceAddress,
    userAgent: cut(facts.userAgent, MAX_USER_AGENT_CHARACTERS),
    userIdentity: userIdentity(principal),
  };
}

/** The declared parameters that may be recorded, as they were sent; of an unknown operation none. */
function recordedParameters({ operation, parameters }: CallFacts): EventObject {
  const recorded: Record<string, EventValue> = {};
  if (operation === undefined) return recorded;
  for (const name of Object.keys(operation.parameters)) {
    const audit = operation.parameters[name]?.audit;
    const value = parameters.get(name);
    if (audit === "omit" || value === undefined) continue;
    recorded[name] = audit === "digest" ? digest(value) : capped(value);
  }
  for (const name of parameters.keys()) {
    // A map may come flattened, as `EncryptionContext.tenant=acme`.
    const dot = name.indexOf(".");
    const audit = dot === -1 ? undefined : operation.parameters[name.slice(0, dot)]?.audit;
    if (audit === undefined || audit === "omit") continue;
    const value = parameters.get(name) ?? "";
    recorded[name] = audit === "digest" ? digest(value) : capped(value);
  }
  return recorded;
}

function recordedResult(operation: DeclaredOperation | undefined, result: object): EventObject {
  const recorded: Record<string, EventValue> = {};
  for (const name of operation?.recordedResult ?? []) {
    const value: unknown = Reflect.get(result, name);
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") recorded[name] = value;
  }
  return recorded;
}

/** Cut, and without half of a surrogate pair, which canonical JSON does not know. */
function cut(text: string, characters: number): string {
  return text.slice(0, characters).toWellFormed();
}

function capped(text: string): string {
  return text.length > MAX_RECORDED_CHARACTERS ? digest(text) : text.toWellFormed();
}

function digest(text: string): string {
  return `sha256:${hash("sha256", text, "hex")}`;
}
