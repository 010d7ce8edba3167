import { isIPv4, isIPv6 } from "node:net";
import type { Decision, NearMiss, PolicyPrincipal } from "../src/index.ts";

/** A policy document as JSON has it; only what the random ones use. */
export interface Document {
  readonly Version: "1";
  readonly Statement: readonly DocumentStatement[];
}

export type OneOrMore<T> = T | readonly T[];

export interface DocumentStatement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Principal?: Readonly<Record<string, OneOrMore<string>>>;
  readonly Resource?: OneOrMore<string>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore<string | number | boolean>>>>>;
}

/** A question, and all the policies that bear on it. */
export interface Scenario {
  readonly principal: PolicyPrincipal;
  readonly action: string;
  readonly resource: string;
  readonly resourceAccountId: string;
  readonly withinAccount: "either" | "both";
  /** By names of condition keys in lower case, but for what stands behind a slash. */
  readonly context: Readonly<Record<string, OneOrMore<string>>>;
  readonly session: readonly Document[] | undefined;
  readonly identity: readonly Document[];
  readonly resourcePolicy: readonly Document[] | undefined;
}

export type Outcome = Pick<Decision & { allowed: false }, "gate" | "explicit"> | "allowed";
type Effect = "Deny" | "Allow" | "None";

/**
 * The rules once more, slowly and without anything of ours: what RAM's pages say of policies and the order in which they are
 * asked, what KMS's say of key policies, and our rule on whole accounts in them.
 */
export function referenceOutcome(scenario: Scenario): Outcome {
  const { principal, session, identity, resourcePolicy = [], resourceAccountId, withinAccount } = scenario;
  if (session !== undefined) {
    const narrowed = referenceEffect(session, scenario, false);
    if (narrowed !== "Allow") return { gate: "session", explicit: narrowed === "Deny" };
  }

  const hasOwnPolicies = ["user", "role", "application"].includes(principal.kind);
  const belongsToAnAccount = hasOwnPolicies || principal.kind === "root";
  const sameAccount = belongsToAnAccount && principal.accountId === resourceAccountId && withinAccount === "either";
  const a = hasOwnPolicies ? referenceEffect(identity, scenario, false) : "None";
  const b = referenceEffect(resourcePolicy, scenario, sameAccount);
  if (a === "Deny") return { gate: "identity", explicit: true };
  if (b === "Deny") return { gate: "resource", explicit: true };

  if (sameAccount) {
    if (principal.kind === "root" || a === "Allow" || b === "Allow") return "allowed";
    return { gate: "identity", explicit: false };
  }
  if (hasOwnPolicies && a !== "Allow") return { gate: "identity", explicit: false };
  return b === "Allow" ? "allowed" : { gate: "resource", explicit: false };
}

/** What documents say of the request together. */
export function referenceEffect(documents: readonly Document[], scenario: Scenario, accountIsItsRoot: boolean): Effect {
  const effects = documents
    .flatMap((document) => document.Statement)
    .filter((statement) => referenceApplies(statement, scenario, accountIsItsRoot))
    .map((statement) => statement.Effect);
  if (effects.includes("Deny")) return "Deny";
  return effects.includes("Allow") ? "Allow" : "None";
}

/** Whether a statement is about the request, all its elements taken together. */
export function referenceApplies(statement: DocumentStatement, scenario: Scenario, accountIsItsRoot: boolean): boolean {
  return (
    actionApplies(statement, scenario.action) &&
    resourceApplies(statement, scenario.resource) &&
    principalApplies(statement, scenario.principal, accountIsItsRoot) &&
    conditionsHold(statement, scenario.context)
  );
}

/** The elements of a statement that the request does not fit. */
export function referenceMisfits(
  statement: DocumentStatement,
  scenario: Scenario,
  accountIsItsRoot: boolean,
): readonly ("Action" | NearMiss["element"])[] {
  const fits = {
    Action: actionApplies(statement, scenario.action),
    Resource: resourceApplies(statement, scenario.resource),
    Principal: principalApplies(statement, scenario.principal, accountIsItsRoot),
    Condition: conditionsHold(statement, scenario.context),
  };
  return (["Action", "Resource", "Principal", "Condition"] as const).filter((element) => !fits[element]);
}

function actionApplies(statement: DocumentStatement, action: string): boolean {
  const isNamed = (patterns: OneOrMore<string>) =>
    list(patterns).some((pattern) => referenceLike(pattern.toUpperCase(), action.toUpperCase()));
  if (statement.NotAction !== undefined) return !isNamed(statement.NotAction);
  return isNamed(statement.Action ?? []);
}

function resourceApplies(statement: DocumentStatement, resource: string): boolean {
  if (statement.Resource === undefined) return true;
  return list(statement.Resource).some((pattern) => {
    if (pattern === "*") return true;
    const wanted = arnParts(pattern);
    const given = arnParts(resource);
    return wanted.length === given.length && wanted.every((part, i) => referenceLike(part, given[i] ?? ""));
  });
}

function arnParts(arn: string): string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, 4), parts.slice(4).join(":")].slice(0, Math.min(parts.length, 5));
}

function principalApplies(
  { Principal, Effect }: DocumentStatement,
  { kind, accountId, name }: PolicyPrincipal,
  accountIsItsRoot: boolean,
): boolean {
  if (Principal === undefined) return true;
  return Object.entries(Principal).some(([type, principals]) =>
    list(principals).some((principal) => {
      if (type === "Service") return kind === "service" && name === principal;
      if (type === "Federated") return kind === "federated" && name === principal;
      const [, , , uid, who] = principal.split(":");
      if (kind === "service" || kind === "federated" || uid !== accountId) return false;
      if (who === "root" || who === "*") return kind === "root" || Effect === "Deny" || !accountIsItsRoot;
      return who === `${kind}/${name}`;
    }),
  );
}

function conditionsHold({ Condition = {} }: DocumentStatement, context: Scenario["context"]): boolean {
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => {
      const slash = key.indexOf("/");
      const name = slash < 0 ? key.toLowerCase() : key.slice(0, slash).toLowerCase() + key.slice(slash);
      const given = list(context[name] ?? []);
      const wanted = list(values).map(String);
      if (operator === "NotIpAddress") return !anyPair("IpAddress", given, wanted);
      if (operator.includes("Not")) return !anyPair(operator.replace("Not", ""), given, wanted);
      return anyPair(operator, given, wanted);
    }),
  );
}

function anyPair(operator: string, given: readonly string[], wanted: readonly string[]): boolean {
  return given.some((value) => wanted.some((limit) => compare(operator, value, limit)));
}

function compare(operator: string, value: string, limit: string): boolean {
  switch (operator) {
    case "StringEquals":
    case "Bool":
      return value === limit;
    case "StringEqualsIgnoreCase":
      return value.toUpperCase() === limit.toUpperCase();
    case "StringLike":
      return referenceLike(limit, value);
    case "IpAddress":
      return referenceInRange(value, limit);
    default:
      break;
  }
  const [x, y] = operator.startsWith("Date")
    ? [Date.parse(value), Date.parse(limit)]
    : [Number.parseFloat(value), Number.parseFloat(limit)];
  switch (operator.replace(/^Date|^Numeric/, "")) {
    case "Equals":
      return x === y;
    case "LessThan":
      return x < y;
    case "LessThanEquals":
      return x <= y;
    case "GreaterThan":
      return x > y;
    case "GreaterThanEquals":
      return x >= y;
    default:
      throw new Error(`the reference does not know ${operator}`);
  }
}

/** By trying all that a star could stand for. */
function referenceLike(pattern: string, text: string): boolean {
  const p = Array.from(pattern);
  const t = Array.from(text);
  const matchesFrom = (i: number, j: number): boolean => {
    if (i === p.length) return j === t.length;
    if (p[i] === "*") return matchesFrom(i + 1, j) || (j < t.length && matchesFrom(i, j + 1));
    return j < t.length && (p[i] === "?" || p[i] === t[j]) && matchesFrom(i + 1, j + 1);
  };
  return matchesFrom(0, 0);
}

/** Both as whole numbers: an address is in a range if it differs in none of the range's leading bits. */
export function referenceInRange(address: string, range: string): boolean {
  const [base = "", length] = range.split("/");
  const one = addressNumber(address);
  const other = addressNumber(base);
  if (one === undefined || other === undefined || one.bits !== other.bits) return false;
  let bits = length === undefined ? other.bits : Number(length);
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  if (length !== undefined && isIPv6(base) && other.bits === 32) bits -= 96;
  const rest = BigInt(other.bits - bits);
  return one.number >> rest === other.number >> rest;
}

function addressNumber(text: string): { number: bigint; bits: 32 | 128 } | undefined {
  if (isIPv4(text)) return { number: text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), bits: 32 };
  if (!isIPv6(text)) return undefined;
  // The URL parser writes an address in full but for the longest run of zeros, and without dots.
  const written = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = "", tail = ""] = written.split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail.split(":").filter(Boolean);
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  const number = groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
  return number >> 32n === 0xffffn ? { number: number & 0xffff_ffffn, bits: 32 } : { number, bits: 128 };
}

function list<T>(values: OneOrMore<T>): readonly T[] {
  return Array.isArray(values) ? values : [values as T];
}
