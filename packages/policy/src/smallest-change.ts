import type { DecisionInput, Gate } from "./decision.ts";
import type { AddedStatement, GateExplanation, SmallestChange, StatementDocument } from "./explanation.ts";
import { describePrincipal } from "./principal-pattern.ts";
import type { PrincipalPattern } from "./policy.ts";
import type { PolicyPrincipal, PolicyRequest } from "./request.ts";
import type { StatementReference } from "./verdict.ts";

const POLICIES_OF: Readonly<Record<Gate, string>> = {
  session: "the session's policy",
  identity: "the policies of the caller",
  resource: "the resource's policy",
};

/**
 * The fewest changes which, all made, allow a request that is refused: every Deny that applies goes, and what must
 * allow it and does not gets a statement. Where one of two suffices, it is the identity's.
 *
 * @returns `undefined` where no policy could: that of a key or secret cannot name a service, nor who is federated, a resource
 *   without a policy cannot be opened to another account, and a policy that denies it may be one that nobody can change
 */
export function smallestChange(input: DecisionInput, gates: readonly GateExplanation[]): SmallestChange | undefined {
  if (isBeyondPolicies(input, gates)) return undefined;
  const remove = gates.flatMap(({ matched }) => matched.filter(({ effect }) => effect === "Deny"));
  const add = missingIn(gates).map((gate): AddedStatement => ({ gate, statement: statementFor(gate, input) }));
  const references = remove.map(({ statement }) => statement);
  return { sentence: sentenceOf(references, add, input.request), remove: references, add };
}

function isBeyondPolicies(
  { request: { principal }, withinAccount, resourcePolicy }: DecisionInput,
  gates: readonly GateExplanation[],
): boolean {
  const isForeign = principal.kind === "service" || principal.kind === "federated";
  if (isForeign && withinAccount !== "both") return true;
  if (
    gates.some(({ matched }) => matched.some(({ effect, statement }) => effect === "Deny" && statement.source.isFixed))
  ) {
    return true;
  }
  return (
    resourcePolicy === undefined && gates.some(({ gate, required }) => gate === "resource" && required === "allow")
  );
}

function missingIn(gates: readonly GateExplanation[]): Gate[] {
  const allows = ({ matched }: GateExplanation): boolean => matched.some(({ effect }) => effect === "Allow");
  const missing = gates.filter((gate) => gate.required === "allow" && !allows(gate)).map(({ gate }) => gate);
  const either = gates.filter(({ required }) => required === "either");
  return either.length > 0 && !either.some((gate) => allows(gate)) ? [...missing, "identity"] : missing;
}

function statementFor(gate: Gate, { request, withinAccount }: DecisionInput): StatementDocument {
  const allow = { Effect: "Allow", Action: [request.action] } as const;
  if (gate !== "resource") return { ...allow, Resource: [request.resource] };
  const Principal = principalElement(request.principal);
  // That of a role has no resource.
  return withinAccount === "both" ? { ...allow, Principal } : { ...allow, Principal, Resource: ["*"] };
}

function principalElement(principal: PolicyPrincipal): Readonly<Record<string, readonly string[]>> {
  const pattern = patternFor(principal);
  const type = pattern.type === "service" ? "Service" : pattern.type === "federated" ? "Federated" : "RAM";
  return { [type]: [describePrincipal(pattern)] };
}

function patternFor({ kind, accountId, name }: PolicyPrincipal): PrincipalPattern {
  switch (kind) {
    case "root":
      return { type: "account", accountId };
    case "user":
    case "role":
      return { type: kind, accountId, name };
    case "application":
      // A resource's policy admits one with all of its account, and no other way.
      return { type: "account", accountId };
    case "service":
    case "federated":
      return { type: kind, name };
  }
}

function sentenceOf(
  remove: readonly StatementReference[],
  add: readonly AddedStatement[],
  { action, resource, principal }: PolicyRequest,
): string {
  const removed = remove.map((reference) => `remove or narrow ${describeStatement(reference)}, which denies it`);
  const added = add.map(({ gate }) =>
    gate === "resource"
      ? `allow ${action} to ${principal.arn} in ${POLICIES_OF[gate]}`
      : `allow ${action} on ${resource} in ${POLICIES_OF[gate]}`,
  );
  const changes = [...removed, ...added].join("; and ");
  return `${changes.slice(0, 1).toUpperCase()}${changes.slice(1)}.`;
}

/** A statement as people find it: `statement 2 ("no strangers") of the custom policy "Payroll"`, counted from 1. */
function describeStatement({ source, index, sid }: StatementReference): string {
  const named = sid === undefined ? "" : ` (${JSON.stringify(sid)})`;
  const version = source.version === undefined ? "" : `, version ${source.version}`;
  return `statement ${index + 1}${named} of the ${source.type.toLowerCase()} policy ${JSON.stringify(source.name)}${version}`;
}
