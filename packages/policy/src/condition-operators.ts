import { parseIpRange } from "./ip-range.ts";
import { rememberFew } from "./remember-few.ts";
import { parseInstant, parseNumber } from "./scalars.ts";
import { isPattern, PATTERN_ALLOWED, Wildcard } from "./wildcard.ts";

/** The operators of conditions (Alibaba Cloud RAM, "Conditional operators"). */
export const CONDITION_OPERATORS = [
  "StringEquals",
  "StringNotEquals",
  "StringEqualsIgnoreCase",
  "StringNotEqualsIgnoreCase",
  "StringLike",
  "StringNotLike",
  "NumericEquals",
  "NumericNotEquals",
  "NumericLessThan",
  "NumericLessThanEquals",
  "NumericGreaterThan",
  "NumericGreaterThanEquals",
  "DateEquals",
  "DateNotEquals",
  "DateLessThan",
  "DateLessThanEquals",
  "DateGreaterThan",
  "DateGreaterThanEquals",
  "Bool",
  "IpAddress",
  "NotIpAddress",
] as const;

export type ConditionOperator = (typeof CONDITION_OPERATORS)[number];

/** Whether a value of a request fits one of a condition's. */
export type ValueTest = (value: string) => boolean;

/** How a value of a request stands to one of a condition. */
type Comparison = (value: number, than: number) => boolean;

type Category = "String" | "Pattern" | "Numeric" | "Date" | "Bool" | "IpAddress";

interface OperatorDefinition {
  readonly category: Category;
  /** Whether the condition holds exactly when nothing matches, as it is where the request has no such value. */
  readonly negated: boolean;
  readonly test: (values: readonly string[]) => ValueTest;
}

const findAddress = rememberFew(parseIpRange);
const findInstant = rememberFew(parseInstant);

const equal: Comparison = (value, than) => value === than;
const less: Comparison = (value, than) => value < than;
const lessOrEqual: Comparison = (value, than) => value <= than;
const greater: Comparison = (value, than) => value > than;
const greaterOrEqual: Comparison = (value, than) => value >= than;

const DEFINITIONS: Readonly<Record<ConditionOperator, OperatorDefinition>> = {
  StringEquals: { category: "String", negated: false, test: oneOf },
  StringNotEquals: { category: "String", negated: true, test: oneOf },
  StringEqualsIgnoreCase: { category: "String", negated: false, test: oneOfIgnoringCase },
  StringNotEqualsIgnoreCase: { category: "String", negated: true, test: oneOfIgnoringCase },
  StringLike: { category: "Pattern", negated: false, test: like },
  StringNotLike: { category: "Pattern", negated: true, test: like },
  NumericEquals: numeric(equal),
  NumericNotEquals: { ...numeric(equal), negated: true },
  NumericLessThan: numeric(less),
  NumericLessThanEquals: numeric(lessOrEqual),
  NumericGreaterThan: numeric(greater),
  NumericGreaterThanEquals: numeric(greaterOrEqual),
  DateEquals: date(equal),
  DateNotEquals: { ...date(equal), negated: true },
  DateLessThan: date(less),
  DateLessThanEquals: date(lessOrEqual),
  DateGreaterThan: date(greater),
  DateGreaterThanEquals: date(greaterOrEqual),
  Bool: { category: "Bool", negated: false, test: oneOf },
  IpAddress: { category: "IpAddress", negated: false, test: withinOne },
  NotIpAddress: { category: "IpAddress", negated: true, test: withinOne },
};

interface CategoryDefinition {
  readonly allowed: string;
  readonly isValue: (text: string) => boolean;
}

const CATEGORIES: Readonly<Record<Category, CategoryDefinition>> = {
  String: { allowed: "a string", isValue: () => true },
  Pattern: {
    allowed: `a string with wildcards * and ?, ${PATTERN_ALLOWED}`,
    isValue: isPattern,
  },
  Numeric: {
    allowed: "a decimal number of at most 15 digits",
    isValue: (text) => parseNumber(text) !== undefined,
  },
  Date: {
    allowed: 'a time such as "2026-11-22T08:00:00Z" or "2026-11-22T16:00:00+08:00"',
    isValue: (text) => parseInstant(text) !== undefined,
  },
  Bool: { allowed: '"true" or "false"', isValue: (text) => text === "true" || text === "false" },
  IpAddress: {
    allowed: "an IPv4 or IPv6 address, or a range such as 10.0.0.0/8 or 2001:db8::/32",
    isValue: (text) => parseIpRange(text) !== undefined,
  },
};

export function categoryOf(operator: ConditionOperator): Category {
  return DEFINITIONS[operator].category;
}

/** What a condition's values may be, for error messages. */
export function allowedValues(operator: ConditionOperator): string {
  return CATEGORIES[categoryOf(operator)].allowed;
}

export function isConditionValue(operator: ConditionOperator, text: string): boolean {
  return CATEGORIES[categoryOf(operator)].isValue(text);
}

/** Whether the operator holds where nothing matches. */
export function isNegated(operator: ConditionOperator): boolean {
  return DEFINITIONS[operator].negated;
}

/** A test of one value against those of a condition, any of which may match; negation is not part of it. */
export function valueTest(operator: ConditionOperator, values: readonly string[]): ValueTest {
  return DEFINITIONS[operator].test(values);
}

export function isOfDates(operator: ConditionOperator): boolean {
  return categoryOf(operator) === "Date";
}

/** Between which milliseconds a condition on dates may change: from the one before each of these to it. */
export function changePoints(values: readonly string[]): readonly number[] {
  const instants = values.map(parseInstant).filter((instant) => instant !== undefined);
  return instants.flatMap((instant) => [instant, instant + 1]);
}

function numeric(compare: Comparison): OperatorDefinition {
  return { category: "Numeric", negated: false, test: (values) => comparing(parseNumber, compare, values) };
}

function date(compare: Comparison): OperatorDefinition {
  return { category: "Date", negated: false, test: (values) => comparing(findInstant, compare, values) };
}

function comparing(
  parse: (text: string) => number | undefined,
  compare: Comparison,
  values: readonly string[],
): ValueTest {
  const limits = values.map(parse).filter((limit) => limit !== undefined);
  return (text) => {
    const value = parse(text);
    return value !== undefined && limits.some((limit) => compare(value, limit));
  };
}

function oneOf(values: readonly string[]): ValueTest {
  const [only] = values;
  if (values.length === 1) return (value) => value === only;
  const known = new Set(values);
  return (value) => known.has(value);
}

function oneOfIgnoringCase(values: readonly string[]): ValueTest {
  const isKnown = oneOf(values.map((value) => value.toLowerCase()));
  const longest = Math.max(...values.map((value) => value.toLowerCase().length));
  // No text is shorter in lower case: what is longer as it is need not be made so.
  return (value) => value.length <= longest && isKnown(value.toLowerCase());
}

function like(values: readonly string[]): ValueTest {
  const wildcards = values.map((value) => new Wildcard(value));
  return (value) => wildcards.some((wildcard) => wildcard.matches(value));
}

function withinOne(values: readonly string[]): ValueTest {
  const ranges = values.map(parseIpRange).filter((range) => range !== undefined);
  return (value) => {
    const address = findAddress(value);
    return address !== undefined && ranges.some((range) => range.contains(address));
  };
}
