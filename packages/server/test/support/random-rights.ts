import fc from "fast-check";

/** The accounts and names that random statements are about. */
export interface Names {
  readonly accountId: string;
  readonly otherId: string;
  readonly users: readonly string[];
  readonly roles: readonly string[];
  readonly otherUsers: readonly string[];
  readonly otherRoles: readonly string[];
  /** The domain of a service, and the ARN of a provider. */
  readonly service: string;
  readonly provider: string;
}

/** One account's policies, as they might be. */
export interface RandomRights {
  /** The statements of each custom policy. */
  readonly policies: readonly (readonly object[])[];
  /** Of each policy, to which of the holders it is attached. */
  readonly attached: readonly (readonly boolean[])[];
  readonly keyPolicy: readonly object[];
  readonly trust: readonly object[];
}

const POLICIES = 4;
const KEY_ACTIONS = ["kms:*", "kms:Encrypt", "kms:De*", "kms:GenerateDataKey*", "kms:?etKeyPolicy", "kms:DisableKey"];

/** @param holders - how many users, groups and roles policies may be attached to. */
export function randomRights(
  names: Names,
  { holders, isConditional }: { readonly holders: number; readonly isConditional: boolean },
): fc.Arbitrary<RandomRights> {
  const condition = isConditional
    ? fc.oneof(fc.constant(undefined), fc.constant(undefined), circumstance)
    : fc.constant(undefined);
  const effect = fc.constantFrom("Allow", "Allow", "Allow", "Allow", "Allow", "Deny");
  const someOf = (values: readonly string[], maxLength = 2) =>
    fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength });
  const statement = (parts: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> =>
    fc
      .record({ Effect: effect, Condition: condition, ...parts })
      .map(({ Condition, ...rest }) => (Condition === undefined ? rest : { ...rest, Condition }));
  const identity = fc.oneof(
    statement({
      Action: someOf([...KEY_ACTIONS, "sts:AssumeRole", "*"]),
      Resource: someOf(["*", `acs:kms:*:${names.accountId}:key/*`, "acs:kms:*:*:*", "acs:ram:*:*:role/target"]),
    }),
    statement({ NotAction: someOf([...KEY_ACTIONS, "sts:*"]), Resource: fc.constant("*") }),
  );
  const inKeyPolicy = someOf(
    [
      `acs:ram::${names.accountId}:root`,
      ...arns(names.accountId, names),
      `acs:ram::${names.otherId}:root`,
      ...arns(names.otherId, { users: names.otherUsers, roles: names.otherRoles }),
    ],
    3,
  );
  const principal = inKeyPolicy.map((RAM) => ({ RAM }));
  const inTrust = fc.oneof(
    principal,
    fc.constantFrom<object>(
      { Service: [names.service] },
      { Service: [names.service] },
      { Federated: [names.provider] },
      { Service: [names.service], Federated: [names.provider] },
    ),
  );
  return fc.record({
    policies: tuples(fc.array(identity, { minLength: 1, maxLength: 3 }), POLICIES),
    // Few enough that some have nothing but what the key's policy gives them.
    attached: tuples(tuples(fc.constantFrom(true, false, false, false), holders), POLICIES),
    keyPolicy: fc.array(
      statement({ Principal: principal, Action: someOf(KEY_ACTIONS, 3), Resource: fc.constant("*") }).map((each) =>
        sparingRoot(each, names.accountId),
      ),
      { minLength: 3, maxLength: 6 },
    ),
    trust: fc.array(statement({ Principal: inTrust, Action: fc.constant("sts:AssumeRole") }), {
      minLength: 1,
      maxLength: 4,
    }),
  });
}

/** The root, who asks, must be able to see the key's policy. */
function sparingRoot(statement: object, accountId: string): object {
  const text = JSON.stringify(statement);
  const isAgainstRoot = text.includes('"Deny"') && text.includes(`${accountId}:root`);
  return isAgainstRoot ? { ...statement, Action: ["kms:Encrypt", "kms:DisableKey"] } : statement;
}

function tuples<T>(each: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
  return fc.array(each, { minLength: length, maxLength: length });
}

function arns(accountId: string, { users, roles }: { users: readonly string[]; roles: readonly string[] }): string[] {
  return [
    ...users.map((name) => `acs:ram::${accountId}:user/${name}`),
    ...roles.map((name) => `acs:ram::${accountId}:role/${name}`),
  ];
}

/** Of each pair a call over plain HTTP from the machine itself fulfils one; keys are tagged `team: red`. */
const circumstance = fc.constantFrom<object>(
  { StringEquals: { "kms:tag/team": "red" } },
  { StringNotEquals: { "kms:tag/team": ["red", "blue"] } },
  { IpAddress: { "acs:SourceIp": "127.0.0.0/8" } },
  { NotIpAddress: { "acs:SourceIp": ["127.0.0.1", "::1"] } },
  { Bool: { "acs:SecureTransport": "true" } },
  { Bool: { "acs:SecureTransport": "false" } },
  { DateLessThan: { "acs:CurrentTime": "2001-01-01T00:00:00Z" } },
  { DateGreaterThan: { "acs:CurrentTime": "2001-01-01T00:00:00Z" } },
  { StringLike: { "acs:PrincipalARN": "acs:ram:*:*:role/*" } },
);
