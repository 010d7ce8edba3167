/** Values that an event's open parts hold. */
export type EventValue = string | number | boolean | readonly EventValue[] | { readonly [name: string]: EventValue };
export type EventObject = { readonly [name: string]: EventValue };

/** Who made a call (ActionTrail, "Management event structure"). */
export interface UserIdentity {
  readonly accessKeyId?: string;
  readonly accountId: string;
  readonly principalId: string;
  readonly type: "root-account" | "ram-user" | "assumed-role" | "federated-user" | "application" | "system";
  readonly userName: string;
  /** Of a role's session only. */
  readonly session?: { readonly startedAt: number; readonly mfaPresent: boolean } | undefined;
}

/**
 * One audit event, with ActionTrail's field names. What ActionTrail has no field for, and what somebody needs who
 * replays the decision later, stands in `additionalEventData`.
 */
export interface AuditEvent {
  readonly acsRegion: string;
  readonly additionalEventData: EventObject;
  readonly apiVersion: string;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
  /** Equal to `requestId`. */
  readonly eventId: string;
  readonly eventName: string;
  readonly eventRW: "Read" | "Write";
  /** The host that was called. */
  readonly eventSource: string;
  /** Store time in milliseconds since 1970; recorded in whole seconds. */
  readonly eventTime: number;
  readonly eventType: "ApiCall" | "AliyunServiceEvent";
  /** Accounts whose trail holds the event. */
  readonly recipientAccountId: string;
  readonly requestParameters: EventObject;
  /** Several names are separated by commas, which none of them contains (ActionTrail, "resourceName"). */
  readonly resourceName?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly responseElements?: EventObject | undefined;
  readonly serviceName: string;
  readonly sourceIpAddress: string;
  readonly userAgent: string;
  readonly userIdentity: UserIdentity;
}

/** An event as it goes on record. */
export interface EncodedEvent {
  /** Its canonical JSON. */
  readonly text: string;
  /** What the text says. Where it is left out, whoever wants to know has to read the text. */
  readonly event?: AuditEvent;
}

/**
 * The event's canonical bytes as text: JSON by RFC 8785 (keys sorted, no white space).
 *
 * The members stand here in their sorted order: where the open parts are in theirs too, as they nearly always are, one
 * JSON.stringify writes all. Every call makes an event, and a writer that sorts and quotes by itself costs twice that.
 */
export function encodeEvent(event: AuditEvent): string {
  const { additionalEventData, requestParameters, responseElements, resourceType, resourceName } = event;
  const { accessKeyId, accountId, principalId, session, type, userName } = event.userIdentity;
  const record = {
    acsRegion: event.acsRegion,
    additionalEventData,
    apiVersion: event.apiVersion,
    errorCode: event.errorCode,
    errorMessage: event.errorMessage,
    eventCategory: "Management",
    eventId: event.eventId,
    eventName: event.eventName,
    eventRW: event.eventRW,
    eventSource: event.eventSource,
    eventTime: isoSeconds(event.eventTime),
    eventType: event.eventType,
    eventVersion: 1,
    isGlobal: false,
    recipientAccountId: event.recipientAccountId,
    referencedResources:
      resourceType === undefined || resourceName === undefined
        ? undefined
        : { [resourceType]: resourceName.split(",") },
    requestId: event.eventId,
    requestParameters,
    resourceName,
    resourceType,
    responseElements,
    serviceName: event.serviceName,
    sourceIpAddress: event.sourceIpAddress,
    userAgent: event.userAgent,
    userIdentity: {
      accessKeyId,
      accountId,
      principalId,
      sessionContext: session && sessionContext(session),
      type,
      userName,
    },
  };
  const isSorted =
    isPlain(additionalEventData) &&
    isPlain(requestParameters) &&
    (responseElements === undefined || isPlain(responseElements));
  return isSorted ? JSON.stringify(record) : canonicalJson(record);
}

/** As ActionTrail writes it, where truth is a text. */
function sessionContext({ startedAt, mfaPresent }: NonNullable<UserIdentity["session"]>) {
  return { attributes: { creationDate: isoSeconds(startedAt), mfaAuthenticated: String(mfaPresent) } };
}

/** Whether JSON.stringify writes an object canonically: flat, sorted, and no name that JavaScript would put first. */
function isPlain(object: EventObject): boolean {
  let last = "";
  for (const name in object) {
    if (name < last || startsWithDigit(name) || typeof object[name] === "object") return false;
    last = name;
  }
  return true;
}

function startsWithDigit(name: string): boolean {
  const code = name.charCodeAt(0);
  return code >= 0x30 && code <= 0x39;
}

type JsonValue = string | number | boolean | undefined | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Objects with their keys sorted by UTF-16 code units (RFC 8785 section 3.2.3), whatever order JavaScript gives them. */
function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  let text = "";
  for (const name of Object.keys(value).toSorted()) {
    const entry = value[name];
    if (entry !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${canonicalJson(entry)}`;
  }
  return `{${text}}`;
}

let lastSecond = Number.NaN;
let lastSecondText = "";

/** `yyyy-MM-ddTHH:mm:ssZ`. */
export function isoSeconds(millis: number): string {
  const second = Math.floor(millis / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
  }
  return lastSecondText;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
