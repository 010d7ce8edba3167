import { readFileSync, writeFileSync } from "node:fs";

// Makes ../yardstick/<product>-<version>.json, the copy of the published API that the declarations are compared with, from
// a full machine-readable description of it: `node extract-yardstick.ts DESCRIPTION.json`.

/** What of a request parameter can be compared; that of RAM does not say which are required. */
const PARAMETER_FACTS = ["type", "required", "enum", "min", "max", "minLength", "maxLength", "maxItems", "encoding"];

type Facts = Readonly<Record<string, unknown>>;
type FactsByName = Readonly<Record<string, Facts>>;

interface Description {
  readonly product: string;
  readonly version: string;
  readonly sources: unknown;
  readonly commonErrors?: readonly (readonly [code: string, status: number, message: string])[];
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly request: FactsByName;
        readonly response: FactsByName;
        readonly errors?: Description["commonErrors"] | null;
      }
    >
  >;
}

function extract({ product, version, sources, commonErrors, operations }: Description): unknown {
  return {
    product,
    version,
    sources,
    commonErrors: withoutMessages(commonErrors ?? []),
    operations: mapValues(operations, ({ request, response, errors }) => ({
      errors: withoutMessages(errors ?? []),
      request: mapValues(request, (facts) => only(PARAMETER_FACTS, facts)),
      response: mapValues(response, toShape),
    })),
  };
}

function withoutMessages(errors: NonNullable<Description["commonErrors"]>): Record<string, number> {
  return Object.fromEntries(errors.map(([code, status]) => [code, status]));
}

/** A field's type; of an object or an array of objects also its fields. */
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
const published = JSON.parse(readFileSync(description, "utf8")) as Description;
const name = `${published.product.toLowerCase()}-${published.version}`;
const copy = `${JSON.stringify(extract(published), undefined, 1)}\n`;
writeFileSync(new URL(`../yardstick/${name}.json`, import.meta.url), copy);
