import { type AuditEvent, encodeEvent, type EventObject } from "./event.ts";

/** What Cinnabar records about itself. */
export type SystemEventName =
  | "InitDeployment"
  | "OpenShard"
  | "CloseShard"
  | "MarkCrash"
  | "CorrectAnswers"
  | "ResetClock"
  | "MigrateSeal"
  | "CreateAccount"
  | "EnableAccount"
  | "DisableAccount"
  | "CreateAccessKey"
  | "EnableAccessKey"
  | "DisableAccessKey"
  | "DeleteAccessKey";

/** Account that stands in events of the deployment itself. */
export const SYSTEM_ACCOUNT = "system";

/** The canonical JSON of an event that no caller caused. */
export function encodeSystemEvent(event: {
  name: SystemEventName;
  region: string;
  /** Upper-case UUID. */
  eventId: string;
  /** Store time in milliseconds. */
  time: number;
  /** Epoch at which the event holds. */
  epoch: number;
  data: EventObject;
  /** The account that it is about, and whose trail holds it; without one it concerns the deployment alone. */
  accountId?: string;
}): string {
  const { accountId = SYSTEM_ACCOUNT } = event;
  const full: AuditEvent = {
    acsRegion: event.region,
    additionalEventData: { ...event.data, epoch: event.epoch },
    apiVersion: "2016-01-20",
    eventId: event.eventId,
    eventName: event.name,
    eventRW: "Write",
    eventSource: "cinnabar",
    eventTime: event.time,
    eventType: "AliyunServiceEvent",
    recipientAccountId: accountId,
    requestParameters: {},
    serviceName: "Cinnabar",
    sourceIpAddress: "Internal",
    userAgent: "Cinnabar",
    userIdentity: { accountId: SYSTEM_ACCOUNT, principalId: SYSTEM_ACCOUNT, type: "system", userName: "cinnabar" },
  };
  return encodeEvent(full);
}
