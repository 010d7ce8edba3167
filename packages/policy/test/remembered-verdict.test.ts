import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "../src/index.ts";
import { inputOf } from "./comparison.ts";
import { PRINCIPALS, Random, randomScenario, seeds } from "./random-scenario.ts";
import type { Scenario } from "./reference.ts";
import { KEY, requestOf, setOf, userOf } from "./support.ts";

const SCENARIOS = 1_000;
const QUESTIONS = 40;
const TIMES = ["2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-11-22T08:00:00.000Z", "not a time"];

test("policies that were asked before say what the same policies say that never were", () => {
  for (const seed of seeds(SCENARIOS)) {
    const random = new Random(seed);
    const asked = randomScenario(seed);
    const sets = inputOf(asked);
    let question = asked;
    for (let i = 0; i < QUESTIONS; i++) {
      question = another(question, random);
      const { request, resourceAccountId, ...fresh } = inputOf(question);
      // Which says whom a whole account as principal is.
      const about = { request, resourceAccountId, withinAccount: random.pick(["either", "both"] as const) };
      assert.deepEqual(decide({ ...sets, ...about }), decide({ ...fresh, ...about }), `seed ${seed}, question ${i}`);
    }
  }
});

/** The same policies asked something else that differs in one respect, or in all. */
function another(question: Scenario, random: Random): Scenario {
  const other = randomScenario(random.below(2 ** 31));
  const { context } = question;
  switch (random.below(6)) {
    case 0:
      return { ...question, principal: random.pick(PRINCIPALS) };
    case 1:
      return { ...question, context: { ...context, "acs:currenttime": random.pick(TIMES) } };
    case 2:
      return { ...question, context: other.context };
    case 3: {
      const [key] = Object.keys(context);
      const { [key ?? ""]: _, ...rest } = context;
      return { ...question, context: { ...rest, ...other.context } };
    }
    case 4:
      return { ...question, resourceAccountId: other.resourceAccountId };
    default:
      return { ...question, action: other.action, resource: other.resource };
  }
}

test("what the time decides is said again until then", () => {
  const deadline = "2026-11-22T08:00:00.000Z";
  const Condition = { DateLessThan: { "acs:CurrentTime": deadline } };
  const set = setOf([{ Effect: "Allow", Action: "kms:*", Resource: "*", Condition }]);
  const at = (time: string) => set.evaluate(requestOf({ context: { "acs:currenttime": time } }));
  const first = at("2026-11-22T07:00:00.000Z");
  assert.equal(at("2026-11-22T07:59:59.999Z"), first);
  assert.equal(at(deadline).effect, "None");
  assert.deepEqual(at("2026-11-22T07:00:00.000Z"), first);
});

test("answers about more resources than it remembers, and remembers again", () => {
  const set = setOf([{ Effect: "Allow", Action: "kms:*", Resource: `${KEY}*7` }]);
  for (let i = 0; i < 150_000; i++) {
    const { effect } = set.evaluate(requestOf({ resource: `${KEY}${i}` }));
    assert.equal(effect, i % 10 === 7 ? "Allow" : "None");
  }
  const Condition = { StringEquals: { "kms:tag/a": "b" } };
  const conditional = setOf([{ Effect: "Allow", Action: "kms:*", Resource: "*", Condition }]);
  const ask = (value: string) => conditional.evaluate(requestOf({ context: { "kms:tag/a": value } }));
  assert.deepEqual([ask("b").effect, ask("c").effect, ask("b").effect], ["Allow", "None", "Allow"]);
});

test("says of one principal nothing that it said of another", () => {
  const statement = { Effect: "Allow", Action: "kms:*", Resource: "*" } as const;
  const set = setOf([{ ...statement, Principal: { RAM: userOf("1000000000000001", "alice").arn } }], "resource");
  const ask = (name: string, account = "1000000000000001") =>
    set.evaluate(requestOf({ principal: userOf(account, name) })).effect;
  assert.deepEqual(
    [ask("alice"), ask("bob"), ask("alice", "2000000000000002"), ask("alice")],
    ["Allow", "None", "None", "Allow"],
  );
});
