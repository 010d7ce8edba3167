import { z } from "zod";
import { SEPARATOR } from "./attributes.ts";
import type { DigestedEvent, EventRecord } from "./event-record.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const NONE: readonly ForeignKey[] = [];
const NO_NAMES: readonly string[] = [];
const KEY_TYPE = "ACS::KMS::Key";

/** A key of another account that a call used, as its event names it. */
interface ForeignKey {
  /** The account that owns it. */
  readonly accountId: string;
  readonly keyId: string;
  /** What its members in `additionalEventData` begin with; `listed` stands with others in the one member `keys`. */
  readonly role: "" | "source" | "listed";
  /** The parameter that was encrypted with it. */
  readonly context: string;
}

/**
 * The accounts whose trails hold an event, separated by {@link SEPARATOR}: the caller's, those whose keys it used, and that
 * whose role it assumed.
 */
export function accountsOf(record: DigestedEvent["record"]): string {
  const foreign = foreignKeys(record);
  const roleAccountId = foreignRoleAccount(record);
  if (roleAccountId !== undefined) return [record.recipientAccountId, roleAccountId].join(SEPARATOR);
  if (foreign.length === 0) return record.recipientAccountId;
  return [...new Set([record.recipientAccountId, ...foreign.map(({ accountId }) => accountId)])].join(SEPARATOR);
}

/**
 * An event as an account may see it; `undefined` if it is none of its own.
 *
 * The caller's account sees all but how often another account's key or role was changed. The account of a key sees who used or
 * changed that key, when, how and with what outcome: not from where, by which AccessKey, nor anything of other keys. The
 * account of a role sees who assumed it, how, and which AccessKey the session has.
 */
export function visibleTo(record: EventRecord, accountId: string): EventRecord | undefined {
  if (foreignRoleAccount(record) === accountId) return ofRoleOwner(record, accountId);
  const foreign = foreignKeys(record);
  if (record.recipientAccountId === accountId) {
    if (foreignRoleAccount(record) !== undefined) {
      const { roleRevision: _, ...additionalEventData } = record.additionalEventData;
      return { ...record, additionalEventData };
    }
    return foreign.length === 0 ? record : { ...record, additionalEventData: withoutRevisions(record, foreign) };
  }
  const own = foreign.filter((key) => key.accountId === accountId);
  return own.length === 0 ? undefined : ofOwner(record, { accountId, own });
}

/** The resource names under which {@link visibleTo} shows an event to the accounts whose keys the call used. */
export function ownersResourceNames(record: DigestedEvent["record"]): readonly string[] {
  const foreign = foreignKeys(record);
  if (foreign.length === 0) return NO_NAMES;
  const owners = new Set(foreign.map(({ accountId }) => accountId));
  return [...owners].map((owner) => resourceNameOf(foreign.filter(({ accountId }) => accountId === owner)));
}

/** Keys of accounts other than the caller's, which only calls that were allowed to use them have in their events. */
function foreignKeys({ additionalEventData: data, eventName }: DigestedEvent["record"]): readonly ForeignKey[] {
  const { keyAccountId, sourceKeyAccountId } = data;
  if (keyAccountId === undefined && sourceKeyAccountId === undefined) {
    return data["keys"] === undefined ? NONE : listedKeys(data["keys"]);
  }
  const keys: ForeignKey[] = [];
  const { keyId, sourceKeyId } = data;
  if (typeof keyAccountId === "string" && typeof keyId === "string") {
    const context = eventName === "ReEncrypt" ? "DestinationEncryptionContext" : "EncryptionContext";
    keys.push({ accountId: keyAccountId, keyId, role: "", context });
  }
  if (typeof sourceKeyAccountId === "string" && typeof sourceKeyId === "string") {
    keys.push({
      accountId: sourceKeyAccountId,
      keyId: sourceKeyId,
      role: "source",
      context: "SourceEncryptionContext",
    });
  }
  return keys;
}

/** Those of other accounts among the keys that a call was about. */
function listedKeys(keys: unknown): readonly ForeignKey[] {
  const listed = listOfKeys.safeParse(keys).data ?? [];
  return listed.flatMap(({ keyAccountId: accountId, keyId }) =>
    accountId === undefined ? [] : [{ accountId, keyId, role: "listed", context: "" }],
  );
}

const listOfKeys = z.array(z.looseObject({ keyId: z.string(), keyAccountId: z.string().optional() }));

/** The account of a role that a caller of another account has assumed; `undefined` for all other calls. */
function foreignRoleAccount({ additionalEventData: data, recipientAccountId }: DigestedEvent["record"]) {
  const { roleAccountId } = data;
  return typeof roleAccountId === "string" && roleAccountId !== recipientAccountId ? roleAccountId : undefined;
}

const SESSION_MEMBERS = [
  "epoch",
  "expiration",
  "issuedAccessKeyId",
  "roleAccountId",
  "roleId",
  "roleRevision",
] as const;
const SESSION_PARAMETERS = [
  "DurationSeconds",
  "ExternalId",
  "Policy",
  "RoleArn",
  "RoleSessionName",
  "SourceAccount",
  "SourceArn",
] as const;

/** What the account of a role sees of its being assumed from another account. */
function ofRoleOwner(record: EventRecord, accountId: string): EventRecord {
  const { errorCode, eventId, eventName, eventRW, eventTime, eventType, resourceName, resourceType } = record;
  const { type, accountId: callerAccountId, principalId, userName } = record.userIdentity;
  const further: JsonObject = pick(record, FURTHER_MEMBERS);
  return {
    ...further,
    additionalEventData: pick(record.additionalEventData, SESSION_MEMBERS),
    errorCode,
    eventId,
    eventName,
    eventRW,
    eventTime,
    eventType,
    recipientAccountId: accountId,
    requestParameters: pick(record.requestParameters, SESSION_PARAMETERS),
    resourceName,
    resourceType,
    serviceName: record.serviceName,
    userIdentity: { accountId: callerAccountId, principalId, type, userName },
  };
}

function withoutRevision(key: JsonObject): JsonObject {
  const { keyRevision: _, ...rest } = key;
  return rest;
}

function withoutRevisions({ additionalEventData }: EventRecord, foreign: readonly ForeignKey[]): JsonObject {
  if (foreign.some(({ role }) => role === "listed")) {
    const listed = listOfKeys.parse(additionalEventData["keys"]);
    const keys = listed.map((key) => (key.keyAccountId === undefined ? key : withoutRevision(key)));
    return { ...additionalEventData, keys };
  }
  const hidden = new Set(foreign.map(({ role }) => memberOf(role, "keyRevision")));
  return Object.fromEntries(Object.entries(additionalEventData).filter(([name]) => !hidden.has(name)));
}

/** The parameters that name all keys of a call (`ResourceId.1`), and the caller's own alias of one. */
const OTHER_NAMES = /^(?:ResourceId\b|AliasName$)/;

const KEY_MEMBERS = ["keyAccountId", "keyId", "keyRevision", "keyVersionId"] as const;
/** Members of an event that both sides see, and {@link EventRecord} does not name. */
const FURTHER_MEMBERS = ["acsRegion", "apiVersion", "eventCategory", "eventVersion", "isGlobal", "requestId"] as const;

/** What the account of keys sees of a call of another account's. */
function ofOwner(
  record: EventRecord,
  { accountId, own }: { readonly accountId: string; readonly own: readonly ForeignKey[] },
): EventRecord {
  const { errorCode, eventId, eventName, eventRW, eventTime, eventType, serviceName } = record;
  const { type, accountId: callerAccountId, principalId, userName } = record.userIdentity;
  const resourceName = resourceNameOf(own);
  const isTarget = own.some(({ role }) => role === "");
  const members = own.flatMap(({ role }) => KEY_MEMBERS.map((name) => memberOf(role, name)));
  const isListed = own.some(({ role }) => role === "listed");
  const further: JsonObject = {
    ...pick(record, FURTHER_MEMBERS),
    referencedResources: { [KEY_TYPE]: resourceName.split(SEPARATOR) },
  };
  return {
    ...further,
    additionalEventData: {
      ...pick(record.additionalEventData, [
        "epoch",
        ...members,
        ...(isTarget && !isNamedByOther(record) ? ["alias"] : []),
      ]),
      ...(isListed && { keys: keysOf(record, accountId) }),
    },
    errorCode,
    eventId,
    eventName,
    eventRW,
    eventTime,
    eventType,
    recipientAccountId: accountId,
    requestParameters: ownersParameters(record, own),
    resourceName,
    resourceType: KEY_TYPE,
    responseElements: isTarget ? record.responseElements : undefined,
    serviceName,
    userIdentity: { accountId: callerAccountId, principalId, type, userName },
  };
}

/** Of the keys that a call was about, those of an account. */
function keysOf({ additionalEventData: { keys } }: EventRecord, accountId: string): readonly object[] {
  return listOfKeys.parse(keys).filter(({ keyAccountId }) => keyAccountId === accountId);
}

/** Several names are separated by {@link SEPARATOR}. */
function resourceNameOf(own: readonly ForeignKey[]): string {
  return [...new Set(own.map(({ keyId }) => keyId))].join(SEPARATOR);
}

/** Whether the key was named by an alias that another account gave it, which is that account's affair. */
function isNamedByOther({ additionalEventData }: EventRecord): boolean {
  return additionalEventData["aliasAccountId"] !== undefined;
}

/** Of a use the encryption contexts; of a change all that is on record but what names other keys, or this one to the caller alone. */
function ownersParameters(record: EventRecord, own: readonly ForeignKey[]): JsonObject {
  const { eventRW, requestParameters } = record;
  if (eventRW === "Write") {
    const isHidden = (name: string) => OTHER_NAMES.test(name) || (name === "KeyId" && isNamedByOther(record));
    return Object.fromEntries(Object.entries(requestParameters).filter(([name]) => !isHidden(name)));
  }
  const contexts = own.map(({ context }) => context);
  // A map may have come flattened, as `EncryptionContext.tenant=acme`.
  return Object.fromEntries(
    Object.entries(requestParameters).filter(([name]) => contexts.includes(name.split(".", 1)[0] ?? "")),
  );
}

function memberOf(role: ForeignKey["role"], name: string): string {
  return role === "" ? name : `${role}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function pick(object: object, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}
