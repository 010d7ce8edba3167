import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CONDITION_OPERATORS } from "../src/index.ts";
import { parseIpRange } from "../src/ip-range.ts";
import { parseInstant, parseNumber } from "../src/scalars.ts";
import { referenceInRange } from "./reference.ts";
import { requestOf, setOf } from "./support.ts";

/** Whether a statement with this condition applies to a request with these values. */
function holds(
  operator: string,
  [key, values]: [string, string | readonly string[]],
  context: Readonly<Record<string, string | readonly string[]>>,
): boolean {
  const statement = {
    Effect: "Allow",
    Action: "*",
    Resource: "*",
    Condition: { [operator]: { [key]: values } },
  } as const;
  return setOf([statement]).evaluate(requestOf({ context })).effect === "Allow";
}

describe("a condition", () => {
  const team = (values: string | readonly string[]): [string, string | readonly string[]] => ["kms:tag/team", values];
  const rows: readonly [
    operator: string,
    values: string | readonly string[],
    given: string | readonly string[] | undefined,
    boolean,
  ][] = [
    ["StringEquals", "dev", "dev", true],
    ["StringEquals", "dev", "Dev", false],
    ["StringEquals", ["prod", "dev"], "dev", true],
    ["StringEquals", "d*", "dev", false],
    ["StringEquals", "dev", undefined, false],
    ["StringEquals", "dev", [], false],
    ["StringEquals", "dev", ["prod", "dev"], true],
    ["StringNotEquals", "dev", "prod", true],
    ["StringNotEquals", ["prod", "dev"], "dev", false],
    ["StringNotEquals", "dev", undefined, true],
    ["StringNotEquals", "dev", ["prod", "dev"], false],
    ["StringEqualsIgnoreCase", "GRÖSSE", "grösse", true],
    ["StringNotEqualsIgnoreCase", "GRÖSSE", "grösse", false],
    ["StringLike", "d?v*", "dev-1", true],
    ["StringLike", "d?v", "D?v", false],
    ["StringNotLike", ["x*", "d*"], "dev", false],
    ["NumericEquals", "1.0", "1", true],
    ["NumericNotEquals", "1.0", "many", true],
    ["NumericLessThan", ["5", "10"], "7", true],
    ["NumericLessThan", "7", "7", false],
    ["NumericLessThanEquals", "7", "7", true],
    ["NumericGreaterThan", "-8", "-7.5", true],
    ["NumericGreaterThanEquals", "10", "9", false],
    ["NumericGreaterThan", "0", "many", false],
    ["DateEquals", "2026-11-22T08:00:00Z", "2026-11-22T16:00:00.000+08:00", true],
    ["DateLessThan", "2026-11-22T08:00:00Z", "2026-11-22T07:59:59.999Z", true],
  ];
  for (const [operator, values, given, expected] of rows) {
    test(`${operator} ${JSON.stringify(values)} of ${JSON.stringify(given)} ${expected ? "holds" : "does not hold"}`, () => {
      assert.equal(holds(operator, team(values), given === undefined ? {} : { "kms:tag/team": given }), expected);
    });
  }

  test("holds under a negated operator exactly when it does not under its opposite", () => {
    const given = fc.option(fc.constantFrom("dev", "prod", "1", "2026-11-22T08:00:00Z", "10.0.0.1"), {
      nil: undefined,
    });
    const opposites = CONDITION_OPERATORS.filter((operator) => operator.includes("Not"));
    assert.equal(opposites.length, 6);
    fc.assert(
      fc.property(fc.constantFrom(...opposites), given, (negated, value) => {
        const values = { S: "prod", N: negated === "NotIpAddress" ? "10.0.0.0/8" : "1", D: "2026-11-22T08:00:00Z" };
        const wanted = values[negated.charAt(0) as "S" | "N" | "D"];
        const context = value === undefined ? {} : { "kms:tag/team": value };
        assert.notEqual(
          holds(negated, team(wanted), context),
          holds(negated.replace("Not", ""), team(wanted), context),
        );
      }),
    );
  });

  test("of several keys and operators holds when all of them do", () => {
    const Condition = {
      Bool: { "acs:SecureTransport": true, "acs:MFAPresent": true },
      IpAddress: { "acs:SourceIp": "::1" },
    };
    const set = setOf([{ Effect: "Allow", Action: "*", Resource: "*", Condition }]);
    const all = { "acs:securetransport": "true", "acs:mfapresent": "true", "acs:sourceip": "::1" };
    assert.equal(set.evaluate(requestOf({ context: all })).effect, "Allow");
    for (const key of Object.keys(all)) {
      assert.equal(set.evaluate(requestOf({ context: { ...all, [key]: "false" } })).effect, "None");
    }
  });

  test("tells tags apart whose keys differ in case alone", () => {
    assert(holds("StringEquals", ["KMS:TAG/Team", "dev"], { "kms:tag/Team": "dev" }));
    assert(!holds("StringEquals", ["kms:tag/Team", "dev"], { "kms:tag/team": "dev" }));
  });
});

describe("a window", () => {
  const now = Date.parse("2026-11-22T08:00:00.000Z");
  const windowAt = (operator: string, values: string | readonly string[]) => {
    const Condition = { [operator]: { "acs:CurrentTime": values } };
    const set = setOf([{ Effect: "Allow", Action: "*", Resource: "*", Condition }]);
    return set.evaluate(requestOf({ context: { "acs:currenttime": new Date(now).toISOString() } }));
  };

  test("ends when a condition on the time begins to hold, or ceases to", () => {
    const in1s = "2026-11-22T08:00:01Z";
    assert.equal(windowAt("DateLessThan", in1s).effect, "Allow");
    assert.deepEqual(windowAt("DateLessThan", in1s).window, { until: now + 1_000 });
    assert.equal(windowAt("DateGreaterThan", in1s).effect, "None");
    assert.deepEqual(windowAt("DateLessThan", ["2026-11-22T07:00:00Z", in1s]).window, {
      from: now - 3_600_000 + 1,
      until: now + 1_000,
    });
    assert.deepEqual(windowAt("DateEquals", "2026-11-22T16:00:00+08:00").window, { from: now, until: now + 1 });
  });

  test("is not there where no condition on the time was looked at", () => {
    const other = { Bool: { "acs:SecureTransport": true } };
    const time = { DateLessThan: { "acs:CurrentTime": "2030-01-01T00:00:00Z" } };
    const set = setOf([
      { Effect: "Allow", Action: "kms:*", Resource: "*", Condition: time },
      { Effect: "Allow", Action: "kms:Encrypt", Resource: "*" },
      { Effect: "Deny", Action: "kms:*", Resource: "*", Condition: other },
    ]);
    assert.equal(set.evaluate(requestOf()).window, undefined);
  });
});

test("reads addresses and ranges, and finds the one in the other, as whole numbers do", () => {
  const v4 = fc.ipV4();
  const v6 = fc.ipV6();
  const mapped = v4.map((address) => `::ffff:${address}`);
  const near = fc
    .tuple(fc.constantFrom("10.0.", "10.1."), fc.nat(255), fc.nat(255))
    .map(([a, b, c]) => `${a}${b}.${c}`);
  const address = fc.oneof(v4, v6, mapped, near);
  const range = fc.oneof(
    address,
    fc.tuple(fc.oneof(v4, near), fc.nat(32)).map(([base, bits]) => `${base}/${bits}`),
    fc.tuple(v6, fc.nat(128)).map(([base, bits]) => `${base}/${bits}`),
    fc.tuple(mapped, fc.integer({ min: 96, max: 128 })).map(([base, bits]) => `${base}/${bits}`),
  );
  fc.assert(
    fc.property(address, range, (address, range) => {
      const parsed = parseIpRange(range);
      assert(parsed !== undefined, range);
      assert.equal(parsed.contains(parseIpRange(address)!), referenceInRange(address, range));
    }),
    { numRuns: 5_000 },
  );
});

test("takes nothing else for an address, a number or a time", () => {
  for (const text of [
    "",
    "10.0.0",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "::1/129",
    "fe80::1%eth0",
    "1:2",
    "10.0.0.1 ",
  ]) {
    assert.equal(parseIpRange(text), undefined, text);
  }
  for (const text of ["", "1e3", "+1", ".5", "1.", "01", "NaN", "Infinity", " 1", "1234567890.123456"]) {
    assert.equal(parseNumber(text), undefined, text);
  }
  for (const text of [
    "2026-11-22",
    "2026-11-22T08:00Z",
    "2026-13-01T00:00:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-31T00:00:00Z",
    "2026-11-22 08:00:00Z",
    "2026-11-22T08:00:00+15:00",
  ]) {
    assert.equal(parseInstant(text), undefined, text);
  }
  assert.equal(parseInstant("2024-02-29T00:00:00.5Z"), Date.UTC(2024, 1, 29, 0, 0, 0, 500));
});
