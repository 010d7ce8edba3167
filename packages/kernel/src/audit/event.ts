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
  readonly resourceName?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly responseElements?: EventObject | undefined;
  readonly serviceName: string;
  readonly sourceIpAddress: string;
  readonly userAgent: string;
  readonly userIdentity: UserIdentity;
}

/**
 * The event's canonical bytes as text: JSON by RFC 8785 (keys sorted, no white space).
 *
 * The fixed members are written out in their sorted order: every call makes an event, and this is much of its cost.
 */
export function encodeEvent(event: AuditEvent): string {
  const { resourceType: type, resourceName: name, userIdentity: identity } = event;
  const id = JSON.stringify(event.eventId);
  const references =
    type === undefined || name === undefined ? "" : `,"referencedResources":{${quote(type)}:[${quote(name)}]}`;
  return (
    `{"acsRegion":${quote(event.acsRegion)}` +
    `,"additionalEventData":${canonicalJson(event.additionalEventData)}` +
    `,"apiVersion":${quote(event.apiVersion)}` +
    member("errorCode", event.errorCode) +
    member("errorMessage", event.errorMessage) +
    `,"eventCategory":"Management","eventId":${id}` +
    `,"eventName":${quote(event.eventName)},"eventRW":"${event.eventRW}"` +
    `,"eventSource":${quote(event.eventSource)},"eventTime":"${isoSeconds(event.eventTime)}"` +
    `,"eventType":"${event.eventType}","eventVersion":1,"isGlobal":false` +
    `,"recipientAccountId":${quote(event.recipientAccountId)}${references},"requestId":${id}` +
    `,"requestParameters":${canonicalJson(event.requestParameters)}` +
    member("resourceName", name) +
    member("resourceType", type) +
    member("responseElements", event.responseElements) +
    `,"serviceName":${quote(event.serviceName)},"sourceIpAddress":${quote(event.sourceIpAddress)}` +
    `,"userAgent":${quote(event.userAgent)},"userIdentity":{` +
    (identity.accessKeyId === undefined ? "" : `"accessKeyId":${quote(identity.accessKeyId)},`) +
    `"accountId":${quote(identity.accountId)},"principalId":${quote(identity.principalId)}` +
    `,"type":"${identity.type}","userName":${quote(identity.userName)}}}`
  );
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function member(name: string, value: EventValue | undefined): string {
  return value === undefined ? "" : `,"${name}":${canonicalJson(value)}`;
}

/** Objects with their keys sorted by UTF-16 code units (RFC 8785 section 3.2.3), whatever order JavaScript gives them. */
function canonicalJson(value: EventValue): string {
  if (typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  let text = "";
  for (const name of sortedNames(value)) {
    const entry = value[name];
    if (entry !== undefined) text += `${text === "" ? "" : ","}${quote(name)}:${canonicalJson(entry)}`;
  }
  return `{${text}}`;
}

function sortedNames(object: EventObject): readonly string[] {
  const names = Object.keys(object);
  for (let i = 1; i < names.length; i++) {
    if ((names[i - 1] ?? "") > (names[i] ?? "")) return names.toSorted();
  }
  return names;
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

function isArray(value: EventValue): value is readonly EventValue[] {
  return Array.isArray(value);
}
