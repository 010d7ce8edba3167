import type { RpcRequest } from "@cinnabar/rpc";

const ACCOUNT = "1234567890123456";
const VENDOR = "6543210987654321";
const KEY = `acs:kms:cn-hangzhou:${ACCOUNT}:key/5c438b18-05be-40ad-b6c2-3be6752c3d8f`;
const DEPLOYER = `acs:ram::${ACCOUNT}:role/deployer`;
const CI = `acs:ram::${ACCOUNT}:role/ci`;
interface Principal {
  readonly type: string;
  readonly arn: string;
  readonly actions: readonly string[];
  readonly certainty?: "Always" | "Perhaps";
  readonly groups?: readonly string[];
  readonly policies?: readonly string[];
  readonly except?: readonly string[];
}

const user = (name: string) => ({ type: "SubUser", arn: `acs:ram::${ACCOUNT}:user/${name}` });
const full = { policies: ["System/AliyunKMSFullAccess/v1"] };
const trust = { actions: ["sts:AssumeRole"], policies: ["Trust/deployer"] };

/** Two roles may assume each other; ben has no right to use the key but as one of them. */
const PRINCIPALS: Readonly<Record<string, readonly Principal[]>> = {
  "alias/reports": [
    { type: "RootUser", arn: `acs:ram::${ACCOUNT}:root`, actions: ["kms:Decrypt", "kms:DisableKey"] },
    { ...user("ann"), actions: ["kms:Decrypt"], groups: ["team"], policies: ["Custom/crypto/v3"] },
    { ...user("ben"), actions: ["kms:DisableKey"], ...full },
    { type: "Role", arn: DEPLOYER, actions: ["kms:Decrypt"], certainty: "Perhaps", ...full },
    {
      type: "Account",
      arn: `acs:ram::${VENDOR}:root`,
      actions: ["kms:Decrypt"],
      policies: ["Resource/default"],
      except: [`acs:ram::${VENDOR}:user/vic`],
    },
  ],
  [DEPLOYER]: [
    { ...user("ben"), ...trust },
    { type: "Role", arn: CI, ...trust },
  ],
  [CI]: [
    { type: "Role", arn: DEPLOYER, ...trust },
    { type: "Service", arn: "oss.aliyuncs.com", ...trust },
  ],
};

const right = (Action: string, ...roles: readonly string[]) => ({ Action, Roles: { Role: roles } });
const escalation = right("ram:CreatePolicyVersion");
const holder = (type: string, arn: string, using: object, managing: object) => ({
  ...whoIs(type, arn),
  Using: using,
  Managing: managing,
});

/** Who may both use a key and manage it. */
const BOTH: Readonly<Record<string, readonly object[]>> = {
  "alias/reports": [
    holder("SubUser", user("ben").arn, right("kms:Decrypt", "ci", "deployer"), right("kms:DisableKey")),
    holder("SubUser", user("zoe").arn, escalation, escalation),
    holder("Account", `acs:ram::${VENDOR}:root`, right("kms:Encrypt"), right("kms:DisableKey", "deployer")),
    holder("Service", "oss.aliyuncs.com", right("kms:Encrypt", "deployer"), right("kms:DisableKey", "deployer")),
  ],
};

/** One principal a page, so that there are several. */
export function listPrincipalsForAction({ parameters }: RpcRequest): Record<string, unknown> {
  const asked = [...parameters].filter(([name]) => name.startsWith("AuthAction.")).map(([, action]) => action);
  const resource = parameters.get("AuthResource") ?? "";
  const all = (PRINCIPALS[resource] ?? []).filter(({ actions }) => actions.some((action) => asked.includes(action)));
  const first = Number(parameters.get("Marker") ?? "0");
  return {
    AuthResource: resource === "alias/reports" || resource === "alias/unused" ? KEY : resource,
    Principals: { Principal: all.slice(first, first + 1).map((principal) => toView(principal, asked)) },
    ...(first + 1 < all.length ? { IsTruncated: true, Marker: String(first + 1) } : { IsTruncated: false }),
  };
}

function whoIs(type: string, arn: string): object {
  const accountId = arn.split(":")[3];
  return {
    Type: type,
    Arn: arn,
    ...(accountId !== undefined && { AccountId: accountId }),
    Name: arn.split(/[:/]/).at(-1),
    NeedsOwnPolicies: accountId === VENDOR,
  };
}

function toView(principal: Principal, asked: readonly string[]): object {
  const { type, arn, actions, certainty = "Always", groups = [], policies = [], except } = principal;
  return {
    ...whoIs(type, arn),
    Groups: { Group: groups },
    Actions: {
      Action: actions
        .filter((action) => asked.includes(action))
        .map((Name) => ({
          Name,
          Certainty: certainty,
          Statements: { Statement: policies.map((Policy) => ({ Policy, Index: 0 })) },
          ...(except && { Except: { Principal: except.map((Arn) => ({ Arn, Certainty: "Always" })) } }),
        })),
    },
  };
}

/** One principal a page here too. */
export function listPrincipalsWithBothRights({ parameters }: RpcRequest): Record<string, unknown> {
  const resource = parameters.get("AuthResource") ?? "";
  const all = BOTH[resource] ?? [];
  const first = Number(parameters.get("Marker") ?? "0");
  return {
    AuthResource: resource === "alias/reports" ? KEY : resource,
    Principals: { Principal: all.slice(first, first + 1) },
    ...(first + 1 < all.length ? { IsTruncated: true, Marker: String(first + 1) } : { IsTruncated: false }),
  };
}

/** Ann may, as the condition that she was asked about says; nobody else may. */
export function getAccessExplanation({ parameters }: RpcRequest): Record<string, unknown> {
  const field = (name: string) => parameters.get(name) ?? "";
  const isAnn = field("AuthPrincipal") === "user/ann" && field("AuthCondition.1.Value") === "10.0.0.1";
  const statement = { Policy: "Custom/crypto/v3", Index: 1, Sid: "from the office" };
  const nearly = {
    ...statement,
    Effect: "Allow",
    Element: "Condition",
    Reason: "acs:SourceIp must fulfil IpAddress 10.0.0.0/8, but has 127.0.0.1\u001b.",
  };
  const none = { Statement: [] };
  const gates = {
    identity: isAnn
      ? { Verdict: "Allow", Matched: { Statement: [{ Effect: "Allow", ...statement }] }, NearlyMatched: none }
      : { Verdict: "None", Matched: none, NearlyMatched: { Statement: [nearly] } },
    resource: { Verdict: "None", Matched: none, NearlyMatched: none },
  };
  const change = {
    Sentence: `Allow kms:Decrypt on ${KEY} in the policies of the caller.`,
    Remove: none,
    Add: { Statement: [{ Gate: "identity", Document: '{"Effect":"Allow","Action":["kms:Decrypt"]}' }] },
  };
  return {
    Decision: isAnn ? "Allowed" : "Denied",
    AuthPrincipal: `acs:ram::${ACCOUNT}:${field("AuthPrincipal")}`,
    AuthAction: field("AuthAction"),
    AuthResource: KEY,
    ...(isAnn ? { DecidedBy: statement } : { RefusedBy: "identity", SmallestChange: change }),
    Gates: { Gate: Object.entries(gates).map(([Name, gate]) => ({ Name, Required: "Either", ...gate })) },
  };
}
