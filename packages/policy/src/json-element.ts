import { JsonNumber, jsonPath, type JsonObject, type JsonValue, quoted } from "./json-reader.ts";
import { PolicyError } from "./policy-error.ts";

interface Place {
  readonly within: JsonElement;
  /** The member's name, or the element's index. */
  readonly step: string | number;
}

/** A value of a document, and where it stands. */
export class JsonElement {
  readonly value: JsonValue;
  readonly #place: Place | undefined;

  /** @param place - left out for the document itself */
  constructor(value: JsonValue, place?: Place) {
    this.value = value;
    this.#place = place;
  }

  /** @throws {@link PolicyError} unless this is an object, with none but the given names if they are given. */
  object(known?: readonly string[]): JsonObject {
    const { value } = this;
    if (!isObject(value)) throw this.fault("an object");
    for (const name of value.keys()) {
      if (known?.includes(name) === false) throw this.unfit(quoted(name), known.join(", "));
    }
    return value;
  }

  /** The members of an object that must have some. */
  members(allowed: string): [name: string, element: JsonElement][] {
    const members = [...this.object()];
    if (members.length === 0) throw this.fault(allowed);
    return members.map(([name, value]) => [name, this.#child(name, value)]);
  }

  /** A member of an object. */
  find(name: string): JsonElement | undefined {
    const value = this.object().get(name);
    return value === undefined ? undefined : this.#child(name, value);
  }

  /** A member that must be there. */
  load(name: string, allowed: string): JsonElement {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw this.#child(name, null).unfit("nothing", allowed);
  }

  /** The elements of an array that has some. */
  elements(allowed: string): JsonElement[] {
    const { value } = this;
    if (!isArray(value) || value.length === 0) throw this.fault(allowed);
    return value.map((element, index) => this.#child(index, element));
  }

  /** The elements of an array that has some, or this alone if it is no array. */
  oneOrMore(allowed: string): JsonElement[] {
    return isArray(this.value) ? this.elements(allowed) : [this];
  }

  /** The text, if it passes the test. */
  text(allowed: string, test: (text: string) => boolean): string {
    if (typeof this.value !== "string" || !test(this.value)) throw this.fault(allowed);
    return this.value;
  }

  /** That something else is allowed here. */
  fault(allowed: string): PolicyError {
    return this.unfit(describe(this.value), allowed);
  }

  /** That something that was found here does not fit. */
  unfit(found: string, allowed: string): PolicyError {
    return new PolicyError({ path: jsonPath(this.#steps()), found, allowed });
  }

  #child(step: string | number, value: JsonValue): JsonElement {
    return new JsonElement(value, { within: this, step });
  }

  #steps(): readonly (string | number)[] {
    if (this.#place === undefined) return [];
    const { within, step } = this.#place;
    return [...within.#steps(), step];
  }
}

function describe(value: JsonValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (value instanceof JsonNumber) return value.text.slice(0, 64);
  if (isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  return value.size === 0 ? "an empty object" : "an object";
}

function isObject(value: JsonValue): value is JsonObject {
  return value instanceof Map;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
