import type { CompiledStatement } from "./compiled-policy.ts";
import { decide, requirementsOf } from "./decide.ts";
import type { DecisionInput, Gate } from "./decision.ts";
import { Evaluation } from "./evaluation.ts";
import type { Explanation, GateExplanation, MatchedStatement, NearMiss } from "./explanation.ts";
import type { PolicySet } from "./policy-set.ts";
import type { WholeAccount } from "./principal-pattern.ts";
import { reasonOf, unfitElements } from "./near-miss.ts";
import { smallestChange } from "./smallest-change.ts";

/** What stands in the way is seldom far down; an explanation is read by people. */
const MAX_NEAR_MISSES = 5;

/**
 * Why a request is decided as {@link decide} decides it, and if it is refused, what would allow it. Slower than the decision:
 * every statement about the action is looked at.
 */
export function explain(asked: DecisionInput): Explanation {
  const input: DecisionInput = { ...asked, request: { ...asked.request, isImagined: true } };
  const { session, identity, resourcePolicy } = input;
  const decision = decide(input);
  const required = requirementsOf(input.request.principal, input);
  const gates: GateExplanation[] = [];
  if (session !== undefined) gates.push(explainGate(input, { gate: "session", required: "allow", policies: session }));
  if (required.identity !== "not-asked") {
    gates.push(explainGate(input, { gate: "identity", required: required.identity, policies: identity }));
  }
  const { resource, wholeAccount } = required;
  gates.push(explainGate(input, { gate: "resource", required: resource, policies: resourcePolicy, wholeAccount }));
  const change = decision.allowed ? undefined : smallestChange(input, gates);
  return { decision, gates, ...(change !== undefined && { smallestChange: change }) };
}

interface AskedGate {
  readonly gate: Gate;
  readonly required: GateExplanation["required"];
  readonly policies: PolicySet | undefined;
  readonly wholeAccount?: WholeAccount;
}

function explainGate({ request }: DecisionInput, asked: AskedGate): GateExplanation {
  const { gate, required, policies, wholeAccount = "members" } = asked;
  const evaluation = new Evaluation(request);
  const matched: MatchedStatement[] = [];
  const missed: { readonly statement: CompiledStatement; readonly element: NearMiss["element"] }[] = [];
  for (const statement of policies?.statementsAbout(request.action) ?? []) {
    const [element, ...others] = unfitElements(statement, evaluation, wholeAccount);
    if (element === undefined) matched.push(referenceTo(statement));
    else if (others.length === 0) missed.push({ statement, element });
  }
  const nearest = ["Allow", "Deny"]
    .flatMap((effect) => missed.filter(({ statement }) => statement.verdict.effect === effect))
    .slice(0, MAX_NEAR_MISSES);
  return {
    gate,
    required,
    verdict: policies?.evaluate(request, wholeAccount) ?? { effect: "None" },
    matched,
    nearlyMatched: nearest.map(({ statement, element }) => {
      const reason = reasonOf(element, statement, { evaluation, wholeAccount });
      return { ...referenceTo(statement), element, reason };
    }),
  };
}

function referenceTo({ verdict: { effect }, reference }: CompiledStatement): MatchedStatement {
  return { effect, statement: reference };
}
