import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type DeclaredOperation,
  type ErrorCode,
  ERRORS,
  type Operation,
  readParameters,
  rootPrincipal,
} from "@cinnabar/kernel";
import { removedOperations } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import { z } from "zod";
import yardstick from "../yardstick/kms-2016-01-20.json" with { type: "json" };
import { defaultKeyPolicy } from "../src/policy/key-policy.ts";
import { DEVIATIONS } from "./deviations.ts";
import { newSubject } from "./subject.ts";
import { operations as allOperations, REGION, type TestContext, World } from "./world.ts";

interface PublishedParameter {
  readonly type: "string" | "integer" | "boolean" | "map" | "array<string>" | "array<object>";
  readonly required?: boolean;
  readonly enum?: readonly string[];
  /** Integers, or intervals such as `7d`. */
  readonly min?: number | string;
  readonly max?: number | string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxBytes?: number;
  readonly maxItems?: number;
  readonly forbiddenPrefix?: readonly string[];
  readonly filterKeys?: readonly string[];
  readonly accepts?: readonly Form[];
}
type Shape = string | { readonly type: string; readonly fields: Readonly<Record<string, Shape>> };
type Statuses = Readonly<Record<string, number>>;

interface PublishedOperation {
  readonly ramAction: readonly string[];
  readonly ramResource?: string;
  /** What the state matrix tries. */
  readonly stateRule?: Readonly<Record<string, string>>;
  readonly errors: Statuses;
  readonly request: Readonly<Record<string, PublishedParameter>>;
  readonly response: Readonly<Record<string, Shape>>;
}

const published = yardstick.operations as unknown as Readonly<Record<string, PublishedOperation>>;
const commonErrors: Statuses = yardstick.commonErrors;

const removed = new Set(removedOperations.map(({ name }) => name));
const operations = allOperations.filter(({ name }) => !removed.has(name));

const FORMS = ["id", "alias", "arn"] as const;
type Form = (typeof FORMS)[number];

/** Errors that the pipeline answers for every operation, so that none declares them. */
const PIPELINE_ERRORS = new Set([
  "InvalidParameter",
  "MissingParameter",
  "InvalidAccessKeyId.NotFound",
  "Forbidden.NoPermission",
  "InternalFailure",
  "ServiceUnavailableTemporary",
]);

const contextSample = (length: number): unknown => new Map([["k", "x".repeat(length - '{"k":""}'.length)]]);

/** How a parameter of `length` characters, bytes or items looks, where it is not simply so many letters. */
const SAMPLES: Readonly<Record<string, (length: number) => unknown>> = {
  AliasName: (length) => `alias/${"x".repeat(Math.max(0, length - "alias/".length))}`,
  EncryptionContext: contextSample,
  SourceEncryptionContext: contextSample,
  DestinationEncryptionContext: contextSample,
  Policy: (length) => defaultKeyPolicy("1234567890123456").padEnd(length),
  TagKeys: (length) => JSON.stringify(["x".repeat(length)]),
  Password: (length) => "1".padEnd(length, "x"),
  Tags: (length) => JSON.stringify([{ TagKey: "x", TagValue: "x".repeat(length) }]),
};
/** The operations on network rules, on policies of applications, on access points and on client keys. */
const ACCESS =
  /^(?:Create|Describe|Get|List|Update|Delete)(?:NetworkRules?|Policy|Policies|ApplicationAccessPoints?|ClientKeys?)$/;

const INSTANCES = /KmsInstance/;

const sample = (name: string, length: number): unknown => (SAMPLES[name] ?? ((n: number) => "x".repeat(n)))(length);

test("the declarations differ from the published API only where they mean to", (t) => {
  const differences = [...declarationDifferences(), ...errorTableDifferences()];
  assert.deepEqual(differences.toSorted(), Object.keys(DEVIATIONS.declarations).toSorted());
  const served = operations.filter(({ name }) => published[name] !== undefined).length;
  t.diagnostic(`${served} of ${Object.keys(published).length} served`);
});

test("what was removed from the API is answered, but for DescribeService, which is served", () => {
  const older = yardstick.removedOperations.filter((name) => name !== "DescribeService");
  assert.deepEqual([...removed].toSorted(), older.toSorted());
});

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("every cryptographic operation takes a key by its id, an alias, and the ARN of either", async () => {
    // GetParametersForImport makes a pair of its own, and uses no key.
    const taking = operations.filter(
      ({ name, kind, parameters }) =>
        kind === "crypto" && Object.hasOwn(parameters, "KeyId") && name !== "GetParametersForImport",
    );
    assert.ok(taking.length >= 11, taking.map(({ name }) => name).join());
    for (const operation of taking) {
      const { KeyId, alias, parametersOf } = await newSubject(world, operation);
      const wire = await parametersOf(operation);
      const place = `acs:kms:${REGION}:${world.accountId}:`;
      for (const named of [KeyId, alias, `${place}key/${KeyId}`, `${place}${alias}`]) {
        assert.equal(await world.refusal(operation.name, { ...wire, KeyId: named }), "no error", operation.name);
      }
    }
  });

  test("rights and forms of KeyId differ from the published API only where they mean to", async () => {
    const differences: string[] = [];
    for (const operation of operations) {
      const specification = published[operation.name];
      // What gives applications their access is no key, nor is an instance: their own tests say what is asked for.
      if (specification === undefined || ACCESS.test(operation.name) || INSTANCES.test(operation.name)) continue;
      differences.push(
        ...(await rightDifferences(world, operation, specification)),
        ...(await formDifferences(world, operation, specification)),
      );
    }
    assert.deepEqual([...new Set(differences)].toSorted(), Object.keys(DEVIATIONS.behaviour).toSorted());
  });

  test("who calls what was removed from the API hears so, and what to do instead", async () => {
    for (const { name } of removedOperations) {
      for (const parameters of [{}, { CertificateId: "x" }, { DryRun: "true" }]) {
        const refusal = await world.refusal(name, parameters);
        assert.match(refusal, new RegExp(`^UnsupportedOperation: .* removed ${name} from the API\\. [A-Z].*\\.$`));
      }
    }
  });
});

function* declarationDifferences(): Generator<string> {
  for (const operation of operations) {
    const { name } = operation;
    const specification = published[name];
    if (specification === undefined) {
      yield `${name}: is not published`;
      continue;
    }
    yield* parameterDifferences(operation, specification);
    yield* resultDifferences(operation, specification);
    yield* errorDifferences(operation, specification);
  }
}

/** How a published type stands on the wire, where it is not simply a text. */
const ENCODINGS: Readonly<Record<string, string>> = { map: "map", "array<string>": "list", "array<object>": "records" };

function* parameterDifferences(
  { name: operation, parameters }: DeclaredOperation,
  { request }: PublishedOperation,
): Generator<string> {
  for (const name of new Set([...Object.keys(request), ...Object.keys(parameters)])) {
    const declared = parameters[name];
    const specification = request[name];
    const title = `${operation}.${name}`;
    if (specification === undefined) yield `${title}: is not published`;
    else if (declared === undefined) yield `${title}: is not declared`;
    else {
      const isRequired = specification.required === true;
      if ((declared.presence === "required") !== isRequired) yield `${title}: is ${isRequired ? "" : "not "}required`;
      if (declared.encoding !== (ENCODINGS[specification.type] ?? "text")) yield `${title}: is a ${specification.type}`;
      const isTaken = (value: unknown): boolean => declared.schema.safeParse(value).success;
      for (const [value, shouldBeTaken] of probes(name, specification)) {
        if (isTaken(value.value) !== shouldBeTaken)
          yield `${title}: ${shouldBeTaken ? "refuses" : "takes"} ${value.words}`;
      }
    }
  }
}

interface Probe {
  readonly value: unknown;
  readonly words: string;
}

/** Values at and beyond the published limits, and whether they are to be taken. */
function* probes(name: string, specification: PublishedParameter): Generator<[Probe, boolean]> {
  const literal = (value: string): Probe => ({ value, words: value });
  const sized = (length: number, unit: string): Probe => ({ value: sample(name, length), words: `${length} ${unit}` });
  const { type, min, max, minLength, maxLength, maxBytes, maxItems, filterKeys } = specification;

  const values = type === "boolean" ? ["true", "false"] : specification.enum;
  for (const value of values ?? []) yield [literal(value), true];
  if (values !== undefined) yield [literal("no-such-value"), false];

  if (min !== undefined) {
    yield [literal(String(min)), true];
    yield [literal(next(min, -1)), false];
  }
  if (max !== undefined) {
    yield [literal(String(max)), true];
    yield [literal(next(max, 1)), false];
  }
  if (type === "integer") for (const text of ["1.5", "1e1", " 1", "0x1", "one"]) yield [literal(text), false];

  if (minLength !== undefined) {
    yield [sized(minLength, "characters"), true];
    if (minLength > 0) yield [sized(minLength - 1, "characters"), false];
  }
  if (maxLength !== undefined) {
    yield [sized(maxLength, "characters"), true];
    yield [sized(maxLength + 1, "characters"), false];
  }
  if (maxBytes !== undefined) {
    yield [sized(maxBytes, "bytes"), true];
    yield [sized(maxBytes + 1, "bytes"), false];
  }
  if (maxItems !== undefined) {
    const items = (n: number): unknown => {
      const numbers = Array.from({ length: n }, (_, i) => i);
      if (type === "array<string>") return numbers.map(String);
      if (type === "array<object>") return numbers.map((i) => new Map([["Key", `k${i}`]]));
      if (name === "Policies") return JSON.stringify(numbers.map((i) => `p${i}`));
      return JSON.stringify(numbers.map((i) => ({ TagKey: `k${i}`, TagValue: "" })));
    };
    yield [{ value: items(maxItems), words: `${maxItems} items` }, true];
    yield [{ value: items(maxItems + 1), words: `${maxItems + 1} items` }, false];
    for (const prefix of specification.forbiddenPrefix ?? []) {
      yield [literal(JSON.stringify([{ TagKey: `${prefix}x`, TagValue: "" }])), false];
    }
  }
  for (const key of filterKeys ?? []) {
    const [Key = ""] = key.split(" ");
    yield [literal(JSON.stringify([{ Key, Values: ["x"] }])), true];
  }
  if (filterKeys !== undefined) yield [literal('[{"Key":"Nothing","Values":[]}]'), false];
}

/** The integer, or the interval in the same unit, that is `step` further. */
function next(limit: number | string, step: number): string {
  return String(limit).replace(/^[0-9]+/, (digits) => String(Number(digits) + step));
}

function* resultDifferences({ name, result }: DeclaredOperation, { response }: PublishedOperation): Generator<string> {
  const { RequestId: _requestId, ...fields } = response;
  const specified = new Map(publishedFields(fields));
  const declared = new Map(declaredFields(result));
  for (const field of new Set([...specified.keys(), ...declared.keys()])) {
    const [is, shouldBe] = [declared.get(field), specified.get(field)];
    if (is === shouldBe) continue;
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
    const item: unknown = schema instanceof z.ZodArray ? schema.element : schema;
    if (item instanceof z.ZodObject) {
      yield [field, item === schema ? "object" : "array<object>"];
      yield* declaredFields(item, `${field}.`);
    } else {
      const type = item instanceof z.ZodNumber ? "integer" : item instanceof z.ZodBoolean ? "boolean" : "string";
      yield [field, item === schema ? type : `array<${type}>`];
    }
  }
}

function* errorDifferences({ name, errors }: DeclaredOperation, specification: PublishedOperation): Generator<string> {
  const declared = new Set<string>(errors);
  const byState = new Set(Object.values(specification.stateRule ?? {}));
  for (const [code, status] of Object.entries(specification.errors)) {
    if (isKnown(code) && ERRORS[code].status !== status) {
      yield `${name} fails with ${code}: is published as ${status}, not ${ERRORS[code].status}`;
    }
    if (!declared.has(code) && !PIPELINE_ERRORS.has(code)) yield `${name} fails with ${code}: is not declared`;
  }
  for (const code of byState) {
    if (code !== "Success" && !declared.has(code)) yield `${name} fails with ${code}: is not declared`;
  }
  for (const code of declared) {
    const status = specification.errors[code] ?? commonErrors[code];
    if (status === undefined) yield `${name} fails with ${code}: is not published`;
  }
}

/** Errors whose status is not the published one, whichever operation answers them. */
function* errorTableDifferences(): Generator<string> {
  for (const [code, status] of Object.entries(commonErrors)) {
    if (isKnown(code) && ERRORS[code].status !== status) {
      yield `${code}: is published as ${status}, not ${ERRORS[code].status}`;
    }
  }
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** Compares what access() asks with the published action and resource. */
async function rightDifferences(
  world: World,
  declared: DeclaredOperation,
  specification: PublishedOperation,
): Promise<string[]> {
  // A declaration hides these two from its users; the spread that makes it keeps them.
  const operation = declared as unknown as Pick<Operation, "target" | "access">;
  const { KeyId, parametersOf } = await newSubject(world, declared);
  const principal = rootPrincipal({ accountId: world.accountId, accessKeyId: "LTAI5tTest" });
  const context: TestContext = world.contextOf(principal);
  const wire = await parametersOf(declared);
  const values = readParameters(declared.parameters, new Map(Object.entries(wire)));
  const requests = operation.access(context, await operation.target(context, values));
  const asked = requests.map(({ action, resource }) => `${action} on ${resource}`);

  const place = `acs:kms:${REGION}:${world.accountId}:`;
  // Where no resource is published there is none to name: the right is one on everything.
  const resources = (specification.ramResource ?? "*")
    .replace("acs:kms:${region}:${account}:", "")
    .replace("${key-id}", KeyId)
    .replace("alias/${alias-name}", wire["AliasName"] ?? "")
    // Or a secret, which the subject is not.
    .replace(/ or .*$/, "")
    .split(" and ")
    .filter((resource) => resource !== "");
  const actions = specification.ramAction.filter((action) => action.startsWith("kms:"));
  const expected = actions.flatMap((action) =>
    resources.map((resource) => `${action} on ${resource === "*" ? "" : place}${resource}`),
  );
  if (JSON.stringify(asked) === JSON.stringify(expected)) return [];
  const difference = `${declared.name}: asks for ${asked.join(" and ")}, not ${expected.join(" and ")}`;
  return [difference.replaceAll(`${place}key/${KeyId}`, "the key")];
}

async function formDifferences(
  world: World,
  operation: DeclaredOperation,
  { request }: PublishedOperation,
): Promise<string[]> {
  const accepts = request["KeyId"]?.accepts;
  if (accepts === undefined) return [];
  const differences: string[] = [];
  for (const form of FORMS) {
    const { KeyId, alias, parametersOf } = await newSubject(world, operation);
    if (operation.name === "CancelKeyDeletion")
      await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const named = { id: KeyId, alias, arn: `acs:kms:${REGION}:${world.accountId}:key/${KeyId}` }[form];
    const { error } = await world.call(operation.name, { ...(await parametersOf(operation)), KeyId: named });
    const isTaken = error === undefined;
    if (isTaken !== accepts.includes(form))
      differences.push(`${operation.name}: ${isTaken ? "takes" : "refuses"} a key's ${form}`);
  }
  return differences;
}
