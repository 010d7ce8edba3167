/** Policies as large as may be that ask as much of one decision as can be. */
export interface WorstDecision {
  readonly name: string;
  /** Statements without their principals, of about so many bytes. */
  readonly statements: (bytes: number) => readonly object[];
  /** What conditions find, one after the other, so that nothing that was found of one helps with the next. */
  readonly values: readonly [string, string];
}

/** As long as an ExternalId may be, and nearly what patterns want. */
const LONG = "a".repeat(1_224);
const LONG_VALUES = [LONG, `${LONG.slice(1)}c`] as const;
/** Characters of the longest policy of an identity, and of a key. */
export const IDENTITY_BYTES = 6_144;
export const KEY_BYTES = 32_768;
/** The most policies that count for a user: its own and those of its groups, custom ones. */
export const IDENTITY_POLICIES = 35;

/** What the search limit leaves, patterns that V8 is slow to search for. */
const SEARCHES = 32;
const ABOUT = { Effect: "Deny", Action: "*", Resource: "*" } as const;

export const WORST_DECISIONS: readonly WorstDecision[] = [
  {
    name: "many resources, under patterns",
    statements: (bytes) => [resources(bytes, { StringLike: searching() })],
    values: LONG_VALUES,
  },
  {
    name: "many resources, under a pattern with ?",
    statements: (bytes) => [resources(bytes, { StringLike: { "kms:tag/a": `*${"a?".repeat(31)}ab*` } })],
    values: LONG_VALUES,
  },
  {
    name: "many resources that are searched for",
    statements: (bytes) => [{ ...ABOUT, Resource: numbered((id) => `acs:kms:*:*:*e?/?*-*${id}*b`, bytes - 200) }],
    values: LONG_VALUES,
  },
  {
    name: "many statements, under patterns",
    statements: (bytes) => [
      { ...ABOUT, Condition: { StringLike: searching() } },
      ...numbered((id) => ({ ...ABOUT, Resource: `acs:*:*:*:*e*${id}*` }), bytes - 1_500),
    ],
    values: LONG_VALUES,
  },
  ...(
    [
      ["NotIpAddress", "::", ["10.1.2.3", "2001:db8:0:1:2:3:4:5"]],
      ["DateNotEquals", "2030-01-01T00:00:00Z", ["2026-11-22T08:00:00.000Z", "2026-11-22T16:00:00.000+08:00"]],
      ["StringNotEqualsIgnoreCase", "b", LONG_VALUES],
      ["StringNotLike", "b*", LONG_VALUES],
      ["NumericNotEquals", "9", ["123456789012345", "-1234567890.12345"]],
    ] as const
  ).map(([operator, value, values]) => ({
    name: `many tags under ${operator}`,
    statements: (bytes: number) => [underTags(operator, value, bytes)],
    values,
  })),
  {
    name: "many addresses",
    statements: (bytes) => [underAddresses(bytes)],
    values: ["2001:db8::1", "2001:db8::2"],
  },
];

/** Patterns whose text between two stars the value nearly holds at each of its characters. */
function searching(): Readonly<Record<string, readonly string[]>> {
  return { "kms:tag/a": Array.from({ length: SEARCHES }, (_, i) => `*aaa${idOf(i)}*`) };
}

/** A statement about resources that do not fit until the last, under a condition. */
function resources(bytes: number, Condition: unknown): object {
  const room = bytes - Buffer.byteLength(JSON.stringify(Condition)) - 200;
  return { ...ABOUT, Resource: [...numbered((id) => `acs:kms:*:*:*e*${id}`, room), "*"], Condition };
}

/** A statement whose conditions all hold but the last. */
function underTags(operator: string, value: string, bytes: number): object {
  const tags = numbered((id) => [`kms:tag/${id}`, value] as const, bytes - 250);
  return { ...ABOUT, Condition: { [operator]: Object.fromEntries(tags), Bool: { "acs:MFAPresent": "true" } } };
}

function underAddresses(bytes: number): object {
  const addresses = numbered((id) => `::${Number.parseInt(id, 36).toString(16).padStart(4, "0")}`, bytes - 250);
  return { ...ABOUT, Condition: { IpAddress: { "acs:SourceIp": addresses } } };
}

/** As many different ones as fit. */
function numbered<T>(make: (id: string) => T, bytes: number): T[] {
  const each = Buffer.byteLength(JSON.stringify(make(idOf(0)))) + 1;
  return Array.from({ length: Math.max(0, Math.floor(bytes / each)) }, (_, i) => make(idOf(i)));
}

function idOf(index: number): string {
  return index.toString(36).padStart(3, "0");
}
