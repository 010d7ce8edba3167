import assert from "node:assert/strict";
import {
  type CompiledPolicy,
  compilePolicy,
  type Decision,
  type DecisionInput,
  decide,
  parsePolicy,
  type PolicyKind,
  PolicySet,
  type StatementReference,
} from "../src/index.ts";
import { type Document, referenceApplies, referenceOutcome, type Scenario } from "./reference.ts";

/** By the gate whose policies they are, what sources of policies are called here; each policy has its place as its name. */
export const KINDS = { session: "Session", identity: "Custom", resource: "Resource" } as const;
export type Documents = keyof typeof KINDS;

const DAY_MILLIS = 86_400_000;

/**
 * Decides a scenario both ways and throws if they differ: in the outcome, in a statement that is named but does not apply,
 * or in an outcome that changes within its window.
 */
export function compareDecisions(scenario: Scenario): Decision {
  const decision = decide(inputOf(scenario));
  assertSame(decision, referenceOutcome(scenario));
  assertNamedStatementApplies(decision, scenario);
  assertHoldsWithinWindow(decision, scenario);
  return decision;
}

/** The scenario with as few statements, conditions and circumstances as still make the comparison fail. */
export function shrink(scenario: Scenario, compare: (scenario: Scenario) => unknown): Scenario {
  for (const smaller of simplified(scenario)) if (fails(smaller, compare)) return shrink(smaller, compare);
  return scenario;
}

function fails(scenario: Scenario, compare: (scenario: Scenario) => unknown): boolean {
  try {
    compare(scenario);
    return false;
  } catch {
    return true;
  }
}

function* simplified(scenario: Scenario): Generator<Scenario> {
  for (const field of ["session", "identity", "resourcePolicy"] as const) {
    const documents = scenario[field] ?? [];
    for (const [at, document] of documents.entries()) {
      yield { ...scenario, [field]: documents.toSpliced(at, 1) };
      for (const [index, statement] of document.Statement.entries()) {
        const { Condition, ...bare } = statement;
        if (document.Statement.length > 1) yield replace(document.Statement.toSpliced(index, 1));
        if (Condition !== undefined) yield replace(document.Statement.with(index, bare));
      }
      function replace(Statement: Document["Statement"]): Scenario {
        return { ...scenario, [field]: documents.with(at, { ...document, Statement }) };
      }
    }
  }
  for (const key of Object.keys(scenario.context)) {
    if (key === "acs:currenttime") continue;
    const { [key]: _, ...context } = scenario.context;
    yield { ...scenario, context };
  }
}

function assertSame(decision: Decision, expected: ReturnType<typeof referenceOutcome>): void {
  const { gate, explicit } = decision.allowed ? { gate: "allowed", explicit: false } : decision;
  const { gate: expectedGate, explicit: isExplicit } =
    expected === "allowed" ? { gate: "allowed", explicit: false } : expected;
  if (gate === expectedGate && explicit === isExplicit) return;
  assert.deepEqual(decision, expected);
}

function assertNamedStatementApplies(decision: Decision, scenario: Scenario): void {
  const { sameAccount } = describe(scenario);
  if (decision.allowed && decision.by === "root") return assert.equal(scenario.principal.kind, "root");
  const named = decision.allowed ? decision.by : decision.statement;
  if (named === undefined) return assert.equal(decision.allowed, false);
  assert(typeof named === "object");
  const statement = documentOf(named, scenario).Statement[named.index]!;
  assert.equal(statement.Effect, decision.allowed ? "Allow" : "Deny");
  assert(referenceApplies(statement, scenario, named.source.type === "Resource" && sameAccount));
}

/** Whether it is asked within the account, where one side suffices. */
export function describe({ principal, resourceAccountId, withinAccount }: Scenario): { sameAccount: boolean } {
  const belongs = !["service", "federated"].includes(principal.kind);
  return { sameAccount: belongs && principal.accountId === resourceAccountId && withinAccount === "either" };
}

function documentOf({ source }: StatementReference, scenario: Scenario): Document {
  const documents = { Session: scenario.session, Custom: scenario.identity, Resource: scenario.resourcePolicy };
  assert(source.type === "Session" || source.type === "Custom" || source.type === "Resource");
  return documents[source.type]![Number(source.name)]!;
}

/** Asks the reference again at the first and the last millisecond, and far off where the window has no end. */
function assertHoldsWithinWindow(decision: Decision, scenario: Scenario): void {
  const now = Date.parse(String(scenario.context["acs:currenttime"]));
  const { from = now - 999 * DAY_MILLIS, until = now + 999 * DAY_MILLIS } = decision.window ?? {};
  assert(from <= now && now < until);
  if (!asksForTime(scenario)) return assert.equal(decision.window, undefined);
  for (const instant of [from, until - 1]) {
    const context = { ...scenario.context, "acs:currenttime": new Date(instant).toISOString() };
    assertSame(decision, referenceOutcome({ ...scenario, context }));
  }
}

function asksForTime({ session = [], identity, resourcePolicy = [] }: Scenario): boolean {
  return [session, identity, resourcePolicy].some((documents) =>
    documents.some(({ Statement }) =>
      Statement.some(({ Condition = {} }) => Object.keys(Condition).some((operator) => operator.startsWith("Date"))),
    ),
  );
}

/** As which its documents are read. */
export function policyKind(gate: Documents, { withinAccount }: Scenario): PolicyKind {
  return gate === "resource" && withinAccount === "both" ? "trust" : gate;
}

/** What {@link decide} takes, by way of documents as text. */
export function inputOf(scenario: Scenario): DecisionInput {
  const set = (gate: Documents, documents: readonly Document[] | undefined): PolicySet | undefined => {
    const kind = policyKind(gate, scenario);
    const compiled = documents?.map((document, index): CompiledPolicy =>
      compilePolicy(parsePolicy(JSON.stringify(document), kind), { type: KINDS[gate], name: String(index) }),
    );
    return compiled === undefined ? undefined : new PolicySet(compiled);
  };
  const { principal, action, resource, context, resourceAccountId, withinAccount } = scenario;
  return {
    request: { principal, action, resource, conditions: { get: (key) => context[key] } },
    resourceAccountId,
    withinAccount,
    session: set("session", scenario.session),
    identity: set("identity", scenario.identity) ?? new PolicySet([]),
    resourcePolicy: set("resource", scenario.resourcePolicy),
  };
}
