import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "@cinnabar/rpc";
import { z } from "zod";
import { ApiError } from "../src/operation/errors.ts";
import { optional, optionalMap, readParameters, required } from "../src/operation/parameter.ts";

const parameters = {
  Name: required({ schema: z.string().max(5, "It has at most 5 characters."), description: "" }),
  Days: optional({
    schema: z
      .string()
      .regex(/^[0-9]+$/, "It must be a whole number.")
      .transform(Number),
    description: "",
  }),
  Context: optionalMap({ schema: z.map(z.string(), z.string()), description: "" }),
};

function read(wire: Readonly<Record<string, string>>): unknown {
  return readParameters(parameters, new Map(Object.entries(wire)));
}

const absent = { Days: undefined, Context: undefined };
const cases: readonly [string, Readonly<Record<string, string>>, unknown][] = [
  ["reads what is required", { Name: "a" }, { ...absent, Name: "a" }],
  ["reads what is optional, as the schema makes it", { Name: "a", Days: "7" }, { ...absent, Name: "a", Days: 7 }],
  ["takes an empty optional text for none", { Name: "a", Days: "" }, { ...absent, Name: "a" }],
  ["takes an empty map for none", { Name: "a", Context: "" }, { ...absent, Name: "a" }],
  [
    "reads a map from JSON",
    { Name: "a", Context: '{"k":"v"}' },
    { ...absent, Name: "a", Context: new Map([["k", "v"]]) },
  ],
  ["reads an empty JSON map", { Name: "a", Context: "{}" }, { ...absent, Name: "a", Context: new Map() }],
  [
    "reads a flattened map",
    { Name: "a", "Context.k.x": "v" },
    { ...absent, Name: "a", Context: new Map([["k.x", "v"]]) },
  ],
  [
    "keeps __proto__ a key like others",
    { Name: "a", Context: '{"__proto__":"v"}' },
    { ...absent, Name: "a", Context: new Map([["__proto__", "v"]]) },
  ],
  [
    "ignores what it does not know",
    { Name: "a", RegionId: "x", "Days.x": "y", toString: "z" },
    { ...absent, Name: "a" },
  ],
];

for (const [title, wire, expected] of cases) {
  test(title, () => assert.deepEqual(read(wire), expected));
}

const refusals: readonly [string, Readonly<Record<string, string>>, string, RegExp][] = [
  ["misses what is required", {}, "MissingParameter", /"Name"/],
  ["takes an empty required text for missing", { Name: "" }, "MissingParameter", /"Name"/],
  [
    "names an invalid parameter and says what would be right",
    { Name: "toolong" },
    "InvalidParameter",
    /"Name".*It has at most 5 characters\.$/,
  ],
  ["names the first that is wrong", { Name: "toolong", Days: "x" }, "InvalidParameter", /"Name"/],
  [
    "refuses an invalid optional one",
    { Name: "a", Days: "x" },
    "InvalidParameter",
    /"Days".*It must be a whole number\.$/,
  ],
  ["refuses a map that is not JSON", { Name: "a", Context: "k=v" }, "InvalidParameter", /Context/],
  ["refuses a map of other things than strings", { Name: "a", Context: '{"k":1}' }, "InvalidParameter", /Context/],
  ["refuses a map in both forms", { Name: "a", Context: "{}", "Context.k": "v" }, "InvalidParameter", /Context/],
];

for (const [title, wire, code, message] of refusals) {
  test(title, () => {
    assert.throws(
      () => read(wire),
      (error: Error) => {
        assert.ok(error instanceof ApiError || error instanceof WireError);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}
