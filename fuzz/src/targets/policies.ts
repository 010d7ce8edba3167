import {
  compilePolicy,
  decide,
  type DecisionInput,
  explain,
  parsePolicy,
  type Policy,
  PolicyError,
  type PolicyKind,
  PolicySet,
} from "@cinnabar/policy";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";

const ACCOUNT = "1000000000000001";
const KINDS = ["identity", "trust", "resource", "session"] as const satisfies readonly PolicyKind[];
const MAX_MESSAGE = 4_000;

/** Policy documents, each input read as every kind; what is taken is asked as well. */
export const policiesTarget: TargetDeclaration = {
  name: "policies",
  what: "policy documents of every kind",
  group: "process",
  weight: 80,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const principal = { RAM: [`acs:ram::${ACCOUNT}:*`, `acs:ram::${ACCOUNT}:user/alice`] };
  const conditions = {
    StringLike: { "kms:tag/team": ["a*", "?b"] },
    IpAddress: { "acs:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] },
    DateLessThan: { "acs:CurrentTime": "2027-01-01T00:00:00Z" },
    NumericEquals: { "ecs:Count": 1.5 },
    Bool: { "acs:SecureTransport": true },
  };
  const about = { Effect: "Allow", Action: ["kms:Encrypt", "KMS:De*"] };
  const statements = [
    { ...about, Sid: "all elements", Resource: ["acs:kms:*:*:key/k?", "*"], Condition: conditions },
    { Effect: "Deny", NotAction: "kms:*", Resource: "*" },
    { ...about, Principal: principal, Resource: "*", Condition: conditions },
    { Effect: "Allow", Action: "sts:AssumeRole", Principal: { ...principal, Service: "oss.aliyuncs.com" } },
  ];
  return {
    seeds: statements.map((statement) => Buffer.from(JSON.stringify({ Version: "1", Statement: [statement] }))),
    attempt(input) {
      const outcomes = KINDS.map((kind) => read(input, kind));
      return outcomes.find((outcome) => outcome === "read") ?? outcomes[0] ?? "";
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function read(input: Uint8Array, kind: PolicyKind): string {
  let policy: Policy;
  try {
    policy = parsePolicy(input, kind);
  } catch (error) {
    if (error instanceof PolicyError && error.message.length > MAX_MESSAGE)
      throw new Violation("a message is too long");
    return refusal(error, PolicyError);
  }
  const document = JSON.parse(Buffer.from(input).toString()) as { Statement: { Effect: string }[] };
  const effects = document.Statement.map(({ Effect }) => Effect);
  if (policy.statements.some(({ effect }, i) => effect !== effects[i]))
    throw new Violation("an effect is read otherwise");
  ask(policy);
  return "read";
}

/** A decision and its explanation agree, and no policy allows what none of its statements allows. */
function ask(policy: Policy): void {
  const set = new PolicySet([compilePolicy(policy, { type: "Custom", name: "fuzzed" })]);
  const arn = `acs:ram::${ACCOUNT}:user/alice`;
  const input: DecisionInput = {
    request: {
      action: policy.kind === "trust" ? "sts:AssumeRole" : "kms:Encrypt",
      resource: `acs:kms:cn-hangzhou:${ACCOUNT}:key/k1`,
      principal: { kind: "user", accountId: ACCOUNT, name: "alice", arn },
      conditions: new Map([
        ["acs:currenttime", "2026-11-22T08:00:00.000Z"],
        ["acs:securetransport", "true"],
        ["acs:sourceip", "10.1.2.3"],
        ["ecs:count", "1.5"],
        ["kms:tag/team", "ab"],
      ]),
    },
    resourceAccountId: ACCOUNT,
    identity: set,
    resourcePolicy: set,
  };
  const { allowed } = decide(input);
  const { decision, smallestChange } = explain(input);
  if (decision.allowed !== allowed || (smallestChange === undefined) !== allowed) {
    throw new Violation("an explanation says something else");
  }
  if (allowed && policy.statements.every(({ effect }) => effect === "Deny")) throw new Violation("a Deny allows");
}
