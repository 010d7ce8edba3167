import {
  compilePolicy,
  decide,
  type DecisionInput,
  parsePolicy,
  PolicyError,
  type PolicyKind,
  type PolicyRequest,
  PolicySet,
} from "@cinnabar/policy";
import { type Goal, judge } from "./goal.ts";
import { layOut } from "./table.ts";
import {
  IDENTITY_BYTES,
  IDENTITY_POLICIES,
  KEY_BYTES,
  WORST_DECISIONS,
  type WorstDecision,
} from "./worst-decisions.ts";
import { patternPolicy, WORST_DOCUMENTS, WORST_PATTERNS } from "./worst-policies.ts";

const ACCOUNT = "1000000000000001";
const POLICIES = 10;
const STATEMENTS = 20;
const KEYS = 1_000;

const DOCUMENT_BYTES = [65_536, 131_072, 262_144, 524_288, 1_048_576];
const TEXT_CHARACTERS = [4_096, 8_192, 16_384, 32_768, 65_536];
const REFUSED_BYTES = 10_000_000;
/** Memory that must be had, and noise, slow the largest by some; growth with the square would leave 0.06 of this. */
const LINEAR_FLOOR = 0.2;
/** What takes less is not told from the clock. */
const LEAST_MILLIS = 0.2;

/** No decision may keep all others waiting for longer. */
const WORST_MILLIS = 20;

export interface PolicyBenchOptions {
  /** How often each is measured; the fastest counts. */
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface Growth {
  readonly name: string;
  readonly sizes: readonly number[];
  /** The fastest time for each size, in milliseconds. */
  readonly millis: readonly number[];
}

export interface PolicyBenchResult {
  readonly documents: readonly Growth[];
  readonly patterns: readonly Growth[];
  /** How long 10 MB took to be refused, the slowest document of all, in milliseconds. */
  readonly refusedMillis: number;
  /** How long one decision takes with as many and as large policies as may be, in milliseconds. */
  readonly worst: readonly { readonly name: string; readonly millis: number; readonly kib: number }[];
  readonly decisions: readonly { readonly name: string; readonly perSecond: number }[];
}

/** Measures the worst policies that can be given, and decisions with as many as a user may well have. */
export function runPolicyBench({ rounds, progress }: PolicyBenchOptions): PolicyBenchResult {
  progress("worst documents");
  const documents = WORST_DOCUMENTS.map(({ name, make }) => {
    const read = (document: string): void => void takeOrRefuse(document, "identity", 2 * document.length);
    return measureGrowth({ name, sizes: DOCUMENT_BYTES, rounds, make, work: read });
  });
  progress("worst patterns");
  const patterns = WORST_PATTERNS.map(({ name, pattern, text }) => {
    const set = compiled([patternPolicy(pattern)]);
    const match = (value: string): void => void set.evaluate(requestOf({ get: () => value }));
    return measureGrowth({ name, sizes: TEXT_CHARACTERS, rounds, make: text, work: match });
  });
  progress("worst decisions");
  const worst = WORST_DECISIONS.map((each) => measureWorst(each, rounds));
  progress("decisions");
  const refused = WORST_DOCUMENTS.map(({ make }) => make(REFUSED_BYTES));
  const refusals = refused.map((document) => fastest(rounds, () => void takeOrRefuse(document, "identity")));
  return { documents, patterns, worst, refusedMillis: Math.max(...refusals), decisions: measureDecisions(rounds) };
}

export function policyGoals({ documents, patterns, worst }: PolicyBenchResult): Goal[] {
  const goalOf = (goal: string, growths: readonly Growth[]): Goal =>
    judge(goal, { ratio: Math.min(...growths.map(linearity)), floor: LINEAR_FLOOR });
  const slowest = Math.max(...worst.map(({ millis }) => millis));
  return [
    goalOf("policy-documents-linear", documents),
    goalOf("policy-patterns-linear", patterns),
    judge("policy-worst-decision", { ratio: WORST_MILLIS / slowest, floor: 1 }),
  ];
}

/** What was measured, for people. */
export function policyReport({ documents, patterns, worst, refusedMillis, decisions }: PolicyBenchResult): string {
  const rows = decisions.map(({ name, perSecond }) => [name, perSecond.toFixed(0)]);
  return [
    "Reading the worst documents, in ms, by their size in KiB. Beyond a kind's limit they are refused unread:",
    `10 MB of the worst take ${refusedMillis.toFixed(2)} ms.`,
    "",
    growthTable(documents),
    "",
    "Matching the worst patterns, in ms, by the length of the text in Ki characters:",
    "",
    growthTable(patterns),
    "",
    `One decision with ${IDENTITY_POLICIES} policies of ${IDENTITY_BYTES} characters and a key's of ${KEY_BYTES}, in ms, and what the key's takes in memory:`,
    "",
    layOut(worst.map(({ name, millis, kib }) => [name, millis.toFixed(2), `${kib.toFixed(0)} KiB`])),
    "",
    `Decisions per second, with ${POLICIES} policies of ${STATEMENTS} statements and a key policy:`,
    "",
    layOut(rows),
  ].join("\n");
}

/** How many times the time would have grown if it grew with the size, to how many times it did: 1 if linear, less if more. */
function linearity({ sizes, millis }: Growth): number {
  const last = Math.max(millis.at(-1) ?? Number.NaN, LEAST_MILLIS);
  const first = Math.max(millis[0] ?? Number.NaN, LEAST_MILLIS);
  return (sizes.at(-1) ?? Number.NaN) / (sizes[0] ?? Number.NaN) / (last / first);
}

function growthTable(growths: readonly Growth[]): string {
  const sizes = (growths[0]?.sizes ?? []).map((size) => (size / 1_024).toFixed(0));
  const rows = growths.map((growth) => [
    growth.name,
    ...growth.millis.map((millis) => millis.toFixed(2)),
    `linear/measured ${linearity(growth).toFixed(2)}`,
  ]);
  return layOut([["", ...sizes, ""], ...rows]);
}

function measureGrowth({
  name,
  sizes,
  rounds,
  make,
  work,
}: {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly make: (size: number) => string;
  readonly work: (made: string) => void;
}): Growth {
  const inputs = sizes.map((size) => make(size));
  // The code is compiled before anything counts.
  for (const input of inputs) work(input);
  return { name, sizes, millis: inputs.map((input) => fastest(rounds, () => work(input))) };
}

function fastest(rounds: number, work: () => void): number {
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
  return Math.min(...times);
}

function takeOrRefuse(document: string, kind: PolicyKind, maxBytes?: number): boolean {
  try {
    const policy = parsePolicy(document, kind, maxBytes === undefined ? {} : { maxBytes });
    compilePolicy(policy, { type: "Custom", name: "worst" });
    return true;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return false;
  }
}

function measureWorst(
  { name, statements, values }: WorstDecision,
  rounds: number,
): { name: string; millis: number; kib: number } {
  const identity = compiled(Array.from({ length: IDENTITY_POLICIES }, () => policyOf(statements(IDENTITY_BYTES))));
  const resourcePolicy = compiled([keyPolicyOf(statements(KEY_BYTES))], "resource");
  let asked = 0;
  const conditions = { get: (key: string) => (key === "acs:mfapresent" ? "false" : values[asked++ % 2]) };
  const resource = `acs:kms:cn-hangzhou:${ACCOUNT}:key/7d0b5e8e-42d6-4d2a-8a5a-1f6a9c1b2c3d`;
  const work = (round: number): void => {
    // Nothing that is remembered of another decision helps.
    const request = { ...requestOf(conditions), resource: `${resource}${round}` };
    if (decide({ request, resourceAccountId: ACCOUNT, identity, resourcePolicy }).allowed) throw new Error(name);
  };
  let round = 0;
  for (let i = 0; i < 3; i++) work(round++);
  return { name, millis: fastest(rounds, () => work(round++)), kib: resourcePolicy.bytes / 1024 };
}

/** As many of the statements as fit, about all keys: such are those of a key's policy. */
function keyPolicyOf(statements: readonly object[]): string {
  const never = { Bool: { "acs:MFAPresent": "true" } };
  const about = { Action: "kms:*", Resource: "*", Principal: { RAM: [`acs:ram::${ACCOUNT}:*`] } };
  const taken: unknown[] = [];
  let room = KEY_BYTES - policyOf([]).length;
  for (const statement of statements) {
    const made = { Condition: never, ...statement, ...about };
    room -= JSON.stringify(made).length + 1;
    if (room < 0) break;
    taken.push(made);
  }
  return policyOf(taken);
}

function measureDecisions(rounds: number): { name: string; perSecond: number }[] {
  const keys = Array.from({ length: KEYS }, (_, i) => `acs:kms:cn-hangzhou:${ACCOUNT}:key/k${i}`);
  const resourcePolicy = compiled(
    [
      policyOf([
        { Effect: "Allow", Action: ["kms:*"], Resource: ["*"], Principal: { RAM: [`acs:ram::${ACCOUNT}:*`] } },
      ]),
    ],
    "resource",
  );
  const context: Readonly<Record<string, string>> = {
    "acs:currenttime": "2026-11-22T08:00:00.000Z",
    "acs:sourceip": "10.1.2.3",
    "acs:securetransport": "true",
  };
  const base = requestOf({ get: (key) => context[key] });
  const measure = (name: string, statement: (index: number) => unknown): { name: string; perSecond: number } => {
    const identity = compiled(
      Array.from({ length: POLICIES }, (_, i) =>
        policyOf(Array.from({ length: STATEMENTS }, (_, j) => statement(i * STATEMENTS + j))),
      ),
    );
    const inputs = keys.map((resource): DecisionInput => ({
      request: { ...base, resource },
      resourceAccountId: ACCOUNT,
      identity,
      resourcePolicy,
    }));
    const decideAll = (): void => {
      for (const input of inputs) decide(input);
    };
    for (let i = 0; i < 3; i++) decideAll();
    return { name, perSecond: (KEYS / fastest(rounds, decideAll)) * 1_000 };
  };
  return [
    measure("each statement about other actions, the last about all keys", (i) =>
      i < 199 ? allow(`kms:Action${i}`, "*") : allow("kms:Encrypt", "*"),
    ),
    measure("each statement about 5 keys by name", (i) => allow("kms:Encrypt", ...keys.slice(i * 5, i * 5 + 5))),
    measure("each statement about keys by a pattern", (i) => allow("kms:Encrypt", `acs:kms:*:${ACCOUNT}:key/k${i}*`)),
    measure("each statement about all keys, under three conditions, the last of which hold", (i) => ({
      ...allow("kms:*", "acs:kms:*:*:key/*"),
      Condition: {
        Bool: { "acs:SecureTransport": true },
        DateLessThan: { "acs:CurrentTime": "2027-01-01T00:00:00Z" },
        IpAddress: { "acs:SourceIp": i < 199 ? `192.168.${i}.0/24` : "10.0.0.0/8" },
      },
    })),
  ];
}

function allow(Action: string, ...Resource: readonly string[]): Readonly<Record<string, unknown>> {
  return { Effect: "Allow", Action, Resource };
}

function policyOf(statements: readonly unknown[]): string {
  return JSON.stringify({ Version: "1", Statement: statements });
}

function compiled(documents: readonly string[], kind: PolicyKind = "identity"): PolicySet {
  return new PolicySet(
    documents.map((document, i) => {
      const policy = parsePolicy(document, kind);
      return compilePolicy(policy, { type: kind === "resource" ? "Resource" : "Custom", name: `p${i}` });
    }),
  );
}

function requestOf(conditions: PolicyRequest["conditions"]): PolicyRequest {
  const arn = `acs:ram::${ACCOUNT}:user/alice`;
  const principal = { kind: "user", accountId: ACCOUNT, name: "alice", arn } as const;
  return { action: "kms:Encrypt", resource: `acs:kms:cn-hangzhou:${ACCOUNT}:key/k0`, principal, conditions };
}
