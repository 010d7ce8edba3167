import { type CompiledPolicy, compilePolicy, parsePolicy } from "@cinnabar/policy";

/** A policy that every account has, under the name that Alibaba Cloud gives it. Nobody can change or delete it. */
export interface SystemPolicy {
  readonly name: string;
  readonly description: string;
  /** The number of the version that is in force, as published; earlier ones are not kept. */
  readonly version: number;
  /** When Alibaba Cloud made it and last changed it, in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly document: string;
  readonly compiled: CompiledPolicy;
}

interface Statement {
  readonly Effect: "Allow";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

interface Source extends Pick<SystemPolicy, "description" | "version"> {
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly updated?: string;
  readonly statements: readonly Statement[];
}

const allow = (
  Action: Statement["Action"],
  Resource: Statement["Resource"] = "*",
  Condition?: Statement["Condition"],
): Statement => ({ Effect: "Allow", Action, Resource, ...(Condition !== undefined && { Condition }) });

const allowServiceLinkedRoles = (...services: readonly string[]): Statement =>
  allow("ram:CreateServiceLinkedRole", "*", { StringEquals: { "ram:ServiceName": services } });

const TAG_KEYS_AND_SECRETS = allow(
  ["ecs:TagResources", "ecs:UntagResources", "ecs:ListTagResources"],
  ["acs:kms:*:*:key/*", "acs:kms:*:*:secret/*"],
);

/**
 * What each policy says, as the page of its name says it (Alibaba Cloud RAM, "System policies reference"). AdministratorAccess and
 * AliyunRAMFullAccess have no such page: of these the names and what they allow are published (Alibaba Cloud RAM,
 * "Authorization policies": to manage all resources, to manage RAM), which is what they say here. Neither their versions nor
 * their times are published: they have the times of AliyunRAMReadOnlyAccess. Left out is ram:PassRole in AliyunActionTrailFullAccess, which no operation here asks for.
 */
const SOURCES: Readonly<Record<string, Source>> = {
  AdministratorAccess: {
    description: "Everything, on all resources of the account.",
    version: 1,
    created: "2015-04-28T16:15:45Z",
    statements: [allow("*")],
  },
  AliyunKMSFullAccess: {
    description: "Everything in KMS.",
    version: 3,
    created: "2018-03-09T07:41:38Z",
    updated: "2021-03-02T07:23:38Z",
    statements: [
      allow("kms:*"),
      allowServiceLinkedRoles("secretsmanager-rds.kms.aliyuncs.com", "keystore.kms.aliyuncs.com"),
    ],
  },
  AliyunKMSReadOnlyAccess: {
    description: "Looking at everything in KMS; using no key and reading no secret.",
    version: 3,
    created: "2018-03-09T07:41:41Z",
    updated: "2025-09-23T07:48:22Z",
    statements: [
      allow([
        "kms:List*",
        "kms:Describe*",
        "kms:GetPublicKey",
        "kms:GetKmsInstance",
        "kms:GetKmsInstanceQuotaInfos",
        "kms:GetKmsInstanceSharedAccounts",
        "kms:GetDefaultKmsInstance",
        "kms:GetKeyPolicy",
        "kms:GetKeyDefaultPolicy",
        "kms:GetSecretPolicy",
        "kms:GetSecretDefaultPolicy",
        "kms:GetUploadBackupDataInfo",
        "kms:GetCheckAssociateResourceTaskResults",
      ]),
    ],
  },
  AliyunKMSCryptoAdminAccess: {
    description: "Managing and using keys and their aliases.",
    version: 2,
    created: "2020-03-04T14:42:11Z",
    updated: "2023-06-26T13:51:02Z",
    statements: [allow(["kms:*"], ["acs:kms:*:*:key*", "acs:kms:*:*:alias*"]), TAG_KEYS_AND_SECRETS],
  },
  AliyunKMSCryptoUserAccess: {
    description: "Using keys for cryptography.",
    version: 2,
    created: "2020-03-04T14:42:20Z",
    updated: "2026-07-09T10:01:22Z",
    statements: [
      allow([
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:AsymmetricDecrypt",
        "kms:AsymmetricEncrypt",
        "kms:AsymmetricSign",
        "kms:AsymmetricVerify",
        "kms:GetPublicKey",
        "kms:GenerateMac",
        "kms:VerifyMac",
      ]),
    ],
  },
  AliyunKMSSecretAdminAccess: {
    description: "Managing and reading secrets.",
    version: 5,
    created: "2020-03-04T14:44:44Z",
    updated: "2023-06-26T13:51:26Z",
    statements: [
      allow("kms:*", "acs:kms:*:*:secret*"),
      allow("kms:GetRandomPassword"),
      allow([
        "rds:DescribeDBInstances",
        "rds:DescribeDBInstanceAttribute",
        "rds:DescribeDatabases",
        "rds:DescribeAccounts",
        "rds:DescribeDBInstanceNetInfo",
        "rds:CreateAccount",
        "rds:GrantAccountPrivilege",
      ]),
      allow("ecs:DescribeInstances", "acs:ecs:*:*:instance/*"),
      TAG_KEYS_AND_SECRETS,
      allowServiceLinkedRoles("secretsmanager-rds.kms.aliyuncs.com", "secretsmanager-ecs.kms.aliyuncs.com"),
    ],
  },
  AliyunKMSSecretUserAccess: {
    description: "Reading secrets. A secret under a key of the account's own needs kms:Decrypt beside it.",
    version: 1,
    created: "2020-03-04T14:41:59Z",
    statements: [allow(["kms:GetSecretValue"]), allow(["kms:DescribeSecret", "kms:ListSecretVersionIds"])],
  },
  AliyunRAMFullAccess: {
    description: "Managing users, groups, roles and policies: whoever has it can give themselves everything.",
    version: 1,
    created: "2015-04-28T16:15:45Z",
    statements: [allow("ram:*")],
  },
  AliyunRAMReadOnlyAccess: {
    description: "Looking at users, groups, roles and policies.",
    version: 3,
    created: "2015-04-28T16:15:45Z",
    updated: "2025-12-03T10:03:48Z",
    statements: [
      allow(["ram:Get*", "ram:List*", "ram:GenerateCredentialReport"]),
      allow(["accessanalyzer:Get*", "accessanalyzer:List*"]),
    ],
  },
  AliyunSTSAssumeRoleAccess: {
    description: "Assuming every role whose trust policy admits the caller.",
    version: 1,
    created: "2015-08-03T04:52:09Z",
    updated: "2017-04-27T16:48:07Z",
    statements: [allow("sts:AssumeRole")],
  },
  AliyunActionTrailFullAccess: {
    description: "Everything in ActionTrail.",
    version: 2,
    created: "2016-01-25T04:10:08Z",
    updated: "2020-08-05T05:32:30Z",
    statements: [allow("actiontrail:*"), allowServiceLinkedRoles("actiontrail.aliyuncs.com")],
  },
  AliyunActionTrailReadOnlyAccess: {
    description: "Looking up events, as auditors do.",
    version: 4,
    created: "2016-01-25T03:54:12Z",
    updated: "2022-06-27T07:06:44Z",
    statements: [
      allow([
        "actiontrail:Lookup*",
        "actiontrail:Describe*",
        "actiontrail:Get*",
        "actiontrail:Check*",
        "actiontrail:List*",
      ]),
    ],
  },
};

/** Every system policy by its name, in the order of the names. */
export const systemPolicies: ReadonlyMap<string, SystemPolicy> = new Map(
  Object.entries(SOURCES)
    .map(([name, source]) => [name, toSystemPolicy(name, source)] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1)),
);

function toSystemPolicy(
  name: string,
  { description, version, created, updated = created, statements }: Source,
): SystemPolicy {
  const document = JSON.stringify({ Version: "1", Statement: statements });
  return {
    name,
    description,
    version,
    createdAt: Date.parse(created),
    updatedAt: Date.parse(updated),
    document,
    compiled: compilePolicy(parsePolicy(document, "identity"), { type: "System", name, version: `v${version}` }),
  };
}
