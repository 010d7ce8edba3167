import {
  type AccessRequest,
  ApiError,
  type ApplicationPrincipal,
  type Principal,
  type RequestContext,
  toPolicyPrincipal,
} from "@cinnabar/kernel";
import { type DecisionInput, decidePartially, type PolicyPrincipal, PolicySet } from "@cinnabar/policy";
import type { Applications } from "../access/applications.ts";
import { askedBy, type FindRight, type FoundRight, isAssuming } from "../access/asked-resource.ts";
import { UNDISCLOSED_IDENTITY, undisclosedResourcePolicy } from "../access/undisclosed.ts";
import { type IdentityPolicies, NO_POLICIES } from "../authorization/identity-policies.ts";
import { isChangingPassword, onOwnPassword } from "../login-profile/own-password.ts";
import { findRole, roleKind } from "../role/role-repository.ts";
import { toAssume } from "../sts/role-target.ts";
import { userKind } from "../user/user-repository.ts";
import { Circumstances } from "./circumstances.ts";
import { quiet } from "./quiet-context.ts";
import { actionsOf, type RecordedCall, toPrincipal } from "./recorded-call.ts";
import type { AskedRight, RecordedCalls, TagHistory } from "./recorded-calls.ts";
import { isOnKey, saySame, type TriedPolicy, withTried } from "./tried-policy.ts";

/**
 * What becomes of a recorded call under the tried policy, if it was made today:
 *
 * - `Unchanged`: the same as under the policies that there are.
 * - `NewlyRefused`, `NewlyAllowed`.
 * - One of the others: that cannot be said. The caller is gone; the circumstances, or what narrowed the session, are not on
 *   record, or another account's affair; or it was about something that is not there.
 */
export const OUTCOMES = [
  "Unchanged",
  "NewlyRefused",
  "NewlyAllowed",
  "CallerGone",
  "CircumstancesUnknown",
  "SessionPolicyUnknown",
  "ResourceUnknown",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const SECOND_MILLIS = 1_000;
const CURRENT_TIME = "acs:currenttime";
const ARN = /^acs:(?<service>[^:]*):[^:]*:(?<accountId>[^:]*):(?<relativeId>.*)$/s;
const KEY = /^key\/[^*]/;
const ROLE = /^role\/(?<name>[^*]+)$/;
const USER = /^user\/(?<user>[^*]+)$/;

interface Caller {
  readonly principal: Principal;
  readonly asked: PolicyPrincipal;
  /** As they are, and as they would be. */
  readonly identity: PolicySet;
  readonly tried: PolicySet;
}

/** Whoever made some calls, as it is now. */
interface FoundCaller extends Pick<Caller, "identity" | "tried"> {
  readonly name: string;
  readonly application?: ApplicationPrincipal;
  /** From when on it is this one that calls under its name, in store milliseconds since 1970; left out, since ever. */
  readonly since?: number;
}

/** Replays recorded calls as of now, with a policy that is tried. The policies are those of today, the circumstances the calls'. */
export class Replay {
  readonly #context: RequestContext;
  readonly #quiet: RequestContext;
  readonly #policies: IdentityPolicies;
  readonly #findRight: FindRight;
  readonly #recorded: RecordedCalls;
  readonly #applications: Applications;
  readonly #tried: TriedPolicy;
  readonly #callers = new Map<string, Promise<FoundCaller | undefined>>();
  readonly #keys = new Map<string, Promise<FoundRight | undefined>>();
  readonly #tags = new Map<string, Promise<TagHistory>>();

  constructor(parts: {
    readonly context: RequestContext;
    readonly policies: IdentityPolicies;
    readonly findRight: FindRight;
    readonly recorded: RecordedCalls;
    readonly applications: Applications;
    readonly tried: TriedPolicy;
  }) {
    this.#context = parts.context;
    this.#quiet = quiet(parts.context);
    this.#policies = parts.policies;
    this.#findRight = parts.findRight;
    this.#recorded = parts.recorded;
    this.#applications = parts.applications;
    this.#tried = parts.tried;
  }

  /** @returns `undefined` for a call that does not concern what is tried. */
  async outcomeOf(call: RecordedCall): Promise<Outcome | undefined> {
    const tried = this.#tried;
    if (tried.kind === "key" && call.rights?.some((right) => isOnKey(tried.key, right)) !== true) return undefined;
    const caller = await this.#callerOf(call);
    const asked = caller?.asked ?? namedPrincipal(call);
    const actions = call.rights
      ?.filter((right) => tried.kind !== "key" || isOnKey(tried.key, right))
      .map(({ action }) => action);
    const isTouched = (actions ?? actionsOf(call.event)).some((action) => !this.#saysSame(action, asked, caller));
    if (!isTouched) return "Unchanged";
    if (caller === undefined) return "CallerGone";
    if (call.rights === undefined) return "ResourceUnknown";
    const now = await this.#decide(call, caller, "now");
    const then = await this.#decide(call, caller, "tried");
    if (now === "ResourceUnknown" || then === "ResourceUnknown") return "ResourceUnknown";
    if (now === undefined || then === undefined) return "CircumstancesUnknown";
    if (now === then) return "Unchanged";
    // It can only take away: where both are the same without it, they are so with it.
    if (call.event.additionalEventData["sessionPolicy"] === true) return "SessionPolicyUnknown";
    return then ? "NewlyAllowed" : "NewlyRefused";
  }

  /** Whether what is tried says the same of an action as what is there now. */
  #saysSame(action: string, principal: PolicyPrincipal, caller: Caller | undefined): boolean {
    const tried = this.#tried;
    if (tried.kind === "key") return saySame(tried.key.resourcePolicy, tried.policy, { action, principal });
    if (caller === undefined) return false;
    return saySame(caller.identity, caller.tried, { action, principal });
  }

  /** Whether every right is granted; `undefined` if that depends on what nobody knows. */
  async #decide(
    call: RecordedCall,
    caller: Caller,
    world: "now" | "tried",
  ): Promise<boolean | undefined | "ResourceUnknown"> {
    let isKnown = true;
    for (const right of call.rights ?? []) {
      const found = await this.#requestFor(call, caller, { right, world });
      if (found === undefined) return "ResourceUnknown";
      const allowed = await this.#decideRight(call, caller, { request: askedBy(caller.principal, found), world });
      if (allowed === false && right.isPerhaps !== true) return false;
      if (allowed !== true) isKnown = false;
    }
    return isKnown ? true : undefined;
  }

  async #decideRight(
    call: RecordedCall,
    { principal, asked, identity, tried }: Caller,
    { request, world }: { readonly request: AccessRequest; readonly world: "now" | "tried" },
  ): Promise<boolean | undefined> {
    const conditions = new Circumstances(call, principal, request);
    const input: DecisionInput = {
      request: { action: request.action, resource: request.resource, principal: asked, conditions },
      resourceAccountId: request.accountId,
      identity: world === "now" ? identity : tried,
      resourcePolicy: request.resourcePolicy,
      withinAccount: request.withinAccount,
    };
    const isUnknown = (key: string) => conditions.isUnknown(key);
    let decision = decidePartially(input, isUnknown);
    if (conditions.isTagMissed) {
      conditions.remember(await this.#tagsOf(request));
      decision = decidePartially(input, isUnknown);
    }
    // The time is on record in whole seconds.
    const { until = Number.POSITIVE_INFINITY } = decision.window ?? {};
    if (until >= call.at + SECOND_MILLIS) return decision.allowed;
    return decidePartially(input, (key) => key === CURRENT_TIME || isUnknown(key)).allowed;
  }

  #tagsOf({ resource, tags }: AccessRequest): Promise<TagHistory> {
    const keyId = resource.slice(resource.lastIndexOf("/") + 1);
    return remembered(this.#tags, keyId, () => this.#recorded.tagsOf(this.#quiet, keyId, tags ?? new Map()));
  }

  /** What the call would ask for today; `undefined` if that is not there any more. */
  async #requestFor(
    call: RecordedCall,
    { asked }: Caller,
    { right, world }: { readonly right: AskedRight; readonly world: "now" | "tried" },
  ): Promise<FoundRight | undefined> {
    const { action, resource } = right;
    const tried = this.#tried;
    if (tried.kind === "key" && isOnKey(tried.key, right)) {
      return { ...tried.key, action, ...(world === "tried" && { resourcePolicy: tried.policy }) };
    }
    const { accountId: own } = this.#context.principal;
    const { service, accountId = own, relativeId = "" } = ARN.exec(resource)?.groups ?? {};
    const plain = { action, resource, accountId, hiddenAs: "NoPermission" } as const;
    // Another account's policies allowed it then, or it would not be on record.
    if (accountId !== own) return { ...plain, resourcePolicy: undisclosedResourcePolicy(asked) };
    if (service === "kms" && KEY.test(relativeId)) {
      const key = await remembered(this.#keys, resource, () => this.#findKey(resource));
      return key && { ...key, action };
    }
    const { user } = USER.exec(relativeId)?.groups ?? {};
    if (service === "ram" && user !== undefined && isChangingPassword(action)) {
      return onOwnPassword(this.#context, user);
    }
    const { name } = ROLE.exec(relativeId)?.groups ?? {};
    if (service !== "ram" || name === undefined || !isAssuming(action)) return plain;
    const role = await findRole(this.#context, { accountId, name });
    const { ExternalId: externalId } = call.event.requestParameters;
    const conditions = new Map(typeof externalId === "string" ? [["sts:externalid", externalId]] : []);
    return role && toAssume({ arn: resource, role, conditions });
  }

  async #findKey(resource: string): Promise<FoundRight | undefined> {
    try {
      return await this.#findRight(this.#quiet, "kms:DescribeKey", resource);
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }

  /** Who called, as he is now; `undefined` if he is no more. */
  async #callerOf(call: RecordedCall): Promise<Caller | undefined> {
    const { type, accountId, principalId } = call.caller;
    const known = await remembered(this.#callers, `${accountId}/${type}/${principalId}`, () => this.#findCaller(call));
    // The time of the call is on record in whole seconds.
    if (known?.since !== undefined && call.at + SECOND_MILLIS <= known.since) return undefined;
    const principal = known && (known.application ?? toPrincipal(call, known.name));
    return principal && { ...known, principal, asked: toPolicyPrincipal(principal) };
  }

  async #findCaller(call: RecordedCall): Promise<FoundCaller | undefined> {
    const { type, principalId, name: recordedName } = call.caller;
    if (call.isForeign) return foreignCaller(call);
    if (type === "root-account") return { name: "root", identity: NO_POLICIES, tried: NO_POLICIES };
    if (type === "application") return this.#findApplication(recordedName);
    const name = await this.#nameOf(type, principalId);
    const principal = name === undefined ? undefined : toPrincipal(call, name);
    if (name === undefined || principal === undefined) return undefined;
    const { now, isSecure, sourceAddress } = this.#context;
    const find: RequestContext["find"] = (kind, id) => this.#context.find(kind, id);
    const identity = await this.#policies.find({ principal, now, isSecure, sourceAddress, find });
    const tried = this.#tried.kind === "key" ? identity : new PolicySet(withTried(identity, this.#tried));
    return { name, identity, tried };
  }

  /** Only its access point's policies are its own, which no trial changes. */
  async #findApplication(name: string): Promise<FoundCaller | undefined> {
    const found = await this.#applications.find(this.#context, name);
    if (found === undefined) return undefined;
    const { principal, createdAt } = found;
    return { name, application: principal, since: createdAt, identity: principal.policies, tried: principal.policies };
  }

  async #nameOf(type: string, id: string): Promise<string | undefined> {
    if (type === "ram-user") return (await this.#context.find(userKind, id))?.userName;
    return type === "assumed-role" ? (await this.#context.find(roleKind, id))?.roleName : undefined;
  }
}

/** Somebody of another account, whose policies are taken to allow it. */
function foreignCaller({ caller: { type, accountId, principalId: arn, name } }: RecordedCall): FoundCaller {
  const found = { name, identity: UNDISCLOSED_IDENTITY, tried: UNDISCLOSED_IDENTITY };
  if (type !== "application") return found;
  return { ...found, application: { type, accountId, accessKeyId: "", arn, name, policies: UNDISCLOSED_IDENTITY } };
}

/** A caller by what its event says alone. */
function namedPrincipal({ caller: { type, accountId, principalId, name } }: RecordedCall): PolicyPrincipal {
  const kind = KINDS[type] ?? "service";
  return { kind, accountId, name: kind === "federated" ? principalId : name, arn: "" };
}

/** What policies call whom events call so. */
const KINDS: Readonly<Record<string, PolicyPrincipal["kind"]>> = {
  "root-account": "root",
  "ram-user": "user",
  "assumed-role": "role",
  application: "application",
  "federated-user": "federated",
};

function remembered<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  find: () => Promise<Value>,
): Promise<Value> {
  const found = known.get(key);
  if (found !== undefined) return found;
  const value = find();
  known.set(key, value);
  return value;
}
