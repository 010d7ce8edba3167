import type { DigestedEvent } from "./event-record.ts";
import { isSensitive } from "./sensitive-actions.ts";

type Described = DigestedEvent["record"];

/** What an event has as an attribute, each by its published name (ActionTrail, "LookupAttribute"). */
const ATTRIBUTES = {
  ServiceName: ({ serviceName }) => serviceName,
  EventName: ({ eventName }) => eventName,
  User: ({ userIdentity }) => userIdentity.userName,
  EventId: ({ eventId }) => eventId,
  ResourceType: ({ resourceType }) => resourceType,
  ResourceName: ({ resourceName }) => resourceName,
  EventRW: ({ eventRW }) => eventRW,
  EventAccessKeyId: ({ userIdentity }) => userIdentity.accessKeyId,
  SensitiveAction: (event) => String(isSensitive(event)),
  SourceIpAddress: ({ sourceIpAddress }) => sourceIpAddress,
  EventType: ({ eventType }) => eventType,
  RoleName: ({ userIdentity }) => roleName(userIdentity),
} as const satisfies Readonly<Record<string, (event: Described) => string | undefined>>;

export type AttributeName = keyof typeof ATTRIBUTES;

/** A condition that events are looked up by: exact, case and all. */
export interface Attribute {
  readonly name: AttributeName;
  readonly value: string;
}

const NAMES = Object.keys(ATTRIBUTES).filter(isAttributeName);

/** The names of all attributes. */
export const ATTRIBUTE_NAMES: readonly AttributeName[] = NAMES;

export function isAttributeName(name: string): name is AttributeName {
  return Object.hasOwn(ATTRIBUTES, name);
}

/** What an event has as an attribute, as one text. A resource name may be several, separated by {@link SEPARATOR}. */
export function attributeOf(event: Described, name: AttributeName): string | undefined {
  return ATTRIBUTES[name](event);
}

/** Separates the names of several resources (ActionTrail, "resourceName"); no name contains it. */
export const SEPARATOR = ",";

/** Whether an event has a value as an attribute; of several resources one is enough. */
export function hasAttribute(event: Described, { name, value }: Attribute): boolean {
  const text = attributeOf(event, name);
  if (text === value) return true;
  return name === "ResourceName" && text !== undefined && text.split(SEPARATOR).includes(value);
}

/** The user name of an assumed role is that of the role and of the session (ActionTrail, "userIdentity"). */
function roleName({ type, userName }: Described["userIdentity"]): string | undefined {
  if (type !== "assumed-role") return undefined;
  const colon = userName.indexOf(":");
  return colon === -1 ? userName : userName.slice(0, colon);
}
