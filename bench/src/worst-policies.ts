/** Documents of about so many bytes that ask as much of their reader as can be. */
export interface WorstDocument {
  readonly name: string;
  readonly make: (bytes: number) => string;
}

/**
 * Patterns that ask as much of matching as can be, each by itself, and what they are matched with. What all parts of all policies
 * ask for together is in `worst-decisions.ts`.
 */
export interface WorstPattern {
  readonly name: string;
  readonly pattern: string;
  readonly text: (characters: number) => string;
}

/** The longest pattern that a policy may hold, and the most characters from one star to the next. */
const PATTERN = 1024;
const PART = 128;
const RESOURCE_HEAD = "acs:kms:*:*:";

export const WORST_DOCUMENTS: readonly WorstDocument[] = [
  {
    name: "many statements",
    make: (bytes) => documentOf(repeated({ Effect: "Allow", Action: "kms:*", Resource: "*" }, bytes)),
  },
  {
    name: "many tags in one condition",
    make: (bytes) => {
      const tags = Array.from({ length: Math.ceil(bytes / 24) }, (_, i) => [
        `kms:tag/${i.toString(36).padStart(8, "0")}`,
        "a",
      ]);
      const Condition = { StringLike: Object.fromEntries(tags) as Readonly<Record<string, string>> };
      return documentOf([{ Effect: "Allow", Action: "kms:*", Resource: "*", Condition }]);
    },
  },
  { name: "*a*a*a… as resources", make: (bytes) => documentOf([resources(filled("*a"), bytes)]) },
  {
    name: "*a?a?a?… as resources",
    make: (bytes) => documentOf([resources(filled(`*${"a?".repeat(PART / 2)}`), bytes)]),
  },
  { name: "escapes", make: (bytes) => String.raw`{"Version":"${String.raw`\u0041`.repeat(bytes / 6)}"}` },
  { name: "one long name", make: (bytes) => `{"${"a".repeat(bytes)}":"1"}` },
  { name: "deep nesting", make: (bytes) => "[".repeat(bytes) },
];

/** Texts of one letter, all of which nearly fits. */
const alike = (characters: number): string => "a".repeat(characters);

export const WORST_PATTERNS: readonly WorstPattern[] = [
  { name: "*a*a*a*…b", pattern: `${filled("*a")}b`, text: alike },
  { name: "*?*?*?*…b", pattern: `${filled("*?")}b`, text: alike },
  { name: "*aaaa…b*", pattern: `*${"a".repeat(PART - 1)}b*`, text: alike },
  { name: "*a?a?a?…b", pattern: `*${"a?".repeat(PART / 2 - 1)}ab`, text: alike },
];

/** A policy with one condition. */
export function patternPolicy(pattern: string): string {
  const Condition = { StringLike: { "kms:tag/a": pattern } };
  return documentOf([{ Effect: "Allow", Action: "*", Resource: "*", Condition }]);
}

/** A part as often as a pattern has room for it. */
function filled(part: string): string {
  return part.repeat(Math.floor((PATTERN - RESOURCE_HEAD.length - 1) / part.length));
}

function resources(pattern: string, bytes: number): unknown {
  return { Effect: "Allow", Action: "kms:*", Resource: repeated(RESOURCE_HEAD + pattern, bytes) };
}

function repeated<T>(value: T, bytes: number): T[] {
  const each = Buffer.byteLength(JSON.stringify(value)) + 1;
  return Array.from({ length: Math.ceil(bytes / each) }, () => value);
}

function documentOf(statements: readonly unknown[]): string {
  return JSON.stringify({ Version: "1", Statement: statements });
}
