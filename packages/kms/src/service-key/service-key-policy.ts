import { compilePolicy, PolicySet, type Statement } from "@cinnabar/policy";
import { type KeyPolicy, POLICY_NAME } from "../policy/key-policy.ts";

/** What a service does with its key in an account. */
const OF_SERVICE = [
  "kms:Encrypt",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:DescribeKey",
];

/** What the account may do with it, where its own policies allow it: look (Alibaba Cloud KMS, "Key management FAQs"). */
const OF_ACCOUNT = ["kms:Describe*", "kms:List*", "kms:GetKeyPolicy", "kms:GetKeyUsage"];

/**
 * The policy of a service key. Nobody sets it, and it is not stored: the service alone uses the key, and a Deny binds the whole
 * account, its root included, to looking at it.
 */
export function serviceKeyPolicy({
  service,
  accountId,
}: {
  readonly service: string;
  readonly accountId: string;
}): KeyPolicy {
  const principal = `${service}.aliyuncs.com`;
  const common = { resources: ["*"], conditions: [] };
  const use: Statement = {
    ...common,
    sid: "the service uses its key",
    effect: "Allow",
    principals: [{ type: "service", name: principal }],
    exceptActions: false,
    actions: OF_SERVICE,
  };
  const guard: Statement = {
    ...common,
    sid: "nobody else uses or changes a service key",
    effect: "Deny",
    principals: [{ type: "account", accountId }],
    exceptActions: true,
    actions: OF_ACCOUNT,
  };
  const source = { type: "Resource", name: POLICY_NAME, isFixed: true } as const;
  const compiled = compilePolicy({ kind: "resource", statements: [use, guard] }, source);
  return { document: toDocument({ use, guard, principal, accountId }), statements: new PolicySet([compiled]) };
}

/** Lets a service make its key in an account. */
export function firstUsePolicy(service: string): PolicySet {
  const statement: Statement = {
    effect: "Allow",
    principals: [{ type: "service", name: `${service}.aliyuncs.com` }],
    exceptActions: false,
    actions: ["kms:CreateServiceKey"],
    resources: ["*"],
    conditions: [],
  };
  const source = { type: "Resource", name: "first use" } as const;
  return new PolicySet([compilePolicy({ kind: "resource", statements: [statement] }, source)]);
}

/** The same for people, as GetKeyPolicy tells it. */
function toDocument({
  use,
  guard,
  principal,
  accountId,
}: {
  readonly use: Statement;
  readonly guard: Statement;
  readonly principal: string;
  readonly accountId: string;
}): string {
  return JSON.stringify({
    Version: "1",
    Statement: [
      {
        Sid: use.sid,
        Effect: use.effect,
        Principal: { Service: [principal] },
        Action: use.actions,
        Resource: use.resources,
      },
      {
        Sid: guard.sid,
        Effect: guard.effect,
        Principal: { RAM: [`acs:ram::${accountId}:*`] },
        NotAction: guard.actions,
        Resource: guard.resources,
      },
    ],
  });
}
