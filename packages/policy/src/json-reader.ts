import { PolicyError } from "./policy-error.ts";

/** A number as it is written. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = string | JsonNumber | boolean | null | readonly JsonValue[] | JsonObject;

/** Arrays and objects within each other; a policy has six. */
const MAX_DEPTH = 16;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /[A-Za-z_]+/y;
const PLAIN_CHARACTERS = /[^"\\\p{Cc}]*/uy;
const SPACE = /[ \t\n\r]*/y;
const HEX_4 = /[0-9a-fA-F]{4}/y;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * Reads JSON (RFC 8259) in linear time, and refuses what other readers differ on: a name given twice, and text that is no
 * Unicode. Numbers stay as they are written.
 *
 * @throws {@link PolicyError}
 */
export function readJson(text: string): JsonValue {
  return new JsonReader(text).read();
}

class JsonReader {
  readonly #text: string;
  #at = 0;
  /** Names and indexes on the way to where reading is. */
  readonly #path: (string | number)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonValue {
    const value = this.#value();
    this.#take(SPACE);
    if (this.#at < this.#text.length) throw this.#fault("the end of the document");
    return value;
  }

  #value(): JsonValue {
    this.#take(SPACE);
    const character = this.#text[this.#at];
    if (character === '"') return this.#string();
    if (character === "{") return this.#nested(() => this.#object());
    if (character === "[") return this.#nested(() => this.#array());
    const number = this.#take(NUMBER);
    if (number !== "") return new JsonNumber(number);
    const start = this.#at;
    switch (this.#take(WORD)) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
      default:
        this.#at = start;
        throw this.#fault("a JSON value");
    }
  }

  #nested<T>(read: () => T): T {
    if (this.#path.length >= MAX_DEPTH) throw this.#fault(`at most ${MAX_DEPTH} arrays and objects within each other`);
    this.#at++;
    return read();
  }

  #object(): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#take(SPACE);
    if (this.#skip("}")) return members;
    for (;;) {
      this.#take(SPACE);
      if (this.#text[this.#at] !== '"') throw this.#fault('a name in quotation marks, or "}"');
      const name = this.#string();
      this.#path.push(name);
      if (members.has(name)) throw this.#error({ found: "the name a second time", allowed: "each name once" });
      this.#take(SPACE);
      if (!this.#skip(":")) throw this.#fault('":" after a name');
      members.set(name, this.#value());
      this.#path.pop();
      this.#take(SPACE);
      if (this.#skip("}")) return members;
      if (!this.#skip(",")) throw this.#fault('"," or "}" after a value');
    }
  }

  #array(): JsonValue[] {
    const elements: JsonValue[] = [];
    this.#take(SPACE);
    if (this.#skip("]")) return elements;
    for (;;) {
      this.#path.push(elements.length);
      elements.push(this.#value());
      this.#path.pop();
      this.#take(SPACE);
      if (this.#skip("]")) return elements;
      if (!this.#skip(",")) throw this.#fault('"," or "]" after a value');
    }
  }

  #string(): string {
    this.#at++;
    let read = "";
    for (;;) {
      read += this.#take(PLAIN_CHARACTERS);
      if (this.#skip('"')) break;
      if (!this.#skip("\\")) throw this.#fault("no control characters, and a quotation mark at the end of a string");
      read += this.#escaped();
    }
    if (!read.isWellFormed()) throw this.#error({ found: "half of a surrogate pair", allowed: "Unicode text" });
    return read;
  }

  #escaped(): string {
    if (this.#skip("u")) {
      const hex = this.#take(HEX_4);
      if (hex === "") throw this.#fault("four hexadecimal digits");
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const escaped = ESCAPES[this.#text[this.#at] ?? ""];
    if (escaped === undefined) throw this.#fault(String.raw`one of " \ / b f n r t u after a backslash`);
    this.#at++;
    return escaped;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** What a pattern matches here, and moves behind it. */
  #take(pattern: RegExp): string {
    const start = this.#at;
    pattern.lastIndex = start;
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #fault(allowed: string): PolicyError {
    const rest = this.#text.slice(this.#at, this.#at + 1);
    return this.#error({
      found: rest === "" ? "the end" : `${JSON.stringify(rest)} at character ${this.#at}`,
      allowed,
    });
  }

  #error(fault: { found: string; allowed: string }): PolicyError {
    return new PolicyError({ path: jsonPath(this.#path), ...fault });
  }
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_NAME = 64;

/** `$.Statement[0].Condition.StringLike["kms:tag/team"]`. Names that are long are shortened. */
export function jsonPath(steps: readonly (string | number)[]): string {
  const written = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    if (PLAIN_NAME.test(step) && step.length <= MAX_NAME) return `.${step}`;
    return `[${quoted(step)}]`;
  });
  return `$${written.join("")}`;
}

/** A text in quotation marks, shortened where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_NAME ? `${text.slice(0, MAX_NAME).toWellFormed()}…` : text);
}
