import assert from "node:assert/strict";
import { test } from "node:test";
import { queryObjects } from "node:v8";
import { explain, PolicySet } from "../src/index.ts";
import { RememberedVerdict } from "../src/remembered-verdict.ts";
import { compiled, KEY, OTHER, OWNER, parsed, requestOf, setOf, userOf } from "./support.ts";

test("does not look at statements about other actions and other resources again", () => {
  let asked = 0;
  const statements = Array.from({ length: 200 }, (_, i) => ({
    Effect: "Allow" as const,
    Action: i % 2 === 0 ? "kms:Encrypt" : "ram:GetUser",
    Resource: `${KEY}-${i}`,
    Condition: { StringEquals: { "kms:tag/a": "b" } },
  }));
  const set = setOf(statements);
  const request = { ...requestOf({ resource: `${KEY}-42` }), conditions: { get: () => String(asked++) } };
  assert.equal(set.evaluate(request).effect, "None");
  assert.equal(asked, 1);
});

test("is the same whatever the order of policies and statements", () => {
  const policies = [
    compiled([{ Effect: "Allow", Action: "kms:*", Resource: "*" }]),
    compiled([{ Effect: "Deny", Action: "kms:Decrypt", Resource: "*" }]),
  ];
  for (const set of [new PolicySet(policies), new PolicySet(policies.toReversed())]) {
    assert.equal(set.evaluate(requestOf({ action: "kms:Encrypt" })).effect, "Allow");
    assert.equal(set.evaluate(requestOf({ action: "kms:Decrypt" })).effect, "Deny");
    assert.equal(set.evaluate(requestOf({ action: "ram:GetUser" })).effect, "None");
  }
});

test("answers for more actions than it remembers", () => {
  const set = setOf([{ Effect: "Allow", Action: "kms:Action9*", Resource: "*" }]);
  for (let i = 0; i < 3_000; i++) {
    const { effect } = set.evaluate(requestOf({ action: `kms:Action${i}` }));
    assert.equal(effect, String(i).startsWith("9") ? "Allow" : "None");
  }
});

test("asks every statement about a resource that several name, until one applies", () => {
  const team = (value: string) => ({ StringEquals: { "kms:tag/team": value } });
  const set = setOf([
    { Effect: "Allow", Action: "kms:*", Resource: KEY, Condition: team("a") },
    { Effect: "Allow", Action: "kms:*", Resource: [`${KEY}1`, KEY], Condition: team("b") },
    { Effect: "Allow", Action: "kms:*", Resource: "acs:kms:*:*:key/k*", Condition: team("c") },
    { Effect: "Allow", Action: "kms:*", Resource: "acs:kms:*:*:key/*", Condition: team("d") },
  ]);
  const answers = ["a", "b", "c", "d", "e"].map((team) =>
    set.evaluate(requestOf({ context: { "kms:tag/team": team } })),
  );
  assert.deepEqual(
    answers.map((verdict) => (verdict.effect === "None" ? undefined : verdict.statement.index)),
    [0, 1, 2, 3, undefined],
  );
});

test("asks for the conditions of a statement once, however many of its resources fit", () => {
  let asked = 0;
  const value = Object.assign(["b"], { some: () => asked++ < 0 });
  const resources = [KEY, ...Array.from({ length: 200 }, (_, i) => `acs:kms:*:*:${"*".repeat(i + 1)}`)];
  const statement = { Effect: "Deny", Action: ["*", "kms:*", "kms:Encrypt"], Resource: resources } as const;
  const set = setOf([{ ...statement, Condition: { StringLike: { "kms:tag/a": ["a*", "b?"] } } }]);
  assert.equal(set.evaluate(requestOf({ context: { "kms:tag/a": value } })).effect, "None");
  assert.equal(asked, 1);
});

test("does not ask for the conditions of statements about somebody else", () => {
  const Principal = { RAM: `acs:ram::${OWNER}:user/alice` };
  const Condition = { StringEquals: { "kms:tag/a": "b" } };
  const set = setOf([{ Effect: "Deny", Principal, Action: "kms:*", Resource: "*", Condition }], "resource");
  let asked = 0;
  const conditions = { get: () => String(asked++) };
  for (const principal of [userOf(OTHER), userOf(OWNER, "bob")])
    set.evaluate({ ...requestOf({ principal }), conditions });
  assert.equal(asked, 0);
  set.evaluate({ ...requestOf(), conditions });
  assert.equal(asked, 1);
});

test("remembers nothing of what is merely asked about", () => {
  const set = setOf([{ Effect: "Allow", Action: "kms:*", Resource: "*" }]);
  const remembered = () => queryObjects(RememberedVerdict, { format: "count" });
  const before = remembered();
  for (let i = 0; i < 500; i++) {
    const request = requestOf({ action: `kms:MadeUp${i}` });
    assert(explain({ request, resourceAccountId: OWNER, identity: set }).decision.allowed);
  }
  assert.equal(remembered(), before);
  set.evaluate(requestOf());
  assert.equal(remembered(), before + 1);
});

/** Documents of some 32 KB that take as much memory as can be. */
const LARGE: Readonly<Record<string, object>> = {
  actions: { Action: listed(2_200, (id) => `kms:*${id}*`) },
  resources: { Resource: listed(1_300, (id) => `acs:kms:*:*:*${id}*`) },
  conditions: { Condition: { StringLike: Object.fromEntries(listed(1_300, (id) => [`kms:tag/${id}`, "b*"])) } },
  values: { Condition: { StringEquals: { "kms:tag/a": listed(4_000, (id) => id) } } },
  addresses: { Condition: { IpAddress: { "acs:SourceIp": listed(2_000, (_, i) => `::${i.toString(16)}`) } } },
};

for (const [name, elements] of Object.entries(LARGE)) {
  test(`takes no more memory than it says, with many ${name}`, () => {
    const statement = { Effect: "Allow", Action: "kms:*", Resource: "*", ...elements };
    const make = () => {
      const { actions, resources, conditions } = parsed([statement]).statements[0]!;
      assert(Math.max(actions.length, resources.length, conditions.length, conditions[0]?.values.length ?? 0) > 1_000);
      const set = new PolicySet([compiled([statement as never])]);
      for (let i = 0; i < 10; i++)
        set.evaluate(requestOf({ action: `kms:Encrypt${i}`, context: { "kms:tag/a": "c" } }));
      return set;
    };
    make();
    const heldBefore = heapBytes();
    const sets = Array.from({ length: 8 }, make);
    const each = (heapBytes() - heldBefore) / sets.length;
    assert(each < sets[0]!.bytes, `${each} of ${sets[0]!.bytes}`);
  });
}

function listed<T>(length: number, make: (id: string, index: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i.toString(36).padStart(4, "0"), i));
}

/** After everything that can be was collected, which counting objects does. */
function heapBytes(): number {
  queryObjects(PolicySet, { format: "count" });
  return process.memoryUsage().heapUsed;
}
