import { randomInt } from "node:crypto";
import type { PolicyPrincipal } from "../src/index.ts";
import type { Document, DocumentStatement, Scenario } from "./reference.ts";

const OWNER = "1000000000000001";
const OTHER = "2000000000000002";

/** mulberry32: small, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** One, or an array of up to `most`. */
  oneOrMore<T>(most: number, make: () => T): T | T[] {
    return this.chance(40) ? make() : this.some(1, most, make);
  }

  some<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

/** One after the other from one by chance: another one in each run. A test says which of them it failed with. */
export function* seeds(count: number): Generator<number> {
  const first = randomInt(2 ** 28);
  for (let i = 0; i < count; i++) yield first + i;
}

export const PRINCIPALS: readonly PolicyPrincipal[] = [
  { kind: "root", accountId: OWNER, name: "root", arn: `acs:ram::${OWNER}:root` },
  { kind: "root", accountId: OTHER, name: "root", arn: `acs:ram::${OTHER}:root` },
  { kind: "user", accountId: OWNER, name: "alice", arn: `acs:ram::${OWNER}:user/alice` },
  { kind: "user", accountId: OWNER, name: "app", arn: `acs:ram::${OWNER}:user/app` },
  { kind: "user", accountId: OTHER, name: "alice", arn: `acs:ram::${OTHER}:user/alice` },
  { kind: "role", accountId: OWNER, name: "app", session: "s", arn: `acs:ram::${OWNER}:assumed-role/app/s` },
  { kind: "role", accountId: OTHER, name: "isv", session: "s", arn: `acs:ram::${OTHER}:assumed-role/isv/s` },
  {
    kind: "application",
    accountId: OWNER,
    name: "app",
    arn: `acs:kms:cn-hangzhou:${OWNER}:applicationaccesspoint/app`,
  },
  {
    kind: "application",
    accountId: OTHER,
    name: "app",
    arn: `acs:kms:cn-hangzhou:${OTHER}:applicationaccesspoint/app`,
  },
  { kind: "service", accountId: OWNER, name: "oss.aliyuncs.com", arn: "oss.aliyuncs.com" },
  {
    kind: "federated",
    accountId: OWNER,
    name: `acs:ram::${OWNER}:oidc-provider/ci`,
    arn: `acs:ram::${OWNER}:oidc-provider/ci`,
  },
];
const RAM_PRINCIPALS = [OWNER, OTHER].flatMap((uid) =>
  ["root", "*", "user/alice", "user/app", "role/app", "role/isv"].map((who) => `acs:ram::${uid}:${who}`),
);
const ACTIONS = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "KMS:encrypt", "ram:GetUser"];
const KMS_ACTIONS = ["kms:*", "kms:Encrypt", "KMS:ENCRYPT", "kms:De*", "kms:*crypt", "kms:?ecrypt", "kms:*c*p*t"];
const ACTION_PATTERNS = [...KMS_ACTIONS, "*", "*:*", "ram:*", "ram:Get*", "sts:AssumeRole", "?ms:Encrypt"];
const TRUST_ACTIONS = ["sts:AssumeRole", "sts:*", "STS:assume*"];
const resourcesOf = (uid: string): readonly string[] => [
  `acs:kms:cn-hangzhou:${uid}:key/k1`,
  `acs:kms:cn-hangzhou:${uid}:key/k2`,
  `acs:kms:cn-hangzhou:${uid}:secret/db/main:1`,
  `acs:kms:cn-hangzhou:${uid}:key`,
  `acs:ram::${uid}:role/app`,
  "*",
];
const RESOURCES: ReadonlyMap<string, readonly string[]> = new Map([OWNER, OTHER].map((uid) => [uid, resourcesOf(uid)]));
const RESOURCE_PATTERNS = [
  ...resourcesOf(OWNER),
  `acs:kms:cn-hangzhou:${OTHER}:key/k1`,
  "acs:kms:*:*:*",
  "acs:kms:*:*:key/*",
  "acs:kms:*:*:key*",
  "acs:kms:cn-*:*:key/k?",
  "acs:kms:cn-beijing:*:*",
  `acs:kms:*:${OTHER}:*`,
  `acs:*:*:${OWNER}:*1`,
  `acs:kms:*:${OWNER}:*e*r*t*`,
  "acs:ram:*:*:role/*",
  "acs:kms:*:*:Key/*",
];
const NOW = Date.parse("2026-11-22T08:00:00.000Z");
const INSTANTS = [
  "2026-11-22T08:00:00Z",
  "2026-11-22T16:00:00+08:00",
  "2026-11-22T07:59:59.999Z",
  "2026-11-22T08:00:00.001Z",
  "2026-01-01T00:00:00Z",
  "2027-01-01T00:00:00Z",
];
const TEXTS = ["dev", "Dev", "prod", "", "web-1", "größe", "💼"];
const LIKE = ["*", "d*", "?ev", "*-?", "?", "", "*o*", "??", "gr??e"];
const NUMBERS = ["1", "1.5", "-2", "10", "0"];
const ADDRESSES = ["10.1.2.3", "10.200.0.1", "192.168.0.7", "::1", "2001:db8::7", "::ffff:10.1.2.3", "::ffff:a01:203"];
const RANGES = [
  "10.0.0.0/8",
  "10.1.2.3",
  "0.0.0.0/0",
  "10.1.2.0/23",
  "::/0",
  "2001:db8::/33",
  "::1",
  "::ffff:10.0.0.0/104",
  "::/64",
];

const BUCKETS = ["acs:oss:cn-hangzhou:a:b1", "acs:oss:cn-hangzhou:c:b2"];
const ISSUERS = ["https://idp.example.com", "https://idp.example.com/"];

interface Key {
  readonly name: string;
  readonly operators: readonly string[];
  readonly values: readonly (string | number | boolean)[];
  readonly given: readonly string[];
}

const STRING_OPERATORS = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"];
const COMPARISONS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
const CURRENT_TIME: Key = {
  name: "acs:CurrentTime",
  operators: COMPARISONS.map((name) => `Date${name}`),
  values: INSTANTS,
  given: [],
};
/** A scenario is about some of them: so its conditions meet the values that it has. */
const KEYS_OF_ONE = 6;
const KEYS: readonly Key[] = [
  { name: "kms:tag/team", operators: STRING_OPERATORS, values: TEXTS, given: TEXTS },
  { name: "kms:tag/Team", operators: ["StringLike", "StringNotLike"], values: LIKE, given: TEXTS },
  {
    name: "acs:PrincipalARN",
    operators: ["StringLike"],
    values: ["*", "*/alice", "acs:*:user/*"],
    given: ["acs:x:user/alice"],
  },
  {
    name: "ecs:Count",
    operators: COMPARISONS.map((name) => `Numeric${name}`),
    values: [...NUMBERS, 1, 10],
    given: [...NUMBERS, "many"],
  },
  {
    name: "acs:SecureTransport",
    operators: ["Bool"],
    values: ["true", "false", true, false],
    given: ["true", "false"],
  },
  { name: "acs:SourceIp", operators: ["IpAddress", "NotIpAddress"], values: RANGES, given: ADDRESSES },
  { name: "ACS:sourceIP", operators: ["IpAddress"], values: RANGES, given: ADDRESSES },
  { name: "acs:MFAPresent", operators: ["Bool"], values: ["true", "false", true, false], given: ["true", "false"] },
  {
    name: "acs:SourceArn",
    operators: ["StringEquals", "StringLike", "StringNotLike"],
    values: [...BUCKETS, "acs:oss:*:*:b?", "acs:oss:*:a*"],
    given: BUCKETS,
  },
  { name: "acs:SourceAccount", operators: STRING_OPERATORS, values: [OWNER, OTHER], given: [OWNER, OTHER] },
  { name: "acs:ResourceTag/team", operators: STRING_OPERATORS, values: TEXTS, given: TEXTS },
  { name: "acs:resourceTag/Team", operators: ["StringLike", "StringNotLike"], values: LIKE, given: TEXTS },
  { name: "oidc:iss", operators: ["StringEquals", "StringNotEquals"], values: ISSUERS, given: ISSUERS },
  { name: "oidc:aud", operators: STRING_OPERATORS, values: ["cinnabar", "Other"], given: ["cinnabar", "other"] },
  {
    name: "oidc:sub",
    operators: ["StringLike", "StringNotLike"],
    values: ["repo:org/*:ref:main", "repo:org/a:*", "*"],
    given: ["repo:org/a:ref:main", "repo:org/b:ref:main", "repo:other/a:ref:main"],
  },
  { name: "sts:ExternalId", operators: STRING_OPERATORS, values: ["x-1", "X-1"], given: ["x-1", "X-1", "x-2"] },
  {
    name: "kms:InstanceId",
    operators: ["StringEquals", "StringNotEquals", "StringLike"],
    values: ["kst-1", "kst-*", "kst-2"],
    given: ["kst-1", "kst-2"],
  },
];

/** In lower case up to a slash. */
const LOOKED_UP_AS: ReadonlyMap<string, string> = new Map(
  KEYS.map(({ name }) => [name, name.replace(/^[^/]*/, (base) => base.toLowerCase())]),
);

/** A question and policies that often bear on it, and always the same for the same seed. */
export function randomScenario(seed: number): Scenario {
  const random = new Random(seed);
  const keys = randomKeys(random);
  const principal = random.pick(PRINCIPALS);
  const withinAccount = random.chance(20) ? "both" : "either";
  const resourceAccountId = random.chance(75) ? OWNER : OTHER;
  const action = withinAccount === "both" ? "sts:AssumeRole" : random.pick(ACTIONS);
  // Only what a policy of a resource may be about has one.
  const hasPolicy = /^(?:kms|sts):/i.test(action) && random.chance(80);
  const documents = (kind: Kind, most: number) => random.some(0, most, () => randomDocument(random, kind, keys));
  return {
    principal,
    action,
    resource: random.pick(RESOURCES.get(resourceAccountId)!),
    resourceAccountId,
    withinAccount,
    context: randomContext(random, keys),
    session: principal.kind === "role" && random.chance(40) ? documents("session", 1) : undefined,
    identity: documents("identity", 2),
    resourcePolicy: hasPolicy ? documents(withinAccount === "both" ? "trust" : "resource", 1) : undefined,
  };
}

/** Circumstances in which the same could be asked: other values of the keys that this scenario is about. */
export function otherContexts(seed: number, count: number): Scenario["context"][] {
  const random = new Random(seed);
  const keys = randomKeys(random);
  return Array.from({ length: count }, () => randomContext(random, keys));
}

function randomKeys(random: Random): Key[] {
  return random.some(KEYS_OF_ONE, KEYS_OF_ONE, () => random.pick(KEYS));
}

type Kind = "identity" | "session" | "trust" | "resource";

function randomDocument(random: Random, kind: Kind, keys: readonly Key[]): Document {
  return { Version: "1", Statement: random.some(1, 3, () => randomStatement(random, kind, keys)) };
}

function randomStatement(random: Random, kind: Kind, keys: readonly Key[]): DocumentStatement {
  const Condition = random.chance(45) ? { Condition: randomCondition(random, keys) } : {};
  const Effect = random.chance(75) ? "Allow" : "Deny";
  if (kind === "identity" || kind === "session") {
    const actions = random.oneOrMore(2, () => random.pick(ACTION_PATTERNS));
    const Resource = random.oneOrMore(3, () => random.pick(RESOURCE_PATTERNS));
    return random.chance(20)
      ? { Effect, NotAction: actions, Resource, ...Condition }
      : { Effect, Action: actions, Resource, ...Condition };
  }
  const Principal = { RAM: random.oneOrMore(3, () => random.pick(RAM_PRINCIPALS)) };
  if (kind === "resource") {
    const Action = random.oneOrMore(2, () => random.pick(KMS_ACTIONS));
    return { Effect, Action, Principal, Resource: random.chance(50) ? "*" : ["*"], ...Condition };
  }
  const others = random.chance(40)
    ? { Service: "oss.aliyuncs.com", Federated: [`acs:ram::${OWNER}:oidc-provider/ci`] }
    : {};
  const Action = random.oneOrMore(2, () => random.pick(TRUST_ACTIONS));
  return { Effect, Action, Principal: { ...Principal, ...others }, ...Condition };
}

function randomCondition(random: Random, keys: readonly Key[]): NonNullable<DocumentStatement["Condition"]> {
  const condition: Record<string, Record<string, (string | number | boolean)[] | string | number | boolean>> = {};
  for (const key of random.some(1, 2, () => (random.chance(25) ? CURRENT_TIME : random.pick(keys)))) {
    const values = random.oneOrMore(2, () => random.pick(key.values));
    (condition[random.pick(key.operators)] ??= {})[key.name] = values;
  }
  return condition;
}

function randomContext(random: Random, keys: readonly Key[]): Scenario["context"] {
  const context: Record<string, string | string[]> = {};
  for (const { name, given } of keys) {
    if (!random.chance(75)) continue;
    context[LOOKED_UP_AS.get(name)!] = random.chance(85)
      ? random.pick(given)
      : random.some(0, 2, () => random.pick(given));
  }
  context["acs:currenttime"] = new Date(NOW + random.pick([-1, 0, 0, 1, 86_400_000])).toISOString();
  return context;
}
