import { readFileSync, writeFileSync } from "node:fs";

// Makes ../yardstick/kms-2016-01-20.json, the copy of the published API that the declarations are compared with, from
// a full machine-readable description of it: `node extract-yardstick.ts DESCRIPTION.json`.

/** What of a request parameter can be compared. */
const PARAMETER_FACTS = [
  "type",
  "required",
  "enum",
  "min",
  "max",
  "minLength",
  "maxLength",
  "maxBytes",
  "maxItems",
  "prefix",
  "forbiddenPrefix",
  "accepts",
  "filterKeys",
];

type Facts = Readonly<Record<string, unknown>>;
type FactsByName = Readonly<Record<string, Facts>>;

interface Description {
  readonly product: string;
  readonly version: string;
  readonly sources: unknown;
  readonly commonErrors: readonly (readonly [code: string, status: number, message: string])[];
  readonly legacyCertificateOperations: FactsByName;
  readonly historicalOperations: FactsByName;
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly request: FactsByName;
        readonly response: FactsByName;
        readonly errors?: Description["commonErrors"];
        readonly ramAction?: readonly string[];
        readonly ramResource?: string;
        readonly stateRule?: Facts;
      }
    >
  >;
}

function extract(description: Description): unknown {
  const { product, version, sources, commonErrors, operations } = description;
  const { legacyCertificateOperations, historicalOperations } = description;
  return {
    product,
    version,
    sources,
    commonErrors: withoutMessages(commonErrors),
    /** What older clients still call. */
    removedOperations: Object.keys(withoutNotes({ ...legacyCertificateOperations, ...historicalOperations })),
    operations: mapValues(operations, ({ request, response, errors, ramAction, ramResource, stateRule }) => ({
      ramAction,
      ramResource,
      stateRule: stateRule && withoutNotes(stateRule),
      errors: withoutMessages(errors ?? []),
      request: mapValues(request, (facts) => only(PARAMETER_FACTS, facts)),
      response: mapValues(response, toShape),
    })),
  };
}

function withoutMessages(errors: Description["commonErrors"]): Readonly<Record<string, number>> {
  return Object.fromEntries(errors.map(([code, status]) => [code, status]));
}

function withoutNotes(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !name.startsWith("_")));
}

/** A field's type, or the shape of an object or of an array's objects. */
function toShape({ type, fields }: Facts): unknown {
  return fields === undefined ? type : { type, fields: mapValues(fields as FactsByName, toShape) };
}

function only(names: readonly string[], facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => names.includes(name)));
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

const [description = ""] = process.argv.slice(2);
const copy = extract(JSON.parse(readFileSync(description, "utf8")) as Description);
writeFileSync(new URL("../yardstick/kms-2016-01-20.json", import.meta.url), `${JSON.stringify(copy, undefined, 1)}\n`);
