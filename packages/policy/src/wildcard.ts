/** Characters of the longest pattern that policies may hold. */
const MAX_PATTERN = 1024;
/** The most characters from one `*` to the next, or to the end. */
const MAX_PART = 128;

/** What {@link isPattern} takes, for error messages. */
export const PATTERN_ALLOWED = `at most ${MAX_PATTERN} characters, and ${MAX_PART} from one * to the next`;

/** Whether a pattern is short enough to be matched in time that grows with the text alone. */
export function isPattern(text: string): boolean {
  if (text.length > MAX_PATTERN) return false;
  let star = text.indexOf("*");
  while (star >= 0) {
    const next = text.indexOf("*", star + 1);
    if ((next < 0 ? text.length : next) - star > MAX_PART + 1) return false;
    star = next;
  }
  return true;
}

/** How many searches the patterns of a policy's conditions may ask for together. */
export const MAX_SEARCHES = 32;

/** What {@link searchesOf} counts, for error messages. */
export const SEARCHES_ALLOWED =
  `patterns that search ${MAX_SEARCHES} times in the whole policy: ` +
  "once for each with text between two *, and as often as half of such text is long if it holds ?";

/**
 * How much work a pattern makes: how many times, at worst, all of the text is looked at. What stands before the first `*` or
 * behind the last has one place alone; what stands between two is searched for, which with a `?` in it takes longer.
 */
export function searchesOf(pattern: string): number {
  const searched = pattern.split("*").slice(1, -1);
  return Math.max(
    0,
    ...searched.map((part) => (part.includes("?") ? Math.ceil(part.length / 2) : Math.sign(part.length))),
  );
}

/** Nearly all patterns in use are one of the first four. */
type Shape = "text" | "anything" | "prefix" | "suffix" | "parts";

/**
 * A pattern in which `*` stands for any text, the empty one too, and `?` for one character. Everything else, backslashes
 * included, stands for itself.
 *
 * A `*` takes as little as it can, and is never taken back once a later one is reached. So each character of the text is
 * looked at once for each character of the part behind a `*` at worst, of which {@link isPattern} leaves few.
 */
export class Wildcard {
  /** As it was written. */
  readonly pattern: string;
  readonly #shape: Shape;
  /** Of a prefix or a suffix. */
  readonly #literal: string;
  /** What stands before, between and behind the stars, once it was asked for. */
  #parts: readonly string[] | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
    this.#shape = shapeOf(pattern);
    this.#literal = this.#shape === "prefix" ? pattern.slice(0, -1) : this.#shape === "suffix" ? pattern.slice(1) : "";
  }

  matches(text: string): boolean {
    switch (this.#shape) {
      case "text":
        return text === this.pattern;
      case "anything":
        return true;
      case "prefix":
        return text.startsWith(this.#literal);
      case "suffix":
        return text.endsWith(this.#literal);
      case "parts":
        return matchesParts((this.#parts ??= this.pattern.split("*")), text);
    }
  }
}

function shapeOf(pattern: string): Shape {
  if (pattern === "*") return "anything";
  if (pattern.includes("?")) return "parts";
  const star = pattern.indexOf("*");
  if (star < 0) return "text";
  if (star === pattern.length - 1) return "prefix";
  return star === 0 && !pattern.includes("*", 1) ? "suffix" : "parts";
}

function matchesParts(parts: readonly string[], text: string): boolean {
  const [first = ""] = parts;
  let at = endOf(first, text, 0);
  if (parts.length === 1) return at === text.length;
  const last = parts.at(-1) ?? "";
  const lastAt = placeAtEnd(last, text);
  if (at < 0 || lastAt < at || endOf(last, text, lastAt) < 0) return false;
  // A loop, since it goes on from where it was, up to what the last part takes.
  for (let i = 1; i < parts.length - 1; i++) {
    at = endOfNext(parts[i] ?? "", text, at);
    if (at < 0 || at > lastAt) return false;
  }
  return true;
}

/** Where a part ends that stands at a place in the text; -1 if it does not. */
function endOf(part: string, text: string, start: number): number {
  let t = start;
  for (let p = 0; p < part.length; p++) {
    if (t >= text.length) return -1;
    const wanted = part.charCodeAt(p);
    const given = text.charCodeAt(t);
    if (wanted === given) t++;
    else if (wanted === ANY) t += given < FIRST_SURROGATE ? 1 : characterLength(text, t);
    else return -1;
  }
  return t;
}

/** Where a part ends that stands at this place or the first one behind it; -1 if there is none. */
function endOfNext(part: string, text: string, start: number): number {
  if (!part.includes("?")) {
    const found = text.indexOf(part, start);
    return found < 0 ? -1 : found + part.length;
  }
  for (let t = start; t < text.length; t += characterLength(text, t)) {
    const end = endOf(part, text, t);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where a part would begin so as to end with the text, or less than 0. */
function placeAtEnd(part: string, text: string): number {
  let t = text.length;
  for (let p = part.length - 1; p >= 0; p--) {
    const isPair = part.charCodeAt(p) === ANY && t > 1 && characterLength(text, t - 2) === 2;
    t -= isPair ? 2 : 1;
  }
  return t;
}

const ANY = "?".charCodeAt(0);
const FIRST_SURROGATE = 0xd800;

/** A pair of surrogates is one character. */
function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
