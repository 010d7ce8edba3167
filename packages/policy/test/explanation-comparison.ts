import assert from "node:assert/strict";
import {
  type AddedStatement,
  decide,
  explain,
  type GateExplanation,
  parsePolicy,
  type PolicySource,
  type SmallestChange,
  type StatementReference,
} from "../src/index.ts";
import { describe, type Documents, inputOf, KINDS, policyKind } from "./comparison.ts";
import { type Document, type Outcome, referenceEffect, referenceMisfits, referenceOutcome } from "./reference.ts";
import type { Scenario } from "./reference.ts";

const MAX_NEAR_MISSES = 5;

export type Explained = "is allowed" | "is allowed once changed" | "no policy could allow it";

/**
 * Explains a scenario, and throws if the explanation does not say of each gate what the reference finds there, if that does
 * not come to the outcome, or if the change it names would not allow the request, or does too much.
 */
export function compareExplanations(scenario: Scenario): Explained {
  const input = inputOf(scenario);
  const { decision, gates, smallestChange } = explain(input);
  assert.deepEqual(decision, decide(input));
  assert.deepEqual(
    gates.map(({ gate, required }) => [gate, required]),
    askedIn(scenario),
  );
  for (const gate of gates) assertFoundAt(gate, scenario);
  assert.deepEqual(impliedBy(gates), referenceOutcome(scenario));
  assert.equal(smallestChange === undefined, decision.allowed || isBeyondPolicies(scenario));
  if (smallestChange !== undefined) assertAllowedBy(smallestChange, scenario);
  if (smallestChange !== undefined) return "is allowed once changed";
  return decision.allowed ? "is allowed" : "no policy could allow it";
}

/** Whose policies are asked, in their order, and what is required of them. */
function askedIn(scenario: Scenario): [GateExplanation["gate"], GateExplanation["required"]][] {
  const { principal, session } = scenario;
  const asked: ReturnType<typeof askedIn> = session === undefined ? [] : [["session", "allow"]];
  const isWithin = describe(scenario).sameAccount;
  switch (principal.kind) {
    case "user":
    case "role":
      asked.push(["identity", isWithin ? "either" : "allow"], ["resource", isWithin ? "either" : "allow"]);
      break;
    case "application":
      asked.push(["identity", "allow"], ["resource", isWithin ? "no-deny" : "allow"]);
      break;
    default:
      asked.push(["resource", isWithin ? "no-deny" : "allow"]);
  }
  return asked;
}

/** What is said of a gate: the verdict, which statements apply, and which fail in one element alone, and in which. */
function assertFoundAt(found: GateExplanation, scenario: Scenario): void {
  const { gate, verdict, matched, nearlyMatched } = found;
  const accountIsItsRoot = gate === "resource" && describe(scenario).sameAccount;
  const documents = documentsOf(scenario)[gate] ?? [];
  assert.equal(verdict.effect, referenceEffect(documents, scenario, accountIsItsRoot));
  const all = documents.flatMap(({ Statement }, at) =>
    Statement.map((statement, index) => ({
      effect: statement.Effect,
      place: placeOf({ type: KINDS[gate], at, index }),
      misfits: referenceMisfits(statement, scenario, accountIsItsRoot),
    })),
  );
  const by = (effect: "Deny" | "Allow") => all.filter((statement) => statement.effect === effect);
  const applying = [...by("Deny"), ...by("Allow")].filter(({ misfits }) => misfits.length === 0);
  assert.deepEqual(
    matched.map(({ effect, statement }) => ({ effect, place: placeIn(statement) })),
    applying.map(({ effect, place }) => ({ effect, place })),
  );
  if (verdict.effect !== "None") {
    const place = placeIn(verdict.statement);
    assert(applying.some((statement) => statement.effect === verdict.effect && statement.place === place));
  }
  const near = [...by("Allow"), ...by("Deny")].filter(({ misfits: [first, ...more] }) => {
    return first !== undefined && first !== "Action" && more.length === 0;
  });
  assert.deepEqual(
    nearlyMatched.map(({ effect, statement, element }) => ({ effect, place: placeIn(statement), misfits: [element] })),
    near.slice(0, MAX_NEAR_MISSES),
  );
  const { resource, principal } = scenario;
  for (const { element, reason } of nearlyMatched) {
    // What the request has. Of a condition there may be nothing, or many.
    const has = { Resource: resource, Principal: principal.arn, Condition: "must fulfil" }[element];
    assert(reason.includes(has), reason);
  }
}

/** What the gates come to by what each says and what is required of it: nothing is taken from the decision. */
function impliedBy(gates: readonly GateExplanation[]): Outcome {
  const allows = ({ verdict }: GateExplanation): boolean => verdict.effect === "Allow";
  const session = gates.find(({ gate }) => gate === "session");
  if (session !== undefined && !allows(session)) {
    return { gate: "session", explicit: session.verdict.effect === "Deny" };
  }
  const denying = gates.find(({ verdict }) => verdict.effect === "Deny");
  if (denying !== undefined) return { gate: denying.gate, explicit: true };
  const either = gates.filter(({ required }) => required === "either");
  if (either.length > 0 && !either.some(allows)) return { gate: "identity", explicit: false };
  const missing = gates.find((gate) => gate.required === "allow" && !allows(gate));
  return missing === undefined ? "allowed" : { gate: missing.gate, explicit: false };
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
  const after = changed(scenario, change);
  assert.equal(referenceOutcome(after), "allowed");
  assert(decide(inputOf(after)).allowed);
  for (const index of change.remove.keys()) {
    const less = { ...change, remove: change.remove.toSpliced(index, 1) };
    assert.notEqual(referenceOutcome(changed(scenario, less)), "allowed");
  }
  for (const index of change.add.keys()) {
    const less = { ...change, add: change.add.toSpliced(index, 1) };
    assert.notEqual(referenceOutcome(changed(scenario, less)), "allowed");
  }
}

function changed(scenario: Scenario, change: Pick<SmallestChange, "remove" | "add">): Scenario {
  const { session, identity, resource } = documentsOf(scenario);
  const after = (gate: Documents, documents: readonly Document[] | undefined) =>
    changedDocuments(documents, { ...change, gate, scenario });
  return {
    ...scenario,
    session: after("session", session),
    identity: after("identity", identity) ?? [],
    resourcePolicy: after("resource", resource),
  };
}

function changedDocuments(
  documents: readonly Document[] | undefined,
  {
    remove,
    add,
    gate,
    scenario,
  }: {
    readonly remove: readonly StatementReference[];
    readonly add: readonly AddedStatement[];
    readonly gate: Documents;
    readonly scenario: Scenario;
  },
): readonly Document[] | undefined {
  const gone = new Set(remove.map(placeIn));
  const kept = documents
    ?.map(({ Version, Statement }, at) => ({
      Version,
      Statement: Statement.filter((_, index) => !gone.has(placeOf({ type: KINDS[gate], at, index }))),
    }))
    .filter(({ Statement }) => Statement.length > 0);
  const added = add.filter((statement) => statement.gate === gate).map(({ statement }) => statement);
  if (added.length === 0) return kept;
  const document = { Version: "1", Statement: added } as const;
  parsePolicy(JSON.stringify(document), policyKind(gate, scenario));
  return [...(kept ?? []), document];
}

function documentsOf({
  session,
  identity,
  resourcePolicy,
}: Scenario): Readonly<Record<Documents, readonly Document[] | undefined>> {
  return { session, identity, resource: resourcePolicy };
}

function placeOf({ type, at, index }: { type: PolicySource["type"]; at: number; index: number }): string {
  return `${type} ${at}, statement ${index}`;
}

function placeIn({ source, index }: StatementReference): string {
  return placeOf({ type: source.type, at: Number(source.name), index });
}
