import type { Principal, RequestContext } from "@cinnabar/kernel";
import { ramArn, serviceArn } from "../resource-name.ts";
import type { AskedRight, RecordedCalls, RecordedEvent } from "./recorded-calls.ts";

/** A recorded call that asked for rights. */
export interface RecordedCall {
  readonly event: RecordedEvent;
  readonly caller: RecordedCaller;
  /** The second of the call, in milliseconds since 1970. */
  readonly at: number;
  /** Every right that it asked for; `undefined` if it looked for a resource that was not to be found. */
  readonly rights: readonly AskedRight[] | undefined;
  /** Whether it was made by somebody of another account, whose policies allowed it then. */
  readonly isForeign: boolean;
}

/** Who made a recorded call: sessions of a role are not told apart, and neither are the client keys of an access point. */
export interface RecordedCaller {
  readonly type: string;
  readonly accountId: string;
  /** The id of the account, user or role, the service's name, or the access point's or provider's ARN. */
  readonly principalId: string;
  /** The user's or role's name as it was, or the access point's. */
  readonly name: string;
  /** Of a role only. */
  readonly sessionName: string;
}

/** The answers to somebody who may not know of a resource, or who named none that there is. */
const NOT_FOUND = new Set([
  "Forbidden.KeyNotFound",
  "Forbidden.AliasNotFound",
  "InvalidResourceId.NotFound",
  // Any of these, in a dry run.
  "ValidationError",
]);

/** The call that an event records; `undefined` if it asked for no right. */
export function readRecordedCall(
  context: RequestContext,
  event: RecordedEvent,
  recorded: RecordedCalls,
): RecordedCall | undefined {
  const caller = readCaller(event);
  const isForeign = caller.accountId !== context.principal.accountId;
  const noted = isForeign ? undefined : readRights(event.additionalEventData["rights"]);
  const rights = noted ?? recorded.rightsOnKeys(context, event);
  if (rights.length === 0 && !isHidden(event)) return undefined;
  const at = Date.parse(event.eventTime);
  return { event, caller, at, rights: rights.length === 0 ? undefined : rights, isForeign };
}

/** Whether the call may have asked for a right on another account's resource, of which its event says nothing. */
function isHidden({ errorCode, eventName, serviceName, additionalEventData }: RecordedEvent): boolean {
  if (errorCode === undefined || additionalEventData["accessDenied"] !== undefined) return false;
  return (
    NOT_FOUND.has(errorCode) || (serviceName === "Sts" && eventName === "AssumeRole" && errorCode === "NoPermission")
  );
}

/** What a call whose resource was not found would have asked for. */
export function actionsOf({ serviceName, eventName }: RecordedEvent): readonly string[] {
  if (eventName === "ReEncrypt") return ["kms:ReEncryptFrom", "kms:ReEncryptTo"];
  return [`${serviceName.toLowerCase()}:${eventName}`];
}

function readCaller({ userIdentity: { type, accountId, principalId, userName } }: RecordedEvent): RecordedCaller {
  if (type !== "assumed-role") return { type, accountId, principalId, name: userName, sessionName: "" };
  const [roleId = "", sessionName = ""] = principalId.split(":");
  return { type, accountId, principalId: roleId, name: userName.split(":")[0] ?? "", sessionName };
}

function readRights(value: unknown): readonly AskedRight[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const rights = value.filter(isRight);
  return rights.length === value.length ? rights : undefined;
}

function isRight(value: unknown): value is AskedRight {
  if (typeof value !== "object" || value === null) return false;
  return (
    "action" in value && typeof value.action === "string" && "resource" in value && typeof value.resource === "string"
  );
}

/** The name of a service's domain. */
const DOMAIN = ".aliyuncs.com";

/**
 * A caller as it is authenticated; `undefined` for an application, which its event alone does not make.
 *
 * @param name - the name that the user or role has now
 */
export function toPrincipal({ caller, event, at }: RecordedCall, name: string): Principal | undefined {
  const { accountId, principalId, sessionName } = caller;
  const common = { accountId, accessKeyId: "" };
  switch (caller.type) {
    case "root-account":
      return { type: "root-account", ...common, arn: `acs:ram::${accountId}:root` };
    case "ram-user":
      return { type: "ram-user", ...common, userId: principalId, userName: name, arn: ramArn(accountId, "user", name) };
    case "assumed-role":
      return {
        type: "assumed-role",
        ...common,
        roleId: principalId,
        roleName: name,
        sessionName,
        sessionPolicy: undefined,
        mfaPresent: event.additionalEventData["mfaPresent"] === true,
        startedAt: at,
        arn: `${ramArn(accountId, "role", name)}/${sessionName}`,
      };
    case "system": {
      const serviceName = principalId.endsWith(DOMAIN) ? principalId.slice(0, -DOMAIN.length) : principalId;
      return { type: "service", ...common, serviceName, arn: serviceArn(accountId, serviceName) };
    }
    default:
      return undefined;
  }
}
