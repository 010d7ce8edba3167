import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, type ErrorCode, type DeclaredOperation } from "@cinnabar/kernel";
import { trailOperations } from "@cinnabar/trail";
import { z } from "zod";
import yardstick from "../yardstick/actiontrail-2020-07-06.json" with { type: "json" };

interface PublishedParameter {
  readonly type: string;
  readonly required?: boolean;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

interface PublishedOperation {
  readonly errors: Readonly<Record<string, { readonly status: number; readonly message: string }>>;
  readonly request: Readonly<Record<string, PublishedParameter>>;
  readonly response: Readonly<Record<string, string>>;
}

const published = yardstick.operations as unknown as Readonly<Record<string, PublishedOperation>>;

/** Every difference from the published API, with its reason. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "LookupEvents fails with IncompleteSignature: is not declared": "The gateway answers it, whatever the operation.",
  "LookupEvents fails with IncompleteSignature: its message differs": "The gateway's own message, the same for all.",
};

test("the declarations differ from the published API only where they mean to", (t) => {
  const operations = trailOperations();
  const differences = operations.flatMap((operation) => [...differencesOf(operation)]);
  assert.deepEqual(differences.toSorted(), Object.keys(DEVIATIONS).toSorted());
  const served = operations.filter(({ name }) => published[name] !== undefined).length;
  t.diagnostic(`${served} of ${Object.keys(published).length} served`);
});

function* differencesOf(operation: DeclaredOperation): Generator<string> {
  const { name } = operation;
  const specification = published[name];
  if (specification === undefined) {
    yield `${name}: is not published`;
    return;
  }
  if (operation.product !== yardstick.product || operation.version !== yardstick.version)
    yield `${name}: is another API's`;
  yield* parameterDifferences(operation, specification);
  yield* resultDifferences(operation, specification);
  const declared = new Set<string>(operation.errors);
  for (const [code, { status, message }] of Object.entries(specification.errors)) {
    if (!declared.has(code)) yield `${name} fails with ${code}: is not declared`;
    if (!isKnown(code)) continue;
    if (ERRORS[code].status !== status) yield `${name} fails with ${code}: is published as ${status}`;
    if (ERRORS[code].message !== message) yield `${name} fails with ${code}: its message differs`;
  }
  for (const code of declared)
    if (!(code in specification.errors)) yield `${name} fails with ${code}: is not published`;
}

function* parameterDifferences(
  { name: operation, parameters }: DeclaredOperation,
  { request }: PublishedOperation,
): Generator<string> {
  for (const name of new Set([...Object.keys(request), ...Object.keys(parameters)])) {
    const [declared, specification] = [parameters[name], request[name]];
    const title = `${operation}.${name}`;
    if (specification === undefined) yield `${title}: is not published`;
    else if (declared === undefined) yield `${title}: is not declared`;
    else {
      const { type, required = false, enum: values = [], min, max } = specification;
      if ((declared.presence === "required") !== required) yield `${title}: is ${required ? "" : "not "}required`;
      if (declared.encoding !== (type === "array<object>" ? "records" : "text")) yield `${title}: is a ${type}`;
      const isTaken = (value: unknown): boolean => declared.schema.safeParse(value).success;
      for (const value of values) if (!isTaken(value)) yield `${title}: refuses ${value}`;
      if (values.length > 0 && isTaken("no-such-value")) yield `${title}: takes no-such-value`;
      for (const [value, shouldBeTaken] of [
        [min, true],
        [max, true],
        [min === undefined ? undefined : min - 1, false],
        [max === undefined ? undefined : max + 1, false],
      ] as const) {
        if (value !== undefined && isTaken(String(value)) !== shouldBeTaken) yield `${title}: ${value}`;
      }
    }
  }
}

function* resultDifferences({ name, result }: DeclaredOperation, { response }: PublishedOperation): Generator<string> {
  const { RequestId: _requestId, ...fields } = response;
  for (const field of new Set([...Object.keys(fields), ...Object.keys(result.shape)])) {
    const schema: unknown = result.shape[field];
    const plain: unknown = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    const type =
      plain instanceof z.ZodString
        ? "string"
        : plain instanceof z.ZodArray && plain.element instanceof z.ZodRecord
          ? "array<map>"
          : undefined;
    if (type !== fields[field]) yield `${name} answers ${field}: is ${fields[field]}, not ${type}`;
  }
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
