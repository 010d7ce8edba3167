import { percentDecode, percentEncode } from "./percent-encoding.ts";
import { invalidParameter, unreadable } from "./wire-error.ts";

/** Most parameters that one request may have, and most entries of one map. */
export const MAX_PARAMETERS = 1000;

/** Longest parameter name, in characters after decoding. */
export const MAX_PARAMETER_NAME_LENGTH = 256;

// oxlint-disable-next-line no-control-regex -- the whole of ASCII, control characters included
const NOT_ASCII = /[^\x00-\x7f]/;

/**
 * Decodes a query string or an `application/x-www-form-urlencoded` body into `into`.
 *
 * A name may come again, there or in an earlier text, only with the same value: two readers could otherwise
 * disagree on what was signed.
 *
 * @throws WireError `ParseRequestParameterException` or `InvalidParameter`.
 */
export function decodeParameters(text: string, into: Map<string, string>): void {
  if (NOT_ASCII.test(text)) throw unreadable("Characters outside ASCII must be percent-encoded as UTF-8.");
  for (let start = 0; start < text.length;) {
    const separator = text.indexOf("&", start);
    const end = separator === -1 ? text.length : separator;
    if (end > start) addParameter(text.slice(start, end), into);
    start = end + 1;
  }
}

function addParameter(segment: string, into: Map<string, string>): void {
  const equals = segment.indexOf("=");
  const name = percentDecode(equals === -1 ? segment : segment.slice(0, equals));
  const value = equals === -1 ? "" : percentDecode(segment.slice(equals + 1));
  if (name === "") throw unreadable("A parameter has no name.");
  if (name.length > MAX_PARAMETER_NAME_LENGTH) {
    throw unreadable(`A parameter's name is longer than ${MAX_PARAMETER_NAME_LENGTH} characters.`);
  }
  const earlier = into.get(name);
  if (earlier === undefined) {
    if (into.size === MAX_PARAMETERS) throw unreadable(`There are more than ${MAX_PARAMETERS} parameters.`);
    into.set(name, value);
  } else if (earlier !== value) {
    throw invalidParameter(name, "It is given twice, with different values.");
  }
}

/** The inverse of `decodeParameters`, in the order of `parameters`. */
export function encodeParameters(parameters: Iterable<readonly [string, string]>): string {
  let text = "";
  for (const [name, value] of parameters) {
    text += `${text === "" ? "" : "&"}${percentEncode(name)}=${percentEncode(value)}`;
  }
  return text;
}

/** Parameters in the order in which both signatures take them: by name, in UTF-16 code units. */
export type SortedParameters = readonly (readonly [name: string, value: string])[];

export function sortByName(parameters: ReadonlyMap<string, string>): SortedParameters {
  return [...parameters.keys()].toSorted().map((name) => [name, parameters.get(name) ?? ""]);
}

/**
 * Reads a map of strings that clients send in one of two forms: as one JSON object (`name={"key":"value"}`), or
 * flattened into a parameter for each entry (`name.key=value`).
 *
 * @returns `undefined` if neither is there; an empty text counts as absent. Keys are taken as they are, so
 * `__proto__` is a key like another. Every key and value is well-formed Unicode.
 * @throws WireError `InvalidParameter` if both forms are there, if the JSON is not an object of strings, or if there
 * are more than {@link MAX_PARAMETERS} entries.
 */
export function readMap(
  parameters: ReadonlyMap<string, string>,
  name: string,
): ReadonlyMap<string, string> | undefined {
  const json = parameters.get(name);
  const prefix = `${name}.`;
  let flattened: Map<string, string> | undefined;
  for (const [parameter, value] of parameters) {
    if (parameter.startsWith(prefix)) (flattened ??= new Map()).set(parameter.slice(prefix.length), value);
  }
  if (json === undefined || json === "") return flattened;
  if (flattened !== undefined) {
    throw invalidParameter(name, `Send it either as JSON or as "${prefix}<key>" parameters, not both.`);
  }
  return parseJsonMap(json, name);
}

function parseJsonMap(json: string, name: string): Map<string, string> {
  const object = parseJsonObject(json);
  if (object === undefined) throw invalidParameter(name, "It must be a JSON object of strings.");
  const map = new Map<string, string>();
  for (const [key, value] of Object.entries(object)) {
    if (typeof value !== "string") throw invalidParameter(name, "Every value of the JSON object must be a string.");
    if (!key.isWellFormed() || !value.isWellFormed()) {
      throw invalidParameter(name, "Its strings must be Unicode text, without unpaired surrogates.");
    }
    map.set(key, value);
  }
  if (map.size > MAX_PARAMETERS) throw invalidParameter(name, `It has more than ${MAX_PARAMETERS} entries.`);
  return map;
}

function parseJsonObject(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads a list sent as `name.1=…&name.2=…`.
 *
 * @returns `undefined` if no such parameter is there; else the values in the order of their numbers.
 * @throws WireError `InvalidParameter` if the numbers are not 1, 2, 3 … without a gap, or if an item has fields.
 */
export function readList(parameters: ReadonlyMap<string, string>, name: string): readonly string[] | undefined {
  return readItems(parameters, name)?.map((fields, index) => {
    const value = fields.get("");
    if (value === undefined || fields.size > 1) {
      throw invalidParameter(`${name}.${index + 1}`, `Send each item as one value, "${name}.${index + 1}=…".`);
    }
    return value;
  });
}

/**
 * Reads a list of records sent as `name.1.Key=…&name.1.Value=…&name.2.Key=…`.
 *
 * @returns `undefined` if no such parameter is there; else the records, each from field to value, in the order of
 * their numbers.
 * @throws WireError `InvalidParameter` if the numbers are not 1, 2, 3 … without a gap, or if an item has no fields.
 */
export function readRecords(
  parameters: ReadonlyMap<string, string>,
  name: string,
): readonly ReadonlyMap<string, string>[] | undefined {
  const records = readItems(parameters, name);
  const bare = records?.findIndex((fields) => fields.has("")) ?? -1;
  if (bare !== -1) {
    throw invalidParameter(`${name}.${bare + 1}`, `Send each item by its fields, "${name}.${bare + 1}.<field>=…".`);
  }
  return records;
}

const ITEM = /^([1-9][0-9]{0,3})(?:\.(.+))?$/s;

/** The fields of each item; a value without a field stands under the empty name. */
function readItems(parameters: ReadonlyMap<string, string>, name: string): Map<string, string>[] | undefined {
  const prefix = `${name}.`;
  const items = new Map<number, Map<string, string>>();
  for (const [parameter, value] of parameters) {
    if (!parameter.startsWith(prefix)) continue;
    const match = ITEM.exec(parameter.slice(prefix.length));
    if (match === null) throw invalidParameter(parameter, `The items of "${name}" are numbered from 1.`);
    const number = Number(match[1]);
    let fields = items.get(number);
    if (fields === undefined) {
      fields = new Map<string, string>();
      items.set(number, fields);
    }
    fields.set(match[2] ?? "", value);
  }
  if (items.size === 0) return undefined;
  return Array.from({ length: items.size }, (_, index) => {
    const fields = items.get(index + 1);
    if (fields === undefined) throw invalidParameter(`${name}.${index + 1}`, "It is left out of the numbered list.");
    return fields;
  });
}
