type JsonObject = Readonly<Record<string, unknown>>;

/** An event as it stands in the log (docs/formats/audit-log.md, "Events"), as far as its readers rely on it. */
export interface EventRecord {
  readonly additionalEventData: JsonObject;
  readonly errorCode?: string | undefined;
  readonly eventId: string;
  readonly eventName: string;
  readonly eventRW: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`. */
  readonly eventTime: string;
  readonly eventType: string;
  readonly recipientAccountId: string;
  readonly requestParameters: JsonObject;
  /** Several names are separated by commas. */
  readonly resourceName?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly responseElements?: JsonObject | undefined;
  readonly serviceName: string;
  /** Left out where another account's call is shown to the account whose key it used. */
  readonly sourceIpAddress?: string | undefined;
  readonly userIdentity: {
    readonly accessKeyId?: string | undefined;
    readonly accountId: string;
    readonly principalId: string;
    readonly type: string;
    readonly userName: string;
  };
}

/** An event as it is digested, read from the log or as it was written there. */
export interface DigestedEvent {
  readonly record: Omit<EventRecord, "eventTime">;
  /** Its `eventTime`, in seconds since 1970. */
  readonly seconds: number;
}

/** An event and its place: the log, the batch, and the position among the batch's events, from 0. */
export interface ParsedEvent {
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
  /** Its `eventTime`, in seconds since 1970. */
  readonly seconds: number;
  /** Every member of the event, those included that {@link EventRecord} does not name. */
  readonly record: EventRecord;
}

/** Reads an event's text; `undefined` if it is not an event's object, which only somebody who edits the store can bring about. */
export function parseEventRecord(text: string): EventRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isEventRecord(value) ? value : undefined;
}

const TEXTS = [
  "eventId",
  "eventName",
  "eventRW",
  "eventTime",
  "eventType",
  "recipientAccountId",
  "serviceName",
  "sourceIpAddress",
];
const OPTIONAL_TEXTS = ["errorCode", "resourceName", "resourceType"];
const IDENTITY_TEXTS = ["accountId", "principalId", "type", "userName"];

function isEventRecord(value: unknown): value is EventRecord {
  if (!isObject(value)) return false;
  for (const name of TEXTS) if (typeof value[name] !== "string") return false;
  for (const name of OPTIONAL_TEXTS) if (!isOptionalText(value[name])) return false;
  const { additionalEventData, requestParameters, responseElements, userIdentity } = value;
  if (!isObject(additionalEventData) || !isObject(requestParameters) || !isObject(userIdentity)) return false;
  if (responseElements !== undefined && !isObject(responseElements)) return false;
  for (const name of IDENTITY_TEXTS) if (typeof userIdentity[name] !== "string") return false;
  return isOptionalText(userIdentity["accessKeyId"]) && !Number.isNaN(toSeconds(value["eventTime"]));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

let lastText = "";
let lastSeconds = Number.NaN;

/** Seconds since 1970, or NaN. Events of a log come in the order of their times, many with the same. */
export function toSeconds(eventTime: unknown): number {
  if (typeof eventTime !== "string") return Number.NaN;
  if (eventTime !== lastText) {
    lastText = eventTime;
    lastSeconds = Math.floor(Date.parse(eventTime) / 1000);
  }
  return lastSeconds;
}
