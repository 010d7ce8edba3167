import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  admits,
  admittedMembers,
  allowedAmong,
  decide,
  type DecisionInput,
  type OpenRequest,
  type PolicyPrincipal,
  possibility,
  type PrincipalPattern,
} from "../src/index.ts";
import { inputOf } from "./comparison.ts";
import { otherContexts, PRINCIPALS, randomScenario, seeds } from "./random-scenario.ts";
import type { Document, DocumentStatement, Scenario } from "./reference.ts";
import { KEY, OTHER, OWNER, setOf } from "./support.ts";

const SCENARIOS = 1_500;
/** Circumstances that are tried on each. */
const TRIED = 8;

function withoutCondition(statement: DocumentStatement): DocumentStatement {
  return Object.fromEntries(Object.entries(statement).filter(([name]) => name !== "Condition")) as typeof statement;
}

function withoutConditions(documents: readonly Document[]): Document[] {
  return documents.map(({ Version, Statement }) => ({
    Version,
    Statement: Statement.map(withoutCondition),
  }));
}

function unconditional(scenario: Scenario): Scenario {
  const { session, identity, resourcePolicy } = scenario;
  return {
    ...scenario,
    session: session && withoutConditions(session),
    identity: withoutConditions(identity),
    resourcePolicy: resourcePolicy && withoutConditions(resourcePolicy),
  };
}

const MEMBERS = ["root", "user", "role", "application"];

function matches(pattern: PrincipalPattern, { kind, accountId, name }: PolicyPrincipal): boolean {
  if (pattern.type === "account") return accountId === pattern.accountId && MEMBERS.includes(kind);
  if ("accountId" in pattern && pattern.accountId !== accountId) return false;
  return pattern.type === kind && pattern.name === name;
}

describe("possibility", () => {
  test("is what every decision shows, by trying", () => {
    const seen = { always: 0, perhaps: 0, never: 0 };
    for (const seed of seeds(SCENARIOS)) {
      const scenario = randomScenario(seed);
      const input = inputOf(scenario);
      const answer = possibility(input.request, input);
      seen[answer]++;
      for (const context of otherContexts(seed, TRIED)) {
        const { allowed } = decide({
          ...input,
          request: { ...input.request, conditions: { get: (key) => context[key] } },
        });
        assert(answer === "perhaps" || allowed === (answer === "always"), `seed ${seed}: ${answer}`);
      }
    }
    assert(Math.min(...Object.values(seen)) > 10, JSON.stringify(seen));
  });

  test("is never in doubt where there are no conditions", () => {
    for (const seed of seeds(SCENARIOS)) {
      const input = inputOf(unconditional(randomScenario(seed)));
      assert.equal(possibility(input.request, input), decide(input).allowed ? "always" : "never", `seed ${seed}`);
    }
  });
});

const ANYTHING = { Effect: "Allow", Action: "*", Resource: "*" } as const;
const ALL = setOf([ANYTHING]);
const EVERYBODY = { RAM: [`acs:ram::${OWNER}:root`, `acs:ram::${OTHER}:root`] };

/** What a decision says at best where the identity's policies and the resource's must both allow. */
function mayBeAllowed(request: OpenRequest, halves: Pick<DecisionInput, "identity" | "resourcePolicy">): boolean {
  return possibility(request, { ...halves, resourceAccountId: OWNER, withinAccount: "both" }) !== "never";
}

describe("admittedMembers", () => {
  test("says of every user and role what a decision says whose other half allows it", () => {
    const seen = { named: 0, admitted: 0, refused: 0 };
    for (const seed of seeds(SCENARIOS)) {
      const { request, resourcePolicy } = inputOf(randomScenario(seed));
      if (resourcePolicy === undefined) continue;
      for (const principal of PRINCIPALS.filter(({ kind }) => kind === "user" || kind === "role")) {
        const { action, resource } = request;
        const { accountId, kind, name } = principal;
        const { everybody, named } = admittedMembers(resourcePolicy, { action, resource, accountId });
        const isAllowed = mayBeAllowed({ action, resource, principal }, { identity: ALL, resourcePolicy });
        const known = named.get(`${kind}/${name}`);
        assert.equal(known ?? everybody, isAllowed, `seed ${seed}: ${principal.arn}`);
        if (known !== undefined) seen.named++;
        seen[isAllowed ? "admitted" : "refused"]++;
      }
    }
    assert(Math.min(...Object.values(seen)) > 50, JSON.stringify(seen));
  });
});

describe("allowedAmong", () => {
  test("names the resources on which a decision allows it whose other half does", () => {
    const seen = { allowed: 0, left: 0 };
    const resourcePolicy = setOf([{ ...ANYTHING, Action: "kms:*", Principal: EVERYBODY }], "resource");
    const resources = ["k1", "k2", "k3"].map((id) => `acs:kms:cn-hangzhou:${OWNER}:key/${id}`);
    for (const seed of seeds(SCENARIOS)) {
      const { request, identity } = inputOf(randomScenario(seed));
      const { action, principal } = request;
      const hasPolicies = principal.kind === "user" || principal.kind === "role";
      if (!hasPolicies || !action.startsWith("kms:")) continue;
      const expected = resources.filter((resource) =>
        mayBeAllowed({ action, resource, principal }, { identity, resourcePolicy }),
      );
      assert.deepEqual(allowedAmong(identity, action, resources), expected, `seed ${seed}`);
      seen.allowed += expected.length;
      seen.left += resources.length - expected.length;
    }
    assert(Math.min(...Object.values(seen)) > 50, JSON.stringify(seen));
  });
});

describe("admits", () => {
  test("names exactly whom evaluation admits, tried on every principal", () => {
    const seen = { admitted: 0, perhaps: 0, refused: 0, excepted: 0 };
    for (const seed of seeds(SCENARIOS)) {
      const scenario = randomScenario(seed);
      const { request, resourcePolicy } = inputOf(scenario);
      if (resourcePolicy === undefined) continue;
      const admissions = admits(resourcePolicy, request.action, request.resource);
      for (const principal of PRINCIPALS) {
        const named = admissions.filter((admission) => matches(admission.principal, principal));
        const excepted = named.flatMap(({ except }) => except.filter((each) => matches(each.principal, principal)));
        const counted = excepted.every(({ conditional }) => conditional) ? named : [];
        if (excepted.length > 0) seen.excepted++;
        const isCertain = excepted.length === 0 && counted.some(({ conditional }) => !conditional);
        seen[counted.length === 0 ? "refused" : isCertain ? "admitted" : "perhaps"]++;
        for (const context of otherContexts(seed, TRIED)) {
          const asked = { ...request, principal, conditions: { get: (key: string) => context[key] } };
          const isAdmitted = resourcePolicy.evaluate(asked).effect === "Allow";
          if (counted.length === 0) assert(!isAdmitted, `seed ${seed}: ${principal.arn} is admitted`);
          if (isCertain) assert(isAdmitted, `seed ${seed}: ${principal.arn} is not admitted`);
        }
      }
    }
    assert(Math.min(...Object.values(seen)) > 3, JSON.stringify(seen));
  });

  test("says who is excepted, what conditions decide, and by which statements", () => {
    const alice = `acs:ram::${OWNER}:user/alice`;
    const about = { Action: "kms:Encrypt", Resource: "*" } as const;
    const Condition = { Bool: { "acs:SecureTransport": true } };
    const set = setOf(
      [
        { Effect: "Allow", ...about, Principal: { RAM: [`acs:ram::${OTHER}:role/isv`] }, Condition },
        { Effect: "Allow", ...about, Principal: { RAM: [`acs:ram::${OWNER}:root`, alice] } },
        { Effect: "Deny", ...about, Principal: { RAM: alice } },
        { Effect: "Allow", Action: "kms:Decrypt", Resource: "*", Principal: { RAM: `acs:ram::${OTHER}:root` } },
      ],
      "resource",
    );
    const source = { type: "Resource", name: "resource" };
    assert.deepEqual(admits(set, "kms:Encrypt", KEY), [
      {
        principal: { type: "role", accountId: OTHER, name: "isv" },
        except: [],
        conditional: true,
        statements: [{ source, index: 0 }],
      },
      {
        principal: { type: "account", accountId: OWNER },
        except: [{ principal: { type: "user", accountId: OWNER, name: "alice" }, conditional: false }],
        conditional: false,
        statements: [{ source, index: 1 }],
      },
    ]);
  });
});
