/** Deepest nesting that is read; an event has a handful of levels. */
const MAX_DEPTH = 32;

/**
 * The value of a JSON text in canonical form (RFC 8785, the JSON Canonicalization Scheme), or `undefined` if the text
 * is not JSON or has another form: keys out of order or repeated, white space, other spellings of a number or string.
 */
export function parseCanonicalJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isCanonical = (isInOrder(value, 0) && JSON.stringify(value) === text) || encode(value, 0) === text;
  return isCanonical ? value : undefined;
}

/** The canonical form (RFC 8785) of a JSON text; `undefined` if it is not JSON, or has no such form. */
export function canonicalJson(text: string): string | undefined {
  try {
    return encode(JSON.parse(text), 0);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether `JSON.stringify` writes a value from JSON in canonical form, which is faster than doing it here. It writes
 * keys that look like array indices before all others, so an object that has both may be canonical all the same.
 */
function isInOrder(value: unknown, depth: number): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (Array.isArray(value)) return depth < MAX_DEPTH && value.every((element) => isInOrder(element, depth + 1));
  if (!isObject(value)) return true;
  if (depth === MAX_DEPTH) return false;
  let previous = "";
  for (const name of Object.keys(value)) {
    if (name < previous || !name.isWellFormed() || !isInOrder(value[name], depth + 1)) return false;
    previous = name;
  }
  return true;
}

/** The canonical text of a value that came from JSON, or `undefined` if it has none. */
function encode(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? JSON.stringify(value) : undefined;
  if (!Array.isArray(value) && !isObject(value)) return JSON.stringify(value);
  if (depth === MAX_DEPTH) return undefined;
  let text = "";
  if (Array.isArray(value)) {
    for (const element of value) {
      const part = encode(element, depth + 1);
      if (part === undefined) return undefined;
      text += `${text === "" ? "" : ","}${part}`;
    }
    return `[${text}]`;
  }
  // The default order is that of RFC 8785 section 3.2.3: by UTF-16 code units.
  for (const name of Object.keys(value).toSorted()) {
    const part = encode(value[name], depth + 1);
    if (part === undefined || !name.isWellFormed()) return undefined;
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${part}`;
  }
  return `{${text}}`;
}
