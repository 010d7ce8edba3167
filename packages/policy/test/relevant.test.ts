import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allowances,
  compilePolicy,
  decide,
  type Decision,
  givenConditions,
  parsePolicy,
  PolicySet,
  possibility,
  relevantTo,
} from "../src/index.ts";
import { inputOf } from "./comparison.ts";
import { randomScenario, seeds } from "./random-scenario.ts";
import { compiled, KEY, OTHER, OWNER, rootOf, setOf, userOf } from "./support.ts";

const SCENARIOS = 1_500;

test("what a policy says of an access is decided by the statements that are relevant to it", () => {
  const seen = { all: 0, some: 0, none: 0 };
  for (const seed of seeds(SCENARIOS)) {
    const input = inputOf(randomScenario(seed));
    const { action, resource } = input.request;
    // Beside actions of other scenarios, which must not take statements away.
    const actions = [action, inputOf(randomScenario(seed + 1)).request.action];
    const kept = input.identity.policies.flatMap((policy) => relevantTo(policy, { actions, resource }) ?? []);
    const count = (policies: readonly { readonly statements: readonly unknown[] }[]): number =>
      policies.reduce((sum, { statements }) => sum + statements.length, 0);
    const [before, after] = [count(input.identity.policies), count(kept)];
    seen[after === 0 ? "none" : after === before ? "all" : "some"]++;
    assert.deepEqual(decide({ ...input, identity: new PolicySet(kept) }), decide(input), `seed ${seed}`);
  }
  assert(Math.min(...Object.values(seen)) > 10, JSON.stringify(seen));
});

test("a policy with nothing relevant is none, and statements keep their places", () => {
  const policy = compiled([
    { Effect: "Allow", Action: "kms:Encrypt", Resource: "*" },
    { Effect: "Deny", NotAction: "kms:Encrypt", Resource: KEY },
  ]);
  const indexes = (action: string, resource: string) =>
    relevantTo(policy, { actions: [action], resource })?.statements.map(({ reference }) => reference.index);
  assert.deepEqual(indexes("KMS:encrypt", KEY), [0]);
  assert.deepEqual(indexes("kms:Decrypt", KEY), [1]);
  assert.equal(indexes("kms:Decrypt", `${KEY}2`), undefined);
});

test("under known conditions a policy says what is left of it under the others", () => {
  const seen = { all: 0, fewer: 0, none: 0 };
  for (const seed of seeds(SCENARIOS)) {
    const scenario = randomScenario(seed);
    const input = inputOf(scenario);
    const { conditions } = input.request;
    const known = new Map<string, string>();
    for (const [i, [key, value]] of Object.entries(scenario.context).entries()) {
      const isKnown = key !== "acs:currenttime" && (seed >> i) % 2 === 0;
      if (isKnown && typeof value === "string") known.set(key, value);
    }
    const left = input.identity.policies.flatMap((policy) => givenConditions(policy, known) ?? []);
    const count = (policies: typeof left) => policies.reduce((sum, { statements }) => sum + statements.length, 0);
    const [before, after] = [count([...input.identity.policies]), count(left)];
    seen[after === 0 ? "none" : after === before ? "all" : "fewer"]++;
    const isLeft = left.some(({ statements }) =>
      statements.some((statement) => statement.conditions.some(({ condition }) => known.has(condition.key))),
    );
    assert(!isLeft, `seed ${seed}`);
    // Nobody asks for these any more.
    const others = { get: (key: string) => (known.has(key) ? assert.fail(key) : conditions.get(key)) };
    const asked = input.resourcePolicy === undefined && input.session === undefined ? others : conditions;
    const request = { ...input.request, conditions: asked };
    const rest = decide({ ...input, request, identity: new PolicySet(left) });
    assert.deepEqual(outcomeOf(rest), outcomeOf(decide(input)), `seed ${seed}`);
  }
  assert(Math.min(...Object.values(seen)) > 10, JSON.stringify(seen));
});

/** Of several statements that apply another one may be named, and one that does not apply may have looked at the time. */
function outcomeOf(decision: Decision) {
  return decision.allowed ? "allowed" : { gate: decision.gate, explicit: decision.explicit };
}

test("somebody is allowed by statements, or is the root of the account", () => {
  const seen = { allowed: 0, root: 0 };
  for (const seed of seeds(SCENARIOS)) {
    const { session: _session, ...input } = inputOf(randomScenario(seed));
    if (possibility(input.request, input) === "never") continue;
    const statements = allowances(input.request, input);
    const isRoot = input.request.principal.kind === "root";
    if (statements.length === 0) assert(isRoot, `seed ${seed}`);
    seen[statements.length === 0 ? "root" : "allowed"]++;
    const decision = decide(input);
    if (decision.allowed && decision.by !== "root") {
      const { by } = decision;
      assert(
        statements.some((statement) => statement === by),
        `seed ${seed}`,
      );
    }
  }
  assert(Math.min(...Object.values(seen)) > 10, JSON.stringify(seen));
});

test("statements that allow are those of the identity, then those of the resource that are about it", () => {
  const about = { Effect: "Allow", Action: "kms:*", Resource: "*" } as const;
  const identity = setOf([
    { ...about, Action: "kms:Encrypt" },
    { ...about, Effect: "Deny", Action: "kms:Encrypt" },
  ]);
  const principals = [`acs:ram::${OWNER}:root`, `acs:ram::${OTHER}:root`, `acs:ram::${OWNER}:user/alice`];
  const resourcePolicy = new PolicySet([
    compilePolicy(
      parsePolicy(
        JSON.stringify({ Version: "1", Statement: principals.map((RAM) => ({ ...about, Principal: { RAM } })) }),
        "resource",
      ),
      { type: "Resource", name: "default" },
    ),
  ]);
  const input = { resourceAccountId: OWNER, identity, resourcePolicy };
  const of = (principal: ReturnType<typeof userOf>) =>
    allowances({ action: "kms:Encrypt", resource: KEY, principal }, input).map(
      ({ source, index }) => `${source.type} ${index}`,
    );
  // In its own account, a whole account as principal is its root alone.
  assert.deepEqual(of(userOf(OWNER)), ["Custom 0", "Resource 2"]);
  assert.deepEqual(of(userOf(OTHER)), ["Custom 0", "Resource 1"]);
  assert.deepEqual(of(rootOf(OTHER)), ["Resource 1"]);
});
