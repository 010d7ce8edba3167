import { readFileSync, writeFileSync } from "node:fs";

// Makes ../yardstick/actiontrail-2020-07-06.json, the copy of the published API that the declarations are compared with,
// from a full machine-readable description of it: `node extract-yardstick.ts DESCRIPTION.json`.

type Facts = Readonly<Record<string, unknown>>;
type FactsByName = Readonly<Record<string, Facts>>;

interface Description {
  readonly product: string;
  readonly version: string;
  readonly sources: unknown;
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly request: FactsByName;
        readonly response: FactsByName;
        readonly errors?: readonly (readonly [code: string, status: number, message: string])[];
      }
    >
  >;
}

/** What of a request parameter can be compared. */
const PARAMETER_FACTS = ["type", "required", "enum", "min", "max"];

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

const [path = ""] = process.argv.slice(2);
const { product, version, sources, operations } = JSON.parse(readFileSync(path, "utf8")) as Description;
const copy = {
  product,
  version,
  sources,
  operations: mapValues(operations, ({ request, response, errors = [] }) => ({
    errors: Object.fromEntries(errors.map(([code, status, message]) => [code, { status, message }])),
    request: mapValues(request, (facts) =>
      Object.fromEntries(Object.entries(facts).filter(([name]) => PARAMETER_FACTS.includes(name))),
    ),
    response: mapValues(response, ({ type }) => type),
  })),
};
const file = new URL("../yardstick/actiontrail-2020-07-06.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(copy, undefined, 1)}\n`);
