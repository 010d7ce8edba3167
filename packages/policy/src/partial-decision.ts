import type { CompiledStatement } from "./compiled-policy.ts";
import { decide, refusingGate, requirementsOf } from "./decide.ts";
import type { DecisionInput } from "./decision.ts";
import { Evaluation } from "./evaluation.ts";
import type { PolicySet } from "./policy-set.ts";
import type { WholeAccount } from "./principal-pattern.ts";
import type { PolicyRequest } from "./request.ts";
import { narrower } from "./validity.ts";
import type { ValidityWindow, Verdict } from "./verdict.ts";

/** What {@link decide} would say of a request of which not all circumstances are known. */
export interface PartialDecision {
  /** `undefined` if it depends on what is not known. */
  readonly allowed: boolean | undefined;
  /** There if conditions on a known time were looked at. */
  readonly window?: ValidityWindow;
}

type Effect = Verdict["effect"];

/**
 * Decides a request some of whose circumstances nobody knows any more: as {@link decide} does if it does not have to ask for
 * any of them, and else by what it would say whichever of the conditions on them hold. Of several conditions on unknown keys
 * it is not asked whether they can all be met, so that it may be in doubt where somebody who thinks is not.
 *
 * @param isUnknown - whether nobody knows what the request had for a condition key, named as for its conditions
 */
export function decidePartially(input: DecisionInput, isUnknown: (key: string) => boolean): PartialDecision {
  let isAsked = false;
  const { conditions } = input.request;
  const request: PolicyRequest = {
    ...input.request,
    conditions: {
      get(key) {
        if (!isUnknown(key)) return conditions.get(key);
        isAsked = true;
        return undefined;
      },
    },
  };
  const { allowed, window } = decide({ ...input, request });
  if (!isAsked) return window === undefined ? { allowed } : { allowed, window };
  return decideInDoubt(input, request, isUnknown);
}

function decideInDoubt(
  input: DecisionInput,
  request: PolicyRequest,
  isUnknown: (key: string) => boolean,
): PartialDecision {
  const required = requirementsOf(request.principal, input);
  const asking = { request, isUnknown };
  const session = input.session === undefined ? ALLOWED : possibleEffects(input.session, asking);
  const identity = required.identity === "not-asked" ? NOT_ASKED : possibleEffects(input.identity, asking);
  const resource = possibleEffects(input.resourcePolicy, { ...asking, wholeAccount: required.wholeAccount });
  const outcomes = new Set(
    session.effects.flatMap((session) =>
      identity.effects.flatMap((identity) =>
        resource.effects.map((resource) => refusingGate(required, { session, identity, resource }) === undefined),
      ),
    ),
  );
  const window = narrower(session.window, narrower(identity.window, resource.window));
  const allowed = outcomes.size === 1 ? outcomes.has(true) : undefined;
  return window === undefined ? { allowed } : { allowed, window };
}

interface PossibleEffects {
  readonly effects: readonly Effect[];
  readonly window?: ValidityWindow | undefined;
}

const ALLOWED: PossibleEffects = { effects: ["Allow"] };
const NOT_ASKED: PossibleEffects = { effects: ["None"] };

/** What policies may say if each condition on an unknown key may hold or not. */
function possibleEffects(
  policies: PolicySet | undefined,
  {
    request,
    isUnknown,
    wholeAccount = "members",
  }: {
    readonly request: PolicyRequest;
    readonly isUnknown: (key: string) => boolean;
    readonly wholeAccount?: WholeAccount;
  },
): PossibleEffects {
  const evaluation = new Evaluation(request);
  const about = (policies?.statementsAbout(request.action) ?? []).filter(
    (statement) =>
      statement.coversResource(evaluation.resource) && statement.coversPrincipal(request.principal, wholeAccount),
  );
  const certain = new Set<Effect>();
  const possible = new Set<Effect>();
  for (const statement of about) {
    const holds = holdsAsKnown(statement, evaluation, isUnknown);
    if (holds !== false) possible.add(statement.verdict.effect);
    if (holds === true) certain.add(statement.verdict.effect);
  }
  const effects = (["Deny", "Allow", "None"] as const).filter((effect) => effect === "None" || possible.has(effect));
  const decisive = effects.findIndex((effect) => certain.has(effect));
  const { window } = evaluation;
  return { effects: decisive === -1 ? effects : effects.slice(0, decisive + 1), window };
}

/** Whether all conditions hold; `undefined` if that depends on what is not known. */
function holdsAsKnown(
  { conditions }: CompiledStatement,
  evaluation: Evaluation,
  isUnknown: (key: string) => boolean,
): boolean | undefined {
  const known = conditions.filter(({ condition }) => !isUnknown(condition.key));
  if (!known.every((condition) => condition.holds(evaluation))) return false;
  return known.length === conditions.length ? true : undefined;
}
