import { hash } from "node:crypto";
import type { DigestedEvent } from "../events/event-record.ts";

/** Who used a key, as events record it. */
export interface Principal {
  readonly type: string;
  readonly accountId: string;
  readonly principalId: string;
  readonly accessKeyId?: string | undefined;
}

/** What a service used a key for. */
export interface UsedFor {
  /** With its domain: `oss.aliyuncs.com`. */
  readonly service: string;
  /** The ARN of the resource, if the service said it. */
  readonly resource: string | undefined;
}

/** One use of one key, or the refusal of one. */
export interface KeyUse {
  readonly keyId: string;
  /** The operation; for the two keys of a ReEncrypt, `ReEncryptFrom` and `ReEncryptTo`, as their rights are called. */
  readonly operation: string;
  readonly isRefused: boolean;
  /** Store time in milliseconds, in whole seconds. */
  readonly at: number;
  /** The key version, where the event has it: a refused call may not have come so far. */
  readonly keyVersionId: string | undefined;
  readonly principal: Principal;
  /** Set for services, and for sessions that work for one. */
  readonly usedFor: UsedFor | undefined;
  /** Names of the encryption context; `undefined` if it has too many, or if the log keeps it as a digest. */
  readonly contextNames: readonly string[] | undefined;
}

/** Most names of one context that are counted one by one: a context has a handful, and one call must not fill a table. */
export const MAX_NAMES_PER_CONTEXT = 32;
/** A longer name stands as its digest, and so does one with a character that PostgreSQL cannot store. */
export const MAX_NAME_CHARACTERS = 128;

/** Somebody asked whether a call would succeed: no key was used. */
const DRY_RUN = "DryRunOperationError";
const NO_NAMES: readonly string[] = [];

/** Whoever uses another account's key is counted there without its AccessKey, which is its own account's affair. */
function seenBy(owner: unknown, principal: Principal): Principal {
  if (owner === undefined || owner === principal.accountId) return principal;
  const { type, accountId, principalId } = principal;
  return { type, accountId, principalId };
}

/**
 * The uses of keys that an event records, one for each key.
 *
 * A use is a call of one of `operations`, answered or refused, in whose event a key stands: a call that is refused before
 * its key is found is nobody's, and neither is one on another account's key that the caller has no right to.
 *
 * @param operations - names of the operations that do cryptography with keys.
 */
export function keyUses({ record, seconds }: DigestedEvent, operations: ReadonlySet<string>): KeyUse[] {
  const { additionalEventData: data, errorCode, eventName, requestParameters, userIdentity: principal } = record;
  if (record.eventType !== "ApiCall" || record.serviceName !== "Kms" || !operations.has(eventName)) return [];
  if (errorCode === DRY_RUN) return [];
  const common = { isRefused: errorCode !== undefined, at: seconds * 1000, usedFor: usedFor(record) };
  const [keyId, sourceKeyId] = [text(data["keyId"]), text(data["sourceKeyId"])];
  const isReEncrypt = eventName === "ReEncrypt";
  const uses: KeyUse[] = [];
  if (sourceKeyId !== undefined) {
    uses.push({
      ...common,
      principal: seenBy(data["sourceKeyAccountId"], principal),
      keyId: sourceKeyId,
      operation: isReEncrypt ? "ReEncryptFrom" : eventName,
      keyVersionId: text(data["sourceKeyVersionId"]),
      contextNames: contextNames(requestParameters, "SourceEncryptionContext"),
    });
  }
  if (keyId !== undefined) {
    uses.push({
      ...common,
      principal: seenBy(data["keyAccountId"], principal),
      keyId,
      operation: isReEncrypt ? "ReEncryptTo" : eventName,
      keyVersionId: text(record.responseElements?.["KeyVersionId"]) ?? text(data["keyVersionId"]),
      contextNames: contextNames(requestParameters, isReEncrypt ? "DestinationEncryptionContext" : "EncryptionContext"),
    });
  }
  return uses;
}

/** Services call by themselves, as `system`, or with sessions whose events say so. */
function usedFor({
  additionalEventData: data,
  requestParameters,
  userIdentity: { type, principalId },
}: DigestedEvent["record"]): UsedFor | undefined {
  if (type === "system") return { service: principalId, resource: text(requestParameters["SourceArn"]) };
  const service = text(data["sourceService"]);
  return service === undefined ? undefined : { service, resource: text(data["sourceArn"]) };
}

/** The names of a context that came as one JSON object or flattened, as `EncryptionContext.tenant=acme`. */
function contextNames(parameters: Readonly<Record<string, unknown>>, parameter: string): readonly string[] | undefined {
  // The whole of a very long event's parameters is left out.
  if (parameters["omitted"] !== undefined) return undefined;
  const json = parameters[parameter];
  if (typeof json === "string" && json !== "") return counted(namesOf(json));
  const prefix = `${parameter}.`;
  let names: string[] | undefined;
  for (const name in parameters) {
    if (name.startsWith(prefix)) (names ??= []).push(name.slice(prefix.length));
  }
  return names === undefined ? NO_NAMES : counted(names);
}

function namesOf(json: string): readonly string[] | undefined {
  // A digest is no JSON.
  if (!json.trimStart().startsWith("{")) return undefined;
  try {
    const object: unknown = JSON.parse(json);
    return typeof object === "object" && object !== null ? Object.keys(object) : undefined;
  } catch {
    return undefined;
  }
}

function counted(names: readonly string[] | undefined): readonly string[] | undefined {
  if (names === undefined || names.length > MAX_NAMES_PER_CONTEXT) return undefined;
  return names.map((name) =>
    name.length > MAX_NAME_CHARACTERS || name.includes("\0")
      ? `sha256:${hash("sha256", name, "hex")}`
      : name.toWellFormed(),
  );
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
