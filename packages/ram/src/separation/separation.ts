import {
  ApiError,
  type ErrorCode,
  ERRORS,
  type EventObject,
  type Plan,
  type RequestContext,
  TurnTaker,
  type Warned,
  WorkNeededError,
} from "@cinnabar/kernel";
import type { PolicyPrincipal } from "@cinnabar/policy";
import { accountKind, type SeparationOfDuties } from "../account.ts";
import { type HeldRight, toHeldRightView } from "./both-rights.ts";
import type { Conflict, Conflicts } from "./conflict.ts";
import { findConflicts } from "./find-conflicts.ts";
import type { KeyPolicies } from "./key-policies.ts";
import type { RightsChange } from "./rights-change.ts";

const CODE = "Rejected.SeparationOfDuties";
/** Those who are told in a message; the event and the answer tell more. */
const MAX_TOLD = 3;
/** How long a look may take under the epoch's lock, in milliseconds: the whole deployment waits for it. */
const LOCKED_MILLIS = 50;
/** A call that was sent out of the lock may take so many times longer there, or it would never end beside many others. */
const PATIENCE = 4;
const MOST_PATIENT = 2;

/** What operations answer that are refused where an account enforces a separation of duties. */
export const SEPARATION_ERRORS: readonly ErrorCode[] = [CODE];

const NO_WARNINGS: Warned = {};

/** What was found of a call, as of which control transaction and with which keys. */
interface Remembered {
  readonly asOf: number;
  readonly keys: string;
  readonly conflicts: Conflicts;
}

/** Sees to it that nobody comes to use a key and to manage it unnoticed, as an account's setting says. */
export class Separation {
  readonly #keyPolicies: KeyPolicies;
  readonly #lockedMillis: number;
  /** By the call: what was found before the epoch's lock was taken holds under it too, if nothing has changed since. */
  readonly #remembered = new WeakMap<object, Remembered>();
  /** By the call: how often it was sent out of the lock. */
  readonly #sentOut = new WeakMap<object, number>();

  /**
   * @param lockedMillis - how long a look may take under the epoch's lock, the first time that a call is there. What takes
   *   longer is done before it is taken again.
   */
  constructor(keyPolicies: KeyPolicies, lockedMillis = LOCKED_MILLIS) {
    this.#keyPolicies = keyPolicies;
    this.#lockedMillis = lockedMillis;
  }

  /** A change that is to be carried out, with what its answer has to warn of. @throws ApiError `Rejected.SeparationOfDuties` */
  async settle<Result extends object>(
    context: RequestContext,
    change: RightsChange,
    plan: Plan<Result>,
  ): Promise<Plan<Result & Warned>> {
    const warnings = await this.check(context, change);
    return { ...plan, result: { ...plan.result, ...warnings } };
  }

  /**
   * What the answer to a change has to warn of. The event tells it too.
   *
   * @param accountId - whose rights or keys change; the caller's own account if left out. Others are told no names.
   * @throws ApiError `Rejected.SeparationOfDuties`
   * @throws WorkNeededError under the epoch's lock, if finding it out takes too long there. To be thrown on.
   */
  async check(context: RequestContext, change: RightsChange, accountId = context.principal.accountId): Promise<Warned> {
    const mode = (await context.find(accountKind, accountId))?.settings.separationOfDuties ?? "warn";
    if (mode === "off") return NO_WARNINGS;
    const { found, isTruncated } = await this.#find(context, change, { accountId, mode });
    if (found.length === 0) return NO_WARNINGS;
    const isOwn = accountId === context.principal.accountId;
    if (isOwn) context.note({ separationOfDuties: { mode, conflicts: found.map(toFacts), isTruncated } });
    if (mode === "enforce") throw new ApiError(CODE, isOwn ? refusalOf(found) : ERRORS[CODE].message);
    return isOwn ? { Warnings: { Warning: found.map(toWarning), IsTruncated: isTruncated } } : NO_WARNINGS;
  }

  async #find(
    context: RequestContext,
    change: RightsChange,
    { accountId, mode }: { readonly accountId: string; readonly mode: SeparationOfDuties },
  ): Promise<Conflicts> {
    const { call, asOf, region, allowsWork } = context;
    // A key that is made meanwhile is no control transaction: where it matters, none is.
    if (mode === "enforce") await context.holdBatches();
    const keys = await this.#keyPolicies.state(context, accountId);
    const known = this.#remembered.get(call);
    if (known?.asOf === asOf && known.keys === keys) return known.conflicts;
    const place = { region, accountId };
    const sentOut = this.#sentOut.get(call) ?? 0;
    const spent = (): WorkNeededError => {
      this.#sentOut.set(call, sentOut + 1);
      return new WorkNeededError();
    };
    const millis = this.#lockedMillis * PATIENCE ** Math.min(sentOut, MOST_PATIENT);
    const turns = new TurnTaker(allowsWork ? undefined : { millis, spent });
    const look = findConflicts(context, change, { place, keyPolicies: this.#keyPolicies, turns });
    // In a large account it may take longer than a call waits for its record.
    call.waiting?.busyUntil(look);
    const conflicts = await look;
    this.#remembered.set(call, { asOf, keys, conflicts });
    return conflicts;
  }
}

function toFacts({ principal, keyId, using, managing }: Conflict): EventObject {
  const held = ({ action, roles }: HeldRight): EventObject => ({ action, ...(roles.length > 0 && { roles }) });
  return { principal: principal.arn, keyId: keyId ?? "*", using: held(using), managing: held(managing) };
}

function toWarning(conflict: Conflict): NonNullable<Warned["Warnings"]>["Warning"][number] {
  const { principal, keyId, using, managing } = conflict;
  return {
    Code: "SeparationOfDuties",
    Message: `${describe(conflict)}.`,
    Principal: principal.arn,
    KeyId: keyId ?? "*",
    Using: toHeldRightView(using),
    Managing: toHeldRightView(managing),
  };
}

function refusalOf(found: readonly Conflict[]): string {
  const told = found.slice(0, MAX_TOLD).map(describe);
  const more = found.length > MAX_TOLD ? ["and others"] : [];
  return `${ERRORS[CODE].message} ${[...told, ...more].join("; ")}. Deny one of the two first, or give it to somebody else. Where both are meant, SetSeparationOfDuties changes what the account allows.`;
}

function describe({ principal, keyId, using, managing }: Conflict): string {
  const [key, it] = keyId === undefined ? ["keys of the account", "them"] : [`the key ${keyId}`, "it"];
  const who = describePrincipal(principal);
  if (using === managing) return `${who} can give itself all rights to ${key} by ${describeRight(using)}`;
  return `${who} can use ${key} by ${describeRight(using)} and manage ${it} by ${describeRight(managing)}`;
}

function describePrincipal({ kind, accountId, arn }: PolicyPrincipal): string {
  switch (kind) {
    case "root":
      return `The account ${accountId}`;
    case "service":
      return `The service ${arn}`;
    case "federated":
      return `Whoever ${arn} vouches for`;
    case "user":
    case "role":
    case "application":
      return arn;
  }
}

function describeRight({ action, roles }: HeldRight): string {
  return roles.length === 0 ? action : `${action} as the role ${roles.join(", then ")}`;
}
