import { isObject, parseCanonicalJson } from "./canonical-json.ts";

/** What verification needs of an event. */
export interface EventFacts {
  readonly eventId: string;
  /** The name of an event that Cinnabar records about itself: a caller's own event may bear any name. */
  readonly systemEvent: string | undefined;
  /** The epoch at which the event was validated. */
  readonly epoch: unknown;
  /** All of its additionalEventData. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads an event; `undefined` unless it is an event's object in canonical JSON. */
export function readEventFacts(text: string): EventFacts | undefined {
  const event = parseCanonicalJson(text);
  if (!isObject(event)) return undefined;
  const { eventId, eventName, eventType, additionalEventData: data } = event;
  if (typeof eventName !== "string" || typeof eventId !== "string" || !isObject(data)) return undefined;
  const systemEvent = eventType === "AliyunServiceEvent" ? eventName : undefined;
  return { eventId, systemEvent, epoch: data["epoch"], data };
}
