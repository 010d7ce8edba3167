import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type DeclaredOperation, DeploymentKeys, type ErrorCode, ERRORS, rootOnly, RootKey } from "@cinnabar/kernel";
import { ramOperations, Separation } from "@cinnabar/ram";
import { z } from "zod";
import yardstick from "../yardstick/ram-2015-05-01.json" with { type: "json" };
import { DEVIATIONS } from "./deviations.ts";
import { noApplications } from "./support/no-applications.ts";
import { noRecords } from "./support/no-records.ts";

interface PublishedParameter {
  readonly type: "string" | "integer" | "boolean" | "array<string>" | "array<object>";
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  /** `JSON string` for arrays that the current SDK writes as JSON. */
  readonly encoding?: string;
}
type Shape = string | { readonly type: string; readonly fields: Readonly<Record<string, Shape>> };
type Statuses = Readonly<Record<string, number>>;

interface PublishedOperation {
  readonly errors: Statuses;
  readonly request: Readonly<Record<string, PublishedParameter>>;
  readonly response: Readonly<Record<string, Shape>>;
}

const published = yardstick.operations as unknown as Readonly<Record<string, PublishedOperation>>;
const commonErrors: Statuses = yardstick.commonErrors;

/** Whichever operation they are published for: the description names few of those that an operation can fail with. */
const publishedCodes = new Set([
  ...Object.keys(commonErrors),
  ...Object.values(published).flatMap(({ errors }) => Object.keys(errors)),
]);

/** Errors that the pipeline answers for every operation, so that none declares them. */
const PIPELINE_ERRORS = new Set(["NoPermission", "InternalError", "Inactive"]);

const operations = ramOperations({
  separation: new Separation({ find: () => Promise.resolve([]), state: () => Promise.resolve("") }),
  keys: DeploymentKeys.derive(new RootKey(randomBytes(32))),
  findLastUse: () => Promise.resolve(undefined),
  authorizer: rootOnly,
  findRight: () => undefined,
  recorded: noRecords,
  applications: noApplications,
});

test("the declarations of RAM differ from the published API only where they mean to", (t) => {
  const differences = [...operations.flatMap((operation) => [...differencesOf(operation)]), ...statusDifferences()];
  assert.deepEqual(differences.toSorted(), Object.keys(DEVIATIONS).toSorted());
  const served = operations.filter(({ name }) => published[name] !== undefined).length;
  t.diagnostic(`${served} of ${Object.keys(published).length} RAM operations served`);
});

function* differencesOf(operation: DeclaredOperation): Generator<string> {
  const { name, product, version } = operation;
  const specification = published[name];
  if (specification === undefined) {
    yield `${name}: is not published`;
    return;
  }
  if (product !== yardstick.product || version !== yardstick.version) yield `${name}: is another API's`;
  yield* parameterDifferences(operation, specification);
  yield* resultDifferences(operation, specification);
  yield* errorDifferences(operation, specification);
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
      if (declared.encoding !== encodingOf(specification)) yield `${title}: is a ${specification.type}`;
      for (const [value, shouldBeTaken] of probes(name, specification)) {
        if (declared.schema.safeParse(value).success !== shouldBeTaken) {
          yield `${title}: ${shouldBeTaken ? "refuses" : "takes"} ${describe(value)}`;
        }
      }
    }
  }
}

/** Arrays that the current SDK writes as JSON are one text. */
function encodingOf({ type, encoding }: PublishedParameter): string {
  if (encoding !== undefined) return "text";
  if (type === "array<string>") return "list";
  return type === "array<object>" ? "records" : "text";
}

/** Values at and beyond the published limits, and whether they are to be taken. */
function* probes(name: string, specification: PublishedParameter): Generator<[value: string, taken: boolean]> {
  const { type, min, max, minLength, maxLength, maxItems } = specification;
  const values = type === "boolean" ? ["true", "false"] : specification.enum;
  for (const value of values ?? []) yield [value, true];
  if (values !== undefined) yield ["no-such-value", false];
  for (const [limit, step] of [
    [min, -1],
    [max, 1],
  ] as const) {
    if (limit === undefined) continue;
    yield [String(limit), true];
    yield [String(limit + step), false];
  }
  if (type === "integer") for (const text of ["1.5", "1e1", " 1", "0x1", "one"]) yield [text, false];
  const sample = SAMPLES[name] ?? ((length: number) => "x".repeat(length));
  if (minLength !== undefined) {
    yield [sample(minLength), true];
    if (minLength > 1) yield [sample(minLength - 1), false];
  }
  if (maxLength !== undefined) {
    yield [sample(maxLength), true];
    yield [sample(maxLength + 1), false];
  }
  if (maxItems !== undefined) {
    yield [items(specification, maxItems), true];
    yield [items(specification, maxItems + 1), false];
  }
}

/** How a text of so many characters looks where it is not simply so many letters. */
const SAMPLES: Readonly<Record<string, (length: number) => string>> = {
  LoginNetworkMasks: maskList,
  PolicyDocument: policyOf,
  AssumeRolePolicyDocument: (length) => TRUST.padEnd(length),
  NewAssumeRolePolicyDocument: (length) => TRUST.padEnd(length),
};

const TRUST = JSON.stringify({
  Version: "1",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: ["acs:ram::1234567890123456:root"] } }],
});

function policyOf(length: number): string {
  const statement = { Effect: "Allow", Action: "kms:*", Resource: "*" };
  return JSON.stringify({ Version: "1", Statement: [statement] }).padEnd(length);
}

/** Addresses, separated by semicolons. */
function maskList(length: number): string {
  const full = addressOf(39);
  const count = Math.floor(length / (full.length + 1));
  return [...Array.from({ length: count }, () => full), addressOf(length - count * (full.length + 1))].join(";");
}

/** An IPv6 address of 15 to 39 characters. */
function addressOf(length: number): string {
  const digits = length - 7;
  return Array.from({ length: 8 }, (_, i) => "1".repeat(Math.floor((digits + i) / 8))).join(":");
}

function items({ type }: PublishedParameter, count: number): string {
  const names = Array.from({ length: count }, (_, i) => `k${i}`);
  return JSON.stringify(type === "array<string>" ? names : names.map((Key) => ({ Key, Value: "" })));
}

function describe(text: string): string {
  if (text.startsWith("[")) return `${(JSON.parse(text) as unknown[]).length} items`;
  return text.length > 20 ? `${text.length} characters` : text;
}

function* resultDifferences({ name, result }: DeclaredOperation, { response }: PublishedOperation): Generator<string> {
  const { RequestId: _requestId, ...fields } = response;
  const specified = new Map(publishedFields(fields));
  const declared = new Map(declaredFields(result));
  for (const field of new Set([...specified.keys(), ...declared.keys()])) {
    const [is, shouldBe] = [declared.get(field), specified.get(field)];
    if (is === shouldBe) continue;
    // Of what is not published it is not said what is in it.
    if (field.startsWith("Warnings.")) continue;
    const what =
      shouldBe === undefined ? "is not published" : is === undefined ? "is not declared" : `is ${shouldBe}, not ${is}`;
    yield `${name} answers ${field}: ${what}`;
  }
}

function* publishedFields(fields: Readonly<Record<string, Shape>>, path = ""): Generator<[path: string, type: string]> {
  for (const [name, shape] of Object.entries(fields)) {
    const field = path + name;
    yield [field, typeof shape === "string" ? shape : shape.type];
    if (typeof shape !== "string") yield* publishedFields(shape.fields, `${field}.`);
  }
}

function* declaredFields(object: z.ZodObject, path = ""): Generator<[path: string, type: string]> {
  for (const [name, schema] of Object.entries(object.shape)) {
    const field = path + name;
    const inner: unknown = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    const item: unknown = inner instanceof z.ZodArray ? inner.element : inner;
    if (item instanceof z.ZodObject) {
      yield [field, item === inner ? "object" : "array<object>"];
      yield* declaredFields(item, `${field}.`);
    } else {
      const type = item instanceof z.ZodNumber ? "integer" : item instanceof z.ZodBoolean ? "boolean" : "string";
      yield [field, item === inner ? type : `array<${type}>`];
    }
  }
}

function* errorDifferences({ name, errors }: DeclaredOperation, specification: PublishedOperation): Generator<string> {
  const declared = new Set<string>(errors);
  for (const code of Object.keys(specification.errors)) {
    if (!declared.has(code) && !PIPELINE_ERRORS.has(code)) yield `${name} fails with ${code}: is not declared`;
  }
  for (const code of declared) if (!publishedCodes.has(code)) yield `${name} fails with ${code}: is not published`;
}

/** Errors whose status is not the published one. */
function* statusDifferences(): Generator<string> {
  const all = Object.values(published).flatMap(({ errors }) => Object.entries(errors));
  for (const [code, status] of new Map([...all, ...Object.entries(commonErrors)])) {
    if (isKnown(code) && ERRORS[code].status !== status) {
      yield `${code}: is published as ${status}, not ${ERRORS[code].status}`;
    }
  }
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
