import { type AuditEvent, encodeEvent, type EventObject } from "./event.ts";

/** What Cinnabar records about itself. */
export type SystemEventName =
  | "InitDeployment"
  | "OpenShard"
  | "CloseShard"
  | "MarkCrash"
  | "CorrectAnswers"
  | "ResetClock"
  | "AdvanceClock"
  | "MigrateSeal"
  | "DropEventBodies"
  | "CreateAccount"
  | "EnableAccount"
  | "DisableAccount"
  | "ChangeAccountSettings"
  | "EnableService"
  | "DisableService"
  | "CreateAccessKey"
  | "EnableAccessKey"
  | "DisableAccessKey"
  | "DeleteAccessKey"
  | "CreateOIDCProvider"
  | "DeleteOIDCProvider"
  | "CreateInstance"
  | "ChangeInstanceQuotas"
  | "SetDefaultInstance"
  | "DestroyKey"
  | "DetachAliases"
  | "RotateKey"
  | "ExpireKeyMaterial"
  | "RotateRootKey"
  | "RotateAccountKey"
  | "RewrapAccountKey"
  | "DestroyAccountKey";

/** Account that stands in events of the deployment itself. */
const SYSTEM_ACCOUNT = "system";

const SYSTEM_EVENT_TYPE = "AliyunServiceEvent";

/** Whether an event, as its canonical JSON, is one that Cinnabar recorded about itself. @throws SyntaxError */
export function isSystemEvent(text: string): boolean {
  // A caller may have brought the same words in a parameter: only the event's own member counts.
  if (!text.includes(SYSTEM_EVENT_TYPE)) return false;
  const event: unknown = JSON.parse(text);
  return typeof event === "object" && event !== null && "eventType" in event && event.eventType === SYSTEM_EVENT_TYPE;
}

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
  /** What of the account's it is about. */
  resource?: { readonly type: string; readonly name: string };
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
    eventType: SYSTEM_EVENT_TYPE,
    recipientAccountId: accountId,
    requestParameters: {},
    resourceName: event.resource?.name,
    resourceType: event.resource?.type,
    serviceName: "Cinnabar",
    sourceIpAddress: "Internal",
    userAgent: "Cinnabar",
    userIdentity: { accountId: SYSTEM_ACCOUNT, principalId: SYSTEM_ACCOUNT, type: "system", userName: "cinnabar" },
  };
  return encodeEvent(full);
}
