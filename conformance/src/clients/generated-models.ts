import assert from "node:assert/strict";
import type { Body, CallParameters } from "../official-client.ts";

/** A class of a generated client's for what it sends or receives. */
export interface Model {
  toMap(): Body;
}

interface ModelClass {
  new (fields: object): Model;
  /** From the field's name to the published one. */
  names(): Readonly<Record<string, string>>;
  /** From the field's name to its type, of lists with an `itemType`. */
  types(): Readonly<Record<string, unknown>>;
}

/**
 * The request of an operation, made by the client's own class.
 *
 * @param classes - what the client's package exports.
 * @returns `undefined` if the client has no class for these parameters.
 */
export function toRequest(classes: unknown, action: string, parameters: CallParameters): Model | undefined {
  const RequestClass = (classes as Readonly<Record<string, ModelClass>>)[`${action}Request`];
  if (RequestClass === undefined) return undefined;
  return toModel(RequestClass, parameters);
}

/** The fields by their names in the class, records in lists by the classes of their own. */
function toModel(Class: ModelClass, parameters: object): Model | undefined {
  const fields = new Map(Object.entries(Class.names()).map(([field, published]) => [published, field]));
  if (!Object.keys(parameters).every((name) => fields.has(name))) return undefined;
  const types = Class.types();
  return new Class(
    Object.fromEntries(
      Object.entries(parameters).map(([name, value]: [string, unknown]) => {
        const field = fields.get(name) ?? name;
        return [field, Array.isArray(value) ? value.map((item: unknown) => toItem(types[field], item)) : value];
      }),
    ),
  );
}

function toItem(type: unknown, item: unknown): unknown {
  if (typeof item !== "object" || item === null || typeof type !== "object" || type === null) return item;
  const { itemType: Class } = type as { readonly itemType?: ModelClass };
  return typeof Class === "function" ? (toModel(Class, item) ?? item) : item;
}

/** Checks that a class has taken over every field that it knows, as it was. */
export function assertCast(cast: unknown, received: unknown): void {
  if (Array.isArray(received)) {
    assert(Array.isArray(cast) && cast.length === received.length);
    received.forEach((item, index) => assertCast(cast[index], item));
  } else if (typeof received === "object" && received !== null) {
    assert(typeof cast === "object" && cast !== null);
    const names = Object.entries((cast.constructor as unknown as ModelClass).names());
    assert(names.length > 0);
    for (const [field, published] of names) {
      assertCast((cast as Body)[field], (received as Body)[published]);
    }
  } else assert.equal(cast, received);
}

/** Calls the client's method for an operation, with its request if it takes one. */
export function callMethod(client: object, action: string, request: Model | undefined): Promise<unknown> {
  const name = `${action.charAt(0).toLowerCase()}${action.slice(1)}`;
  const methods = client as unknown as Readonly<Record<string, (request?: Model) => Promise<unknown>>>;
  const method = methods[name];
  assert(method !== undefined, `the client has no method ${name}`);
  return method.call(client, request);
}
