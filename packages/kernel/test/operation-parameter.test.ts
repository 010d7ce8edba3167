import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "@cinnabar/rpc";
import { z } from "zod";
import { ApiError } from "../src/operation/errors.ts";
import {
  optional,
  optionalList,
  optionalMap,
  optionalRecords,
  readParameters,
  required,
} from "../src/operation/parameter.ts";

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
  Id: optionalList({ schema: z.array(z.string()).max(2, "There are at most 2."), description: "" }),
  Tag: optionalRecords({ schema: z.array(z.map(z.string(), z.string())), description: "" }),
};

function read(wire: Readonly<Record<string, string>>): unknown {
  return readParameters(parameters, new Map(Object.entries(wire)));
}

const absent = { Days: undefined, Context: undefined, Id: undefined, Tag: undefined };
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
    "reads a list in the order of its numbers",
    { Name: "a", "Id.2": "y", "Id.1": "" },
    { ...absent, Name: "a", Id: ["", "y"] },
  ],
  [
    "reads records with the fields that they have",
    { Name: "a", "Tag.1.Key": "k", "Tag.2.Key": "l", "Tag.2.Value": "" },
    {
      ...absent,
      Name: "a",
      Tag: [
        new Map([["Key", "k"]]),
        new Map([
          ["Key", "l"],
          ["Value", ""],
        ]),
      ],
    },
  ],
  ["takes a list without numbers for none", { Name: "a", Id: "x", Tag: "y" }, { ...absent, Name: "a" }],
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
  ["refuses a list with a gap", { Name: "a", "Id.1": "x", "Id.3": "z" }, "InvalidParameter", /"Id\.2"/],
  ["refuses a list of records", { Name: "a", "Id.1.Key": "x" }, "InvalidParameter", /"Id\.1"/],
  [
    "refuses too long a list",
    { Name: "a", "Id.1": "", "Id.2": "", "Id.3": "" },
    "InvalidParameter",
    /"Id".*at most 2\.$/,
  ],
  ["refuses records without fields", { Name: "a", "Tag.1": "x" }, "InvalidParameter", /"Tag\.1"/],
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
