/** Values that an event's open parts hold. */
export type EventValue = string | number | boolean | readonly EventValue[] | { readonly [name: string]: EventValue };
export type EventObject = { readonly [name: string]: EventValue };

/** Who made a call (ActionTrail, "Management event structure"). */
export interface UserIdentity {
  readonly accessKeyId?: string;
  readonly accountId: string;
  readonly principalId: string;
  readonly type: "root-account" | "system";
  readonly userName: string;
}

/**
 * One audit event, with ActionTrail's field names. What ActionTrail has no field for, and what somebody needs who
 * replays the decision later, stands in `additionalEventData`.
 */
export interface AuditEvent {
  readonly acsRegion: string;
  readonly additionalEventData: EventObject;
  readonly apiVersion: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
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
  readonly resourceName?: string;
  readonly resourceType?: string;
  readonly responseElements?: EventObject;
  readonly serviceName: string;
  readonly sourceIpAddress: string;
  readonly userAgent: string;
  readonly userIdentity: UserIdentity;
}

/**
 * The event's canonical bytes as text: JSON by RFC 8785 (keys sorted, no white space).
 *
 * Fixed fields are written in their sorted order, so `JSON.stringify` is canonical already; only objects whose keys
 * come from a request are sorted here.
 */
export function encodeEvent(event: AuditEvent): string {
  const resource = event.resourceType !== undefined && event.resourceName !== undefined;
  const members = {
    acsRegion: event.acsRegion,
    additionalEventData: sorted(event.additionalEventData),
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
    referencedResources: resource ? { [event.resourceType]: [event.resourceName] } : undefined,
    requestId: event.eventId,
    requestParameters: sorted(event.requestParameters),
    resourceName: event.resourceName,
    resourceType: event.resourceType,
    responseElements: event.responseElements === undefined ? undefined : sorted(event.responseElements),
    serviceName: event.serviceName,
    sourceIpAddress: event.sourceIpAddress,
    userAgent: event.userAgent,
    userIdentity: {
      accessKeyId: event.userIdentity.accessKeyId,
      accountId: event.userIdentity.accountId,
      principalId: event.userIdentity.principalId,
      type: event.userIdentity.type,
      userName: event.userIdentity.userName,
    },
  };
  const hasIndexes = [members.additionalEventData, members.requestParameters, members.responseElements].some(
    namesIndex,
  );
  return hasIndexes ? canonicalJson(members) : JSON.stringify(members);
}

/** JavaScript enumerates names that look like array indexes first, and by value, in whatever order they were put in. */
function namesIndex(value: EventValue | undefined): boolean {
  if (typeof value !== "object") return false;
  for (const [name, member] of Object.entries(value)) {
    if ((/^[0-9]/.test(name) && !isArray(value)) || namesIndex(member)) return true;
  }
  return false;
}

type Members = { readonly [name: string]: EventValue | Members | undefined };

function canonicalJson(value: EventValue | Members): string {
  if (typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .flatMap(([name, member]) => (member === undefined ? [] : [[name, canonicalJson(member)] as const]))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
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

/** The object with its keys sorted by UTF-16 code units at every level (RFC 8785 section 3.2.3). */
function sorted(object: EventObject): EventObject {
  if (isFlatAndSorted(object)) return object;
  const entries: [string, EventValue][] = [];
  for (const name of Object.keys(object).toSorted()) {
    const value = object[name];
    if (value !== undefined) entries.push([name, sortedValue(value)]);
  }
  // `fromEntries` defines properties, so that a key named __proto__ is only a key.
  return Object.fromEntries(entries);
}

/** Most events need no copy: their few keys were written in order. */
function isFlatAndSorted(object: EventObject): boolean {
  let before = "";
  for (const name of Object.keys(object)) {
    if (name < before || typeof object[name] === "object") return false;
    before = name;
  }
  return true;
}

function sortedValue(value: EventValue): EventValue {
  if (typeof value !== "object") return value;
  return isArray(value) ? value.map(sortedValue) : sorted(value);
}

function isArray(value: EventValue | Members): value is readonly EventValue[] {
  return Array.isArray(value);
}
