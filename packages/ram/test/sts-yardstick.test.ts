import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import { type DeclaredOperation, ERRORS } from "@cinnabar/kernel";
import { stsOperations } from "@cinnabar/ram";
import { z } from "zod";
import yardstick from "../yardstick/sts-2015-04-01.json" with { type: "json" };

interface PublishedParameter {
  readonly required?: boolean;
  readonly min?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}
type Shape = string | { readonly fields: Readonly<Record<string, string>> };

interface PublishedOperation {
  readonly errors: Readonly<Record<string, number>>;
  readonly request: Readonly<Record<string, PublishedParameter>>;
  readonly response: Readonly<Record<string, Shape>>;
}

const published = yardstick.operations as unknown as Readonly<Record<string, PublishedOperation>>;

const SOURCE_IDENTITY = "It is not documented what it does.";
const ELSEWHERE = "Published for another operation of STS or RAM, or seen in answers of the cloud.";
const OF_SERVICES = "Services of the cloud say it where nobody sees; here they send it.";
const SAML = "There are no SAML providers.";

/** Every difference from the published API, with its reason. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "AssumeRole.SourceIdentity: is not declared": SOURCE_IDENTITY,
  "AssumeRole.SourceAccount: is not published": OF_SERVICES,
  "AssumeRole.SourceArn: is not published": OF_SERVICES,
  "AssumeRole answers SourceIdentity: is not declared": SOURCE_IDENTITY,
  "AssumeRoleWithOIDC answers SourceIdentity: is not declared": SOURCE_IDENTITY,
  "AssumeRoleWithSAML answers SourceIdentity: is not declared": SOURCE_IDENTITY,
  "AssumeRoleWithOIDC.OIDCProviderArn: is required": "Without it nothing can be checked.",
  "AssumeRoleWithOIDC.OIDCToken: is required": "Without it nothing can be checked.",
  "AssumeRoleWithOIDC.RoleArn: is required": "Without it there is no role.",
  "AssumeRoleWithOIDC.RoleSessionName: is required": "The session's name stands in its ARN.",
  "AssumeRoleWithSAML.RoleArn: is required": SAML,
  "AssumeRoleWithSAML.SAMLAssertion: is required": SAML,
  "AssumeRoleWithSAML.SAMLProviderArn: is required": SAML,
  "AssumeRoleWithSAML.SAMLAssertion: takes 3 characters": SAML,
  "AssumeRole fails with InvalidParameter.SerialNumber: is not declared": "The current SDK has no such parameter.",
  "AssumeRole fails with InvalidParameter.TokenCode: is not declared": "The current SDK has no such parameter.",
  "AssumeRole fails with InvalidParameter.ContentType: is not declared": "The gateway answers it, by its own code.",
  "AssumeRole fails with AuthenticationFail.ApiUsername: is not declared": "The gateway answers it, by its own code.",
  "AssumeRole fails with AuthenticationFail.ApiPassword: is not declared": "The gateway answers it, by its own code.",
  "AssumeRole fails with InternalError: is not declared": "The gateway answers InternalFailure.",
  "GetCallerIdentity fails with InternalError: is not declared": "The gateway answers InternalFailure.",
  "AssumeRoleWithOIDC fails with AuthenticationFail.OIDCToken.Expired: is not published": ELSEWHERE,
  "AssumeRoleWithOIDC fails with AuthenticationFail.OIDCToken.Invalid: is not published": ELSEWHERE,
  "AssumeRoleWithOIDC fails with EntityNotExist.OIDCProvider: is not published": ELSEWHERE,
  "AssumeRoleWithOIDC fails with InvalidParameter.OIDCProviderArn: is not published": ELSEWHERE,
  "AssumeRoleWithOIDC fails with UnsupportedOperation: is not published": "A signed call has another caller.",
  "AssumeRoleWithSAML fails with UnsupportedOperation: is not published": SAML,
};

/** All of it would need a provider. */
const isOfSaml = (difference: string): boolean => /^AssumeRoleWithSAML fails with .* is not declared$/.test(difference);

const operations = stsOperations({ accessKeyTag: createSecretKey(randomBytes(32)) });
const publishedCodes = new Set(Object.values(published).flatMap(({ errors }) => Object.keys(errors)));

test("the declarations of STS differ from the published API only where they mean to", (t) => {
  assert.deepEqual(operations.map(({ name }) => name).toSorted(), Object.keys(published).toSorted());
  const differences = operations.flatMap((operation) => [...differencesOf(operation)]);
  assert.deepEqual(differences.filter((text) => !isOfSaml(text)).toSorted(), Object.keys(DEVIATIONS).toSorted());
  t.diagnostic(`${operations.length} of ${Object.keys(published).length} STS operations served`);
});

function* differencesOf(operation: DeclaredOperation): Generator<string> {
  const { name, product, version, errors } = operation;
  const specification = published[name] ?? { errors: {}, request: {}, response: {} };
  if (product !== yardstick.product || version !== yardstick.version) yield `${name}: is another API's`;
  yield* parameterDifferences(operation, specification);
  yield* resultDifferences(operation, specification);
  const declared = new Set<string>(errors);
  for (const [code, status] of Object.entries(specification.errors)) {
    if (!declared.has(code)) yield `${name} fails with ${code}: is not declared`;
    else if (Object.entries(ERRORS).find(([known]) => known === code)?.[1].status !== status) {
      yield `${name} fails with ${code}: is published as ${status}`;
    }
  }
  for (const code of declared) if (!publishedCodes.has(code)) yield `${name} fails with ${code}: is not published`;
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
      const { required = false, min } = specification;
      if ((declared.presence === "required") !== required) yield `${title}: is ${required ? "not " : ""}required`;
      const isTaken = (text: string) => declared.schema.safeParse(text).success;
      if (min !== undefined && !isTaken(String(min))) yield `${title}: refuses ${min}`;
      if (min !== undefined && isTaken(String(min - 1))) yield `${title}: takes ${min - 1}`;
      for (const [length, shouldBeTaken] of lengths(name, specification)) {
        if (isTaken(sample(name, length)) !== shouldBeTaken) {
          yield `${title}: ${shouldBeTaken ? "refuses" : "takes"} ${length} characters`;
        }
      }
    }
  }
}

function* lengths(
  name: string,
  { minLength, maxLength }: Pick<PublishedParameter, "minLength" | "maxLength">,
): Generator<[length: number, taken: boolean]> {
  // The shortest policy is longer than what is published.
  if (minLength !== undefined && name !== "Policy") {
    yield [minLength, true];
    if (minLength > 1) yield [minLength - 1, false];
  }
  if (maxLength !== undefined) {
    yield [maxLength, true];
    yield [maxLength + 1, false];
  }
}

const POLICY = JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });

function sample(name: string, length: number): string {
  return name === "Policy" ? POLICY.padEnd(length) : "x".repeat(length);
}

function* resultDifferences({ name, result }: DeclaredOperation, { response }: PublishedOperation): Generator<string> {
  const { RequestId: _requestId, ...fields } = response;
  const specified = new Set(Object.entries(fields).flatMap(([field, shape]) => pathsOf(field, shape)));
  const declared = new Set(
    Object.entries(result.shape).flatMap(([field, schema]) =>
      schema instanceof z.ZodObject
        ? [field, ...Object.keys(schema.shape).map((inner) => `${field}.${inner}`)]
        : [field],
    ),
  );
  for (const field of specified) if (!declared.has(field)) yield `${name} answers ${field}: is not declared`;
  for (const field of declared) if (!specified.has(field)) yield `${name} answers ${field}: is not published`;
}

function pathsOf(field: string, shape: Shape): string[] {
  return typeof shape === "string" ? [field] : [field, ...Object.keys(shape.fields).map((name) => `${field}.${name}`)];
}
