import type { Decision, DecisionInput, Gate } from "./decision.ts";
import type { PolicyPrincipal } from "./request.ts";
import { narrower } from "./validity.ts";
import type { StatementReference, ValidityWindow, Verdict } from "./verdict.ts";
import type { WholeAccount } from "./principal-pattern.ts";

const NOT_ASKED: Verdict = { effect: "None" };

/** Which policies are asked, and what each must say. */
export interface Requirements {
  /** Whether policies of the identity are asked, and whether they must allow or may merely. */
  readonly identity: "allow" | "either" | "not-asked";
  readonly resource: "allow" | "either" | "no-deny";
  /** Whom an Allow of a whole account in the resource's policy is for. */
  readonly wholeAccount: WholeAccount;
}

/**
 * Whether a request may be carried out (Alibaba Cloud RAM, "Policy evaluation process"; KMS, "Overview" of key policies).
 *
 * 1. The policy of a session must allow.
 * 2. A Deny in the identity's policies or in the resource's refuses.
 * 3. In the resource's own account one of the two must allow, across accounts both must. A root has all that its account may
 *    do; a service or federated principal has no policies of its own, so the resource's must allow.
 *
 * An application is one of its access point's policies alone: within its account these must allow, and no policy of a
 * resource may deny.
 *
 * Within its account a whole account as principal admits the root alone, and leaves users and roles to their own policies;
 * across accounts it admits every member that its own policies allow.
 */
export function decide(input: DecisionInput): Decision {
  const { request, identity, resourcePolicy } = input;
  const required = requirementsOf(request.principal, input);
  const session = input.session?.evaluate(request);
  const own = required.identity === "not-asked" ? NOT_ASKED : identity.evaluate(request);
  const theirs = resourcePolicy?.evaluate(request, required.wholeAccount) ?? NOT_ASKED;
  const window = narrower(session?.window, narrower(own.window, theirs.window));
  const effects = { session: session?.effect ?? "Allow", identity: own.effect, resource: theirs.effect };
  const gate = refusingGate(required, effects);
  if (gate !== undefined) {
    const verdicts = { session: session ?? NOT_ASKED, identity: own, resource: theirs };
    return refusal(gate, verdicts[gate], window);
  }
  const decisive = own.effect === "Allow" && required.resource !== "allow" ? own : theirs;
  return allowance(decisive.effect === "Allow" ? decisive.statement : "root", window);
}

/** What each set of policies says; a session that none narrows is allowed everything. */
export type Effects = Readonly<Record<Gate, Verdict["effect"]>>;

/** Which policies refuse first, if any do. */
export function refusingGate(required: Requirements, { session, identity, resource }: Effects): Gate | undefined {
  if (session !== "Allow") return "session";
  if (identity === "Deny") return "identity";
  if (resource === "Deny") return "resource";
  if (required.identity === "either") return identity === "Allow" || resource === "Allow" ? undefined : "identity";
  if (required.identity === "allow" && identity !== "Allow") return "identity";
  return required.resource === "allow" && resource !== "Allow" ? "resource" : undefined;
}

/** What the policies must say, which depends on who asks and whose the resource is. */
export function requirementsOf(
  principal: PolicyPrincipal,
  { resourceAccountId, withinAccount }: Pick<DecisionInput, "resourceAccountId" | "withinAccount">,
): Requirements {
  const { kind } = principal;
  const hasPolicies = kind === "user" || kind === "role" || kind === "application";
  const isOwn = !isForeign(principal) && principal.accountId === resourceAccountId;
  if (isOwn && withinAccount !== "both") {
    // No policy of a resource can name an application.
    if (kind === "application") {
      return { identity: "allow", resource: "no-deny", wholeAccount: "root" };
    }
    return hasPolicies
      ? { identity: "either", resource: "either", wholeAccount: "root" }
      : { identity: "not-asked", resource: "no-deny", wholeAccount: "root" };
  }
  return { identity: hasPolicies ? "allow" : "not-asked", resource: "allow", wholeAccount: "members" };
}

/** Services and federated principals belong to no account. */
function isForeign({ kind }: PolicyPrincipal): boolean {
  return kind === "service" || kind === "federated";
}

function allowance(by: "root" | StatementReference, window: ValidityWindow | undefined): Decision {
  return window === undefined ? { allowed: true, by } : { allowed: true, by, window };
}

function refusal(gate: Gate, verdict: Verdict, window: ValidityWindow | undefined): Decision {
  const explicit = verdict.effect === "Deny";
  return {
    allowed: false,
    gate,
    explicit,
    ...(verdict.effect === "Deny" && { statement: verdict.statement }),
    ...(window !== undefined && { window }),
  };
}
