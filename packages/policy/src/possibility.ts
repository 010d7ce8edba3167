import { refusingGate, requirementsOf } from "./decide.ts";
import type { DecisionInput } from "./decision.ts";
import type { CompiledStatement } from "./compiled-policy.ts";
import type { PolicySet } from "./policy-set.ts";
import type { WholeAccount } from "./principal-pattern.ts";
import type { PolicyRequest } from "./request.ts";
import { ResourceName } from "./resource-pattern.ts";
import type { StatementReference, Verdict } from "./verdict.ts";

/** A question without circumstances. */
export type OpenRequest = Omit<PolicyRequest, "conditions">;

/**
 * Whether something is allowed whatever the circumstances, under none, or perhaps under some: then conditions decide, of which
 * it is not asked whether they can all be met.
 */
export type Possibility = "always" | "perhaps" | "never";

type Effect = Verdict["effect"];

/** Whether {@link decide} would allow a request, for all that its circumstances may be. */
export function possibility(request: OpenRequest, input: Omit<DecisionInput, "request">): Possibility {
  const required = requirementsOf(request.principal, input);
  const own = required.identity === "not-asked" ? NOT_ASKED : possibleEffects(input.identity, request);
  const theirs = possibleEffects(input.resourcePolicy, request, required.wholeAccount);
  const session = input.session === undefined ? ALLOWED : possibleEffects(input.session, request);
  const outcomes = session.flatMap((session) =>
    own.flatMap((identity) =>
      theirs.map((resource) => refusingGate(required, { session, identity, resource }) === undefined),
    ),
  );
  if (!outcomes.includes(true)) return "never";
  return outcomes.includes(false) ? "perhaps" : "always";
}

/**
 * The statements that allow a request, under conditions or not: those of the identity, then those of the resource's policy.
 * None for what a root may do as such.
 */
export function allowances(
  request: OpenRequest,
  input: Omit<DecisionInput, "request" | "session">,
): readonly StatementReference[] {
  const required = requirementsOf(request.principal, input);
  const own = required.identity === "not-asked" ? [] : applicable(input.identity, request);
  const theirs = applicable(input.resourcePolicy, request, required.wholeAccount);
  return [...own, ...theirs].filter(({ verdict }) => verdict.effect === "Allow").map(({ reference }) => reference);
}

const NOT_ASKED: readonly Effect[] = ["None"];
const ALLOWED: readonly Effect[] = ["Allow"];

/** What policies may say of a request if each condition may hold or not. */
function possibleEffects(
  policies: PolicySet | undefined,
  request: OpenRequest,
  wholeAccount?: WholeAccount,
): readonly Effect[] {
  const about = applicable(policies, request, wholeAccount);
  const has = (effect: Effect, isConditional: boolean): boolean =>
    about.some(({ verdict, conditions }) => verdict.effect === effect && conditions.length > 0 === isConditional);
  if (has("Deny", false)) return ["Deny"];
  const effects: Effect[] = has("Deny", true) ? ["Deny"] : [];
  if (has("Allow", false)) return [...effects, "Allow"];
  return has("Allow", true) ? [...effects, "Allow", "None"] : [...effects, "None"];
}

/** The statements that apply to a request if their conditions hold. */
function applicable(
  policies: PolicySet | undefined,
  { action, resource, principal }: OpenRequest,
  wholeAccount: WholeAccount = "members",
): readonly CompiledStatement[] {
  const name = new ResourceName(resource);
  return (policies?.statementsAbout(action) ?? []).filter(
    (statement) => statement.coversResource(name) && statement.coversPrincipal(principal, wholeAccount),
  );
}
