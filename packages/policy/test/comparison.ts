import assert from "node:assert/strict";
import {
  type CompiledPolicy,
  compilePolicy,
  type Decision,
  type DecisionInput,
  decide,
  explain,
  parsePolicy,
  type PolicyKind,
  PolicySet,
  type PolicySource,
  type SmallestChange,
  type StatementReference,
} from "../src/index.ts";
import { type Document, referenceApplies, referenceOutcome, type Scenario } from "./reference.ts";

const KINDS = { session: "Session", identity: "Custom", resource: "Resource" } as const;
type Documents = keyof typeof KINDS;

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

/** Explains a scenario, and throws if the decision is another, or the change it names would not allow it, or do too much. */
export function compareExplanations(scenario: Scenario): Decision {
  const input = inputOf(scenario);
  const { decision, smallestChange } = explain(input);
  assert.deepEqual(decision, decide(input));
  assert.equal(smallestChange === undefined, decision.allowed || isBeyondPolicies(scenario));
  if (smallestChange !== undefined) assertAllowedBy(smallestChange, scenario);
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

function describe({ principal, resourceAccountId, withinAccount }: Scenario): { sameAccount: boolean } {
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
  for (const instant of [from, until - 1]) {
    const context = { ...scenario.context, "acs:currenttime": new Date(instant).toISOString() };
    assertSame(decision, referenceOutcome({ ...scenario, context }));
  }
}

/**
 * Whether no policy could allow it: a key's opens it to no service and no federated principal, and without a policy a
 * resource stays within its account.
 */
function isBeyondPolicies(scenario: Scenario): boolean {
  const { principal, withinAccount, resourcePolicy } = scenario;
  const isForeign = ["service", "federated"].includes(principal.kind);
  if (isForeign && withinAccount === "either") return true;
  return resourcePolicy === undefined && !describe(scenario).sameAccount;
}

/** Makes the changes: the request must be allowed then, and not before the last of them. */
function assertAllowedBy(change: SmallestChange, scenario: Scenario): void {
  assert.equal(referenceOutcome(changed(scenario, change)), "allowed");
  for (const index of change.remove.keys()) {
    const less = { ...change, remove: change.remove.toSpliced(index, 1) };
    assert.notEqual(referenceOutcome(changed(scenario, less)), "allowed");
  }
  for (const index of change.add.keys()) {
    const less = { ...change, add: change.add.toSpliced(index, 1) };
    assert.notEqual(referenceOutcome(changed(scenario, less)), "allowed");
  }
}

function changed(scenario: Scenario, { remove, add }: Pick<SmallestChange, "remove" | "add">): Scenario {
  const after = (gate: Documents, documents: readonly Document[] | undefined): readonly Document[] | undefined => {
    const added = add.filter((statement) => statement.gate === gate).map(({ statement }) => statement);
    const kept = documents?.map(({ Version, Statement }, at) => ({
      Version,
      Statement: Statement.filter((_, index) => !remove.some((gone) => isAt(gone, { type: KINDS[gate], at, index }))),
    }));
    if (added.length === 0) return kept;
    const document = { Version: "1", Statement: added } as const;
    parsePolicy(JSON.stringify(document), policyKind(gate, scenario));
    return [...(kept ?? []), document];
  };
  return {
    ...scenario,
    session: after("session", scenario.session),
    identity: after("identity", scenario.identity) ?? [],
    resourcePolicy: after("resource", scenario.resourcePolicy),
  };
}

function isAt({ source, index }: StatementReference, place: { type: PolicySource["type"]; at: number; index: number }) {
  return source.type === place.type && source.name === String(place.at) && index === place.index;
}

function policyKind(gate: Documents, { withinAccount }: Scenario): PolicyKind {
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
