import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { DeclaredOperation } from "@cinnabar/kernel";
import { removedOperations } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import { callsOnKey } from "./support/application.ts";
import {
  type ApplicationName,
  type CallerName,
  callerNames,
  RightsWorld,
  SOME_POLICY,
  type Things,
} from "./support/rights-world.ts";
import type { Wire } from "./support/two-accounts.ts";

/*
 * Who may do what: every operation that is served, called by callers with rights of each kind. What is expected stands here
 * operation by operation, as Alibaba Cloud's pages have it ("Use RAM to control access to KMS resources", "SetKeyPolicy",
 * "Policy evaluation process", and the pages of system policies), and where they are silent docs/key-policies.md. An operation
 * that this matrix does not know makes it fail.
 */

const EVERYBODY = callerNames;
/** Whose policies allow them all of KMS, but on what their own account has. */
const IN_THEIR_OWN_ACCOUNT: readonly CallerName[] = ["crossAccountUser", "stranger"];
const ROOT: readonly CallerName[] = ["root"];
const ADMINISTRATORS: readonly CallerName[] = ["root", "administrator"];
const USERS: readonly CallerName[] = ["root", "keyUser", "crossAccountUser"];

interface Row {
  readonly may: readonly CallerName[];
  /** Parameters of a good call. */
  readonly wire?: (things: Things) => Wire;
  /** What is done before that, by the root. */
  readonly first?: (things: Things) => readonly [action: string, wire: Wire];
  /** What is done before, by the root. */
  readonly before?: (things: Things) => readonly [action: string, wire: Wire];
  /** What whoever may is answered where the call, though allowed, cannot succeed here. */
  readonly answer?: string;
  /** The right that it asks for, where that is not called as it is itself. */
  readonly asks?: string;
  /** How it is refused to another account, where it is about what only this one has; else as in the own account. */
  readonly hiddenAs?: string;
  /** How it is refused to whom no right could help. */
  readonly never?: readonly [code: string, ...CallerName[]];
}

const KEY_NOT_FOUND = { hiddenAs: "Forbidden.KeyNotFound" };
const INSTANCE_NOT_FOUND = { hiddenAs: "Forbidden.DKMSInstanceNotFound" };
const SHARE_NOT_FOUND = { hiddenAs: "EntityNotExists.ResourceShare" };
const NO_PAIR = { ...KEY_NOT_FOUND, answer: "Rejected.UnsupportedOperation" };
const NOT_IMPORTED = { ...KEY_NOT_FOUND, answer: "Unsupported.Origin" };
const ALIAS_NOT_FOUND = { hiddenAs: "Forbidden.AliasNotFound" };
const DEVICE_NOT_FOUND = { hiddenAs: "EntityNotExist.VirtualMFADevice" };
const RESOURCE_NOT_FOUND = { hiddenAs: "InvalidResourceId.NotFound" };

const onKey =
  (more: Wire = {}) =>
  ({ key }: Things): Wire => ({ KeyId: key, ...more });
const onInstance =
  (more: Wire = {}) =>
  ({ instanceId }: Things): Wire => ({ KmsInstanceId: instanceId, ...more });
const tagged =
  (action: string) =>
  ({ keyId }: Things) =>
    [action, { KeyId: keyId, Tags: TAGS }] as const;
const versionOf = ({ blob }: Things): string => Buffer.from(blob, "base64").toString("latin1", 0, 36);
const onVersion =
  (more: Wire = {}) =>
  (things: Things): Wire => ({ KeyId: things.key, KeyVersionId: versionOf(things), ...more });
const DIGEST = Buffer.alloc(32).toString("base64");
/** Whoever a data key is exported to. */
const RECEIVER = {
  PublicKeyBlob: generateKeyPairSync("rsa", { modulusLength: 2048 })
    .publicKey.export({ type: "spki", format: "der" })
    .toString("base64"),
  WrappingKeySpec: "RSA_2048",
  WrappingAlgorithm: "RSAES_OAEP_SHA_256",
};
const TAGS = '[{"TagKey":"k","TagValue":"v"}]';
const REGION_ID = { RegionId: "cn-hangzhou", ResourceType: "key" };

const makeRule = ({ name }: Things) => ["CreateNetworkRule", { Name: name, Type: "Private" }] as const;
const makePolicy = ({ name }: Things) =>
  [
    "CreatePolicy",
    { Name: name, Permissions: '["RbacPermission/Template/CryptoServiceKeyUser"]', Resources: '["key/*"]' },
  ] as const;
const makeAccessPoint = ({ name }: Things) =>
  ["CreateApplicationAccessPoint", { Name: name, Policies: JSON.stringify([name]) }] as const;
const theName = ({ name }: Things): Wire => ({ Name: name });
/** Names are each account's own: in another one they name nothing. */
const NAME_NOT_FOUND = { hiddenAs: "Forbidden.ResourceNotFound" };
const RULE = { may: ROOT, wire: theName, before: makeRule, ...NAME_NOT_FOUND };
const APPLICATION_POLICY = { may: ROOT, wire: theName, before: makePolicy, ...NAME_NOT_FOUND };
const ACCESS_POINT = { may: ROOT, wire: theName, first: makePolicy, before: makeAccessPoint, ...NAME_NOT_FOUND };
/** Of a client key that there is not, nobody hears more. */
const NO_CLIENT_KEY: Row = {
  may: [],
  wire: () => ({ ClientKeyId: "KAAP.00000000-0000-4000-8000-000000000000" }),
  never: ["Forbidden.ResourceNotFound", ...EVERYBODY],
};

/** What gives applications their access: no key policy speaks of it. */
const ACCESS: Readonly<Record<string, Row>> = {
  ListNetworkRules: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  ListPolicies: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  ListApplicationAccessPoints: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  ListClientKeys: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  CreateNetworkRule: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT], wire: (things) => makeRule(things)[1] },
  CreatePolicy: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT], wire: (things) => makePolicy(things)[1] },
  CreateApplicationAccessPoint: {
    may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT],
    wire: (things) => makeAccessPoint(things)[1],
    answer: "Forbidden.ResourceNotFound",
  },
  DescribeNetworkRule: RULE,
  UpdateNetworkRule: RULE,
  DeleteNetworkRule: RULE,
  DescribePolicy: APPLICATION_POLICY,
  UpdatePolicy: APPLICATION_POLICY,
  DeletePolicy: APPLICATION_POLICY,
  DescribeApplicationAccessPoint: ACCESS_POINT,
  UpdateApplicationAccessPoint: ACCESS_POINT,
  DeleteApplicationAccessPoint: ACCESS_POINT,
  CreateClientKey: { ...ACCESS_POINT, wire: ({ name }) => ({ AapName: name, Password: "Passw0rd" }) },
  GetClientKey: NO_CLIENT_KEY,
  DeleteClientKey: NO_CLIENT_KEY,
};

const KMS: Readonly<Record<string, Row>> = {
  ...ACCESS,
  // Of the account, on nothing that it has: RAM policies alone decide.
  CreateKey: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  // An account has one such key, and this none: whoever may is told so.
  EnableDefaultKey: {
    may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT],
    wire: () => ({ Origin: "EXTERNAL", EnableAutomaticRotation: "true" }),
    answer: "InvalidParameter",
    asks: "kms:CreateKey",
  },
  ListKeys: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  ListAliases: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  DescribeAccountKmsStatus: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  OpenKmsService: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT], answer: "Forbidden.Opened" },
  // Of instances no key policy speaks.
  ListKmsInstances: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  GetDefaultKmsInstance: { may: [...ROOT, ...IN_THEIR_OWN_ACCOUNT] },
  GetKmsInstance: { may: ROOT, wire: onInstance(), ...INSTANCE_NOT_FOUND },
  GetKmsInstanceQuotaInfos: { may: ROOT, wire: onInstance(), ...INSTANCE_NOT_FOUND },
  ConnectKmsInstance: {
    may: ROOT,
    wire: onInstance({ KMProvider: "Aliyun", VpcId: "vpc-1", ZoneIds: "a,b", VSwitchIds: "vsw-1" }),
    ...INSTANCE_NOT_FOUND,
  },
  UpdateKmsInstance: { may: ROOT, wire: onInstance({ InstanceName: "text" }), ...INSTANCE_NOT_FOUND },
  UpdateKmsInstanceBindVpc: { may: ROOT, wire: onInstance({ BindVpcs: "[]" }), ...INSTANCE_NOT_FOUND },
  ReleaseKmsInstance: { may: ROOT, wire: onInstance(), ...INSTANCE_NOT_FOUND },
  // Without authorization.
  DescribeRegions: { may: EVERYBODY },
  DescribeService: { may: EVERYBODY },
  // List*, Describe*, Enable*, Disable*, Get*, Set*, Update*, Cancel* and some by name are for administrators.
  DescribeKey: { may: [...USERS, "administrator"], wire: onKey(), ...KEY_NOT_FOUND },
  // These two take an id, and by its id no account finds another one's key.
  ListAliasesByKeyId: { may: ["root", "administrator", "keyUser"], wire: onKey(), ...KEY_NOT_FOUND },
  TagResource: { may: ["root", "administrator", "keyUser"], wire: onKey({ Tags: TAGS }), ...KEY_NOT_FOUND },
  ListResourceTags: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  ListTagResources: {
    may: ADMINISTRATORS,
    wire: ({ keyId }) => ({ ...REGION_ID, "ResourceId.1": keyId }),
    ...RESOURCE_NOT_FOUND,
  },
  DescribeKeyVersion: {
    may: [...USERS, "administrator"],
    wire: ({ key, blob }) => ({ KeyId: key, KeyVersionId: Buffer.from(blob, "base64").toString("latin1", 0, 36) }),
    ...KEY_NOT_FOUND,
  },
  ListKeyVersions: { may: [...USERS, "administrator"], wire: onKey(), ...KEY_NOT_FOUND },
  CreateKeyVersion: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  UpdateRotationPolicy: {
    may: ADMINISTRATORS,
    wire: onKey({ EnableAutomaticRotation: "true", RotationInterval: "30d" }),
    ...KEY_NOT_FOUND,
  },
  // The key's material is not imported, which whoever may hears.
  GetParametersForImport: {
    may: ADMINISTRATORS,
    wire: onKey({ WrappingAlgorithm: "SM2PKE", WrappingKeySpec: "EC_SM2" }),
    ...NOT_IMPORTED,
  },
  ImportKeyMaterial: {
    may: ADMINISTRATORS,
    wire: onKey({ EncryptedKeyMaterial: "text", ImportToken: "text" }),
    ...NOT_IMPORTED,
  },
  DeleteKeyMaterial: { may: ADMINISTRATORS, wire: onKey(), ...NOT_IMPORTED },
  UpdateKeyDescription: { may: ADMINISTRATORS, wire: onKey({ Description: "text" }), ...KEY_NOT_FOUND },
  EnableKey: {
    may: ADMINISTRATORS,
    before: ({ keyId }) => ["DisableKey", { KeyId: keyId }],
    wire: onKey(),
    ...KEY_NOT_FOUND,
  },
  DisableKey: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  ScheduleKeyDeletion: { may: ADMINISTRATORS, wire: onKey({ PendingWindowInDays: "7" }), ...KEY_NOT_FOUND },
  CancelKeyDeletion: {
    may: ADMINISTRATORS,
    before: ({ keyId }) => ["ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: "7" }],
    wire: onKey(),
    ...KEY_NOT_FOUND,
  },
  SetDeletionProtection: {
    may: ADMINISTRATORS,
    wire: ({ arn }) => ({ ProtectedResourceArn: arn, EnableDeletionProtection: "true" }),
    ...KEY_NOT_FOUND,
  },
  GetKeyUsage: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  ListKeyAssociations: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  GetKeyPolicy: { may: ADMINISTRATORS, wire: onKey(), ...KEY_NOT_FOUND },
  SetKeyPolicy: {
    may: ADMINISTRATORS,
    wire: ({ key, keyPolicy }) => ({ KeyId: key, Policy: keyPolicy }),
    ...KEY_NOT_FOUND,
  },
  UntagResource: {
    may: ADMINISTRATORS,
    before: tagged("TagResource"),
    wire: onKey({ TagKeys: '["k"]' }),
    ...KEY_NOT_FOUND,
  },
  // Rights of their own, which neither list has.
  TagResources: {
    may: ROOT,
    wire: ({ keyId }) => ({ ...REGION_ID, "ResourceId.1": keyId, "Tag.1.Key": "k", "Tag.1.Value": "v" }),
    ...RESOURCE_NOT_FOUND,
  },
  UntagResources: {
    may: ROOT,
    before: tagged("TagResource"),
    wire: ({ keyId }) => ({ ...REGION_ID, "ResourceId.1": keyId, "TagKey.1": "k" }),
    ...RESOURCE_NOT_FOUND,
  },
  // On the alias and on the key: of the alias no key policy speaks.
  CreateAlias: { may: ROOT, wire: ({ key, name }) => ({ AliasName: `alias/${name}-2`, KeyId: key }), ...KEY_NOT_FOUND },
  UpdateAlias: { may: ROOT, wire: ({ key, name }) => ({ AliasName: `alias/${name}`, KeyId: key }), ...KEY_NOT_FOUND },
  DeleteAlias: { may: ROOT, wire: ({ name }) => ({ AliasName: `alias/${name}` }), ...ALIAS_NOT_FOUND },
  // For users, here and in other accounts; and AliyunKMSCryptoUserAccess has some of them.
  Encrypt: { may: [...USERS, "role"], wire: onKey({ Plaintext: "text" }), ...KEY_NOT_FOUND },
  Decrypt: {
    may: [...USERS, "role", "narrowedSession"],
    wire: ({ blob }) => ({ CiphertextBlob: blob }),
    ...KEY_NOT_FOUND,
  },
  GenerateDataKey: { may: [...USERS, "role"], wire: onKey(), ...KEY_NOT_FOUND },
  GenerateDataKeyWithoutPlaintext: { may: ["root", "role"], wire: onKey(), ...KEY_NOT_FOUND },
  GenerateAndExportDataKey: { may: USERS, wire: onKey(RECEIVER), ...KEY_NOT_FOUND },
  // Which neither list has, nor AliyunKMSCryptoUserAccess.
  ExportDataKey: { may: ROOT, wire: ({ blob }) => ({ CiphertextBlob: blob, ...RECEIVER }), ...KEY_NOT_FOUND },
  // The key is symmetric, which whoever may hears.
  AsymmetricEncrypt: {
    may: [...USERS, "role"],
    wire: onVersion({ Algorithm: "SM2PKE", Plaintext: "text" }),
    ...NO_PAIR,
  },
  AsymmetricDecrypt: {
    may: [...USERS, "role"],
    wire: onVersion({ Algorithm: "SM2PKE", CiphertextBlob: "text" }),
    ...NO_PAIR,
  },
  AsymmetricSign: {
    may: ["root", "role"],
    wire: onVersion({ Algorithm: "ECDSA_SHA_256", Digest: DIGEST }),
    ...NO_PAIR,
  },
  AsymmetricVerify: {
    may: ["root", "role"],
    wire: onVersion({ Algorithm: "ECDSA_SHA_256", Digest: DIGEST, Value: "text" }),
    ...NO_PAIR,
  },
  GetPublicKey: { may: [...ADMINISTRATORS, "role"], wire: onVersion(), ...NO_PAIR },
  GenerateMac: { may: ["root", "role"], wire: onKey({ Algorithm: "HMAC_SHA_256", Message: "text" }), ...NO_PAIR },
  VerifyMac: {
    may: ["root", "role"],
    wire: onKey({ Algorithm: "HMAC_SHA_256", Message: "text", Mac: "text" }),
    ...NO_PAIR,
  },
  // kms:ReEncryptFrom and kms:ReEncryptTo, which nobody was given.
  ReEncrypt: {
    asks: "kms:ReEncryptFrom",
    may: ROOT,
    wire: ({ blob, key }) => ({ CiphertextBlob: blob, DestinationKeyId: key }),
    ...KEY_NOT_FOUND,
  },
};

const ACTIONTRAIL: Readonly<Record<string, Row>> = {
  LookupEvents: { may: ["root", "auditor"] },
};

const PASSWORD = "Correct-horse-7";
const user = ({ name }: Things): Wire => ({ UserName: name });
const group = ({ name }: Things): Wire => ({ GroupName: name });
const role = ({ name }: Things): Wire => ({ RoleName: name });
const member = ({ name }: Things): Wire => ({ UserName: name, GroupName: name });
const custom = ({ name }: Things): Wire => ({ PolicyType: "Custom", PolicyName: name });
const device = ({ name, accountId }: Things): Wire => ({ SerialNumber: `acs:ram::${accountId}:mfa/${name}` });
const accessKey = ({ name, userAccessKeyId }: Things): Wire => ({ UserName: name, UserAccessKeyId: userAccessKeyId });
const taggedRoles = ({ name }: Things): Wire => ({ ResourceType: "role", ResourceNames: JSON.stringify([name]) });
const and =
  (...wires: readonly (((things: Things) => Wire) | Wire)[]) =>
  (things: Things): Wire =>
    Object.fromEntries(wires.flatMap((wire) => Object.entries(typeof wire === "function" ? wire(things) : wire)));
const attached = (kind: string, to: (things: Things) => Wire) => (things: Things) =>
  [`AttachPolicyTo${kind}`, { ...to(things), ...custom(things) }] as const;
const withPassword = (things: Things) => ["CreateLoginProfile", { ...user(things), Password: PASSWORD }] as const;

/** Nobody but the root was given a right of RAM; a session has none beyond its role's, whatever narrows it. */
const RAM: Readonly<Record<string, Omit<Row, "may"> & { readonly may?: readonly CallerName[] }>> = {
  CreateUser: { wire: ({ name }) => ({ UserName: `${name}-2` }) },
  GetUser: { wire: user },
  ListUsers: {},
  UpdateUser: { wire: and(user, { NewComments: "text" }) },
  DeleteUser: { wire: user, before: (things) => ["DeleteAccessKey", accessKey(things)] },
  CreateGroup: { wire: ({ name }) => ({ GroupName: `${name}-2` }) },
  GetGroup: { wire: group },
  ListGroups: {},
  UpdateGroup: { wire: and(group, { NewComments: "text" }) },
  DeleteGroup: { wire: group },
  AddUserToGroup: { wire: member },
  RemoveUserFromGroup: { wire: member, before: (things) => ["AddUserToGroup", member(things)] },
  ListGroupsForUser: { wire: user },
  ListUsersForGroup: { wire: group },
  CreateAccessKey: { wire: user },
  ListAccessKeys: { wire: user },
  UpdateAccessKey: { wire: and(accessKey, { Status: "Inactive" }) },
  DeleteAccessKey: { wire: accessKey },
  GetAccessKeyLastUsed: { wire: accessKey },
  CreateLoginProfile: { wire: and(user, { Password: PASSWORD }) },
  GetLoginProfile: { wire: user, before: withPassword },
  UpdateLoginProfile: { wire: and(user, { Password: `${PASSWORD}-2` }), before: withPassword },
  DeleteLoginProfile: { wire: user, before: withPassword },
  // Users may, for themselves, unless the account's security preference says no. None of these has a password.
  ChangePassword: {
    may: ["administrator", "keyUser", "crossAccountUser", "assumer", "auditor", "stranger"],
    wire: () => ({ OldPassword: PASSWORD, NewPassword: `${PASSWORD}-2` }),
    answer: "EntityNotExist.User.LoginProfile",
    never: ["NotSupport.Account", "root", "role", "narrowedSession", "service"],
  },
  CreateVirtualMFADevice: { wire: ({ name }) => ({ VirtualMFADeviceName: name }) },
  BindMFADevice: {
    wire: and(user, device, { AuthenticationCode1: "000000", AuthenticationCode2: "000000" }),
    answer: "EntityNotExist.VirtualMFADevice",
    ...DEVICE_NOT_FOUND,
  },
  UnbindMFADevice: { wire: user, answer: "EntityNotExist.User.MFADevice" },
  GetUserMFAInfo: { wire: user, answer: "EntityNotExist.User.MFADevice" },
  ListVirtualMFADevices: {},
  DeleteVirtualMFADevice: {
    wire: device,
    before: ({ name }) => ["CreateVirtualMFADevice", { VirtualMFADeviceName: name }],
    ...DEVICE_NOT_FOUND,
  },
  GetPasswordPolicy: {},
  SetPasswordPolicy: {},
  GetSecurityPreference: {},
  SetSecurityPreference: {},
  GetAccountAlias: {},
  SetAccountAlias: { wire: ({ name }) => ({ AccountAlias: name }) },
  ClearAccountAlias: {},
  CreatePolicy: { wire: ({ name }) => ({ PolicyName: `${name}-2`, PolicyDocument: SOME_POLICY }) },
  GetPolicy: { wire: custom },
  ListPolicies: {},
  UpdatePolicyDescription: { wire: ({ name }) => ({ PolicyName: name, NewDescription: "text" }) },
  DeletePolicy: { wire: ({ name }) => ({ PolicyName: name, CascadingDelete: "true" }) },
  CreatePolicyVersion: { wire: ({ name }) => ({ PolicyName: name, PolicyDocument: SOME_POLICY }) },
  GetPolicyVersion: { wire: and(custom, { VersionId: "v2" }) },
  ListPolicyVersions: { wire: custom },
  SetDefaultPolicyVersion: { wire: ({ name }) => ({ PolicyName: name, VersionId: "v2" }) },
  DeletePolicyVersion: { wire: ({ name }) => ({ PolicyName: name, VersionId: "v2" }) },
  AttachPolicyToUser: { wire: and(user, custom) },
  AttachPolicyToGroup: { wire: and(group, custom) },
  AttachPolicyToRole: { wire: and(role, custom) },
  DetachPolicyFromUser: { wire: and(user, custom), before: attached("User", user) },
  DetachPolicyFromGroup: { wire: and(group, custom), before: attached("Group", group) },
  DetachPolicyFromRole: { wire: and(role, custom), before: attached("Role", role) },
  ListPoliciesForUser: { wire: user },
  ListPoliciesForGroup: { wire: group },
  ListPoliciesForRole: { wire: role },
  ListEntitiesForPolicy: { wire: custom },
  CreateRole: {
    wire: ({ name, accountId }) => ({ RoleName: `${name}-2`, AssumeRolePolicyDocument: trustOf(accountId) }),
  },
  GetRole: { wire: role },
  ListRoles: {},
  UpdateRole: { wire: and(role, { NewDescription: "text" }) },
  DeleteRole: { wire: role },
  TagResources: { wire: and(taggedRoles, { Tag: '[{"Key":"k","Value":"v"}]' }) },
  UntagResources: { wire: and(taggedRoles, { TagKeys: '["k"]' }) },
  ListTagResources: { wire: taggedRoles },
  DecodeDiagnosticMessage: { wire: () => ({ EncodedDiagnosticMessage: "of nobody" }), answer: "EntityNotExist" },
  TryPolicy: { wire: and(user, { PolicyDocument: SOME_POLICY }) },
  GetSeparationOfDuties: {},
  SetSeparationOfDuties: { wire: () => ({ SeparationOfDuties: "warn" }) },
  GetAccessExplanation: { wire: and({ AuthPrincipal: "root", AuthAction: "kms:Encrypt" }, ofRole) },
  // Is asked about what the own account has.
  ListPrincipalsForAction: {
    wire: and({ "AuthAction.1": "sts:AssumeRole" }, ofRole),
    hiddenAs: "InvalidParameter",
  },
  ListPrincipalsWithBothRights: { wire: () => ({ AuthResource: "*" }) },
};

const STS: Readonly<Record<string, Row>> = {
  // The caller's policies and the role's trust policy must allow it both. A root assumes no roles.
  AssumeRole: {
    may: ["assumer", "service"],
    wire: ({ name, accountId }) => ({ RoleArn: `acs:ram::${accountId}:role/${name}`, RoleSessionName: "session" }),
  },
  // Without authorization.
  GetCallerIdentity: { may: EVERYBODY },
  // Called without a signature: what they are called with proves who calls.
  AssumeRoleWithOIDC: {
    may: [],
    wire: and(ofSession, { OIDCProviderArn: "acs:ram::1000000000000000:oidc-provider/p", OIDCToken: "token" }),
    never: ["UnsupportedOperation", ...EVERYBODY],
  },
  AssumeRoleWithSAML: {
    may: [],
    wire: and(ofSession, { SAMLProviderArn: "acs:ram::1000000000000000:saml-provider/p", SAMLAssertion: "assertion" }),
    never: ["UnsupportedOperation", ...EVERYBODY],
  },
};

const RESOURCE_OWNER = { ResourceOwner: "Self" };
const onShare =
  (more: Wire = {}) =>
  ({ shareId }: Things): Wire => ({ ResourceShareId: shareId, ...more });
const toOther = ({ otherAccountId }: Things): Wire => ({ "Targets.1": otherAccountId });

/** Nobody but the root was given a right of Resource Sharing. */
const SHARING: Readonly<Record<string, Omit<Row, "may">>> = {
  CreateResourceShare: { wire: and({ ResourceShareName: "text" }, toOther) },
  UpdateResourceShare: { wire: onShare({ ResourceShareName: "text" }), ...SHARE_NOT_FOUND },
  DeleteResourceShare: { wire: onShare(), ...SHARE_NOT_FOUND },
  AssociateResourceShare: { wire: and(onShare(), toOther), ...SHARE_NOT_FOUND },
  DisassociateResourceShare: {
    before: (things) => ["AssociateResourceShare", and(onShare(), toOther)(things)],
    wire: and(onShare(), toOther),
    ...SHARE_NOT_FOUND,
  },
  ListResourceShares: { wire: () => RESOURCE_OWNER },
  ListResourceShareAssociations: { wire: () => ({ AssociationType: "Resource" }) },
  ListSharedResources: { wire: () => RESOURCE_OWNER },
  ListSharedTargets: { wire: () => RESOURCE_OWNER },
  ListResourceSharePermissions: { wire: onShare(RESOURCE_OWNER) },
  CheckSharingWithResourceDirectoryStatus: {},
  EnableSharingWithResourceDirectory: { answer: "AlreadyEnabled" },
};

const REFUSED: Row = { may: [], never: ["UnsupportedOperation", ...EVERYBODY] };
/** Those of Resource Sharing that are refused, whoever calls. */
const NOT_SERVED = [
  "AcceptResourceShareInvitation",
  "RejectResourceShareInvitation",
  "ListResourceShareInvitations",
  "AssociateResourceSharePermission",
  "DisassociateResourceSharePermission",
  "GetPermission",
  "ListPermissions",
  "ListPermissionVersions",
  "ListTagResources",
  "TagResources",
  "UntagResources",
  "ChangeResourceGroup",
  "DescribeRegions",
];

function ofRole({ name, accountId }: Things): Wire {
  return { AuthResource: `acs:ram:*:${accountId}:role/${name}` };
}

function ofSession({ name, accountId }: Things): Wire {
  return { RoleArn: `acs:ram::${accountId}:role/${name}`, RoleSessionName: "session" };
}

function trustOf(accountId: string): string {
  const Principal = { RAM: [`acs:ram::${accountId}:root`] };
  return JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal }] });
}

const NO_RIGHT = ["NoPermission", "Forbidden.NoPermission"];

/** Operations that are tried at once: no more than one account may have waiting where there are queues. */
const AT_ONCE = 4;

const MATRIX: Readonly<Record<string, Row>> = {
  ...named("Kms", KMS),
  ...named("Kms", Object.fromEntries(removedOperations.map(({ name }) => [name, REFUSED]))),
  ...named("Actiontrail", ACTIONTRAIL),
  ...named("Ram", Object.fromEntries(Object.entries(RAM).map(([name, row]) => [name, { may: ROOT, ...row }]))),
  ...named("Sts", STS),
  ...named(
    "ResourceSharing",
    Object.fromEntries(Object.entries(SHARING).map(([name, row]) => [name, { may: ROOT, ...row }])),
  ),
  ...named("ResourceSharing", Object.fromEntries(NOT_SERVED.map((name) => [name, REFUSED]))),
};

/** What applications are answered, where that is not success: the one that may use keys, whose call may fail all the same, and the other. */
const INSTANCE: Readonly<Record<string, Readonly<Partial<Record<ApplicationName, string>>>>> = {
  Encrypt: {},
  AdvanceEncrypt: {},
  // Of what was never encrypted.
  Decrypt: { keyApplication: "InvalidParam" },
  AdvanceDecrypt: {},
  GenerateDataKey: {},
  AdvanceGenerateDataKey: {},
  GenerateDataKeyPair: {},
  GenerateDataKeyPairWithoutPlaintext: {},
  AdvanceGenerateDataKeyPair: {},
  AdvanceGenerateDataKeyPairWithoutPlaintext: {},
  // The key is symmetric.
  Sign: { keyApplication: "Rejected.UnsupportedOperation" },
  Verify: { keyApplication: "Rejected.UnsupportedOperation" },
  Hmac: { keyApplication: "Rejected.UnsupportedOperation" },
  GetPublicKey: { keyApplication: "Rejected.UnsupportedOperation" },
  GenerateRandom: {},
  // There are no secrets, which whoever may read them hears.
  GetSecretValue: { keyApplication: "Forbidden.NoPermission", secretApplication: "UnsupportedOperation" },
};

function named(product: string, rows: Readonly<Record<string, Row>>): Readonly<Record<string, Row>> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [`${product}:${name}`, row]));
}

forEachDatabase((database) => {
  // No right depends on the database: how rights are kept, others test on both.
  if (database.name !== "sqlite") return;
  test("every operation that is served does as much for each kind of caller as it may, and no more", async () => {
    await using world = await RightsWorld.start(database);
    const known = Object.keys(MATRIX).toSorted();
    assert.deepEqual(world.operations.map(nameOf).toSorted(), known);
    const wrong: string[] = [];
    const operations = world.operations.values();
    const work = async (): Promise<void> => {
      for (const operation of operations) {
        const row = MATRIX[nameOf(operation)];
        assert(row !== undefined);
        wrong.push(...(await tryOut(world, { operation, row })));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    wrong.push(...(await tryOutAsApplications(world)));
    assert.deepEqual(wrong, []);
  });
});

function nameOf({ product, name }: Pick<DeclaredOperation, "product" | "name">): string {
  return `${product}:${name}`;
}

/**
 * Calls an operation as everybody: first as those who may not, all about the same things, then as those who may. So what was
 * refused has changed nothing, or the first of them would not find things as they were.
 */
async function tryOut(
  world: RightsWorld,
  { operation, row }: { readonly operation: DeclaredOperation; readonly row: Row },
): Promise<string[]> {
  const wrong: string[] = [];
  let things = await prepare(world, { operation, row });
  const callAs = async (caller: CallerName, key: string, expected: string | undefined): Promise<void> => {
    const wire = row.wire?.({ ...things, key }) ?? {};
    const refusal = await world.refusal(caller, { action: operation.name, wire, version: operation.version });
    const found = refusal?.code;
    if (found !== expected) {
      wrong.push(`${nameOf(operation)} by ${caller}: ${found ?? "success"}, not ${expected ?? "success"}`);
    } else if (refusal?.status === 403 && !world.isForeign(caller) && NO_RIGHT.includes(refusal.code)) {
      // Nobody knows otherwise what a caller would have to be allowed.
      const asked = refusal.accessDeniedDetail?.["AuthAction"];
      const right = row.asks ?? `${operation.product.toLowerCase()}:${operation.name}`;
      const type = refusal.accessDeniedDetail?.["NoPermissionType"];
      if (caller === "denied" && type !== "ExplicitDeny") {
        wrong.push(`${nameOf(operation)} by ${caller}: ${String(type)}, not ExplicitDeny`);
      }
      if (asked !== right) wrong.push(`${nameOf(operation)} by ${caller} asks for ${String(asked)}, not ${right}`);
    }
  };
  const [neverCode, ...never] = row.never ?? [""];
  const refused = callerNames.filter((caller) => !row.may.includes(caller));
  for (const caller of refused) {
    const code = never.includes(caller) ? neverCode : refusalOf(world, { operation, row, caller });
    // To another account, whichever way it names the key.
    const names = world.isForeign(caller) ? [things.arn, things.keyId] : [things.keyId];
    for (const key of names) await callAs(caller, key, code);
  }
  for (const [i, caller] of row.may.entries()) {
    if (i > 0) things = await prepare(world, { operation, row });
    await callAs(caller, world.isForeign(caller) ? things.arn : things.keyId, row.answer);
  }
  return wrong;
}

/** Calls every operation of the instance protocol as the application that may use keys, and as the one that may not. */
async function tryOutAsApplications(world: RightsWorld): Promise<string[]> {
  const { keyApplication, secretApplication } = world.applications;
  const { keyId } = await world.makeKey();
  const { fields } = await keyApplication.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: Buffer.from("text") });
  const sealed = fields.get("CiphertextBlob");
  assert(sealed instanceof Uint8Array);
  const calls = [
    ...callsOnKey(keyId, sealed),
    ["GenerateRandom", { Length: 8 }] as const,
    ["GetSecretValue", { SecretName: "text" }] as const,
  ];
  const known = Object.keys(INSTANCE).toSorted();
  assert.deepEqual(world.instanceOperations.map(({ name }) => name).toSorted(), known);
  assert.deepEqual([...new Set(calls.map(([api]) => api))].toSorted(), known);
  const wrong: string[] = [];
  for (const [api, message] of calls) {
    const { keyApplication: answer, secretApplication: refusal = "Forbidden.NoPermission" } = INSTANCE[api] ?? {};
    const found = [(await secretApplication.call(api, message)).code, (await keyApplication.call(api, message)).code];
    if (found[0] !== refusal) wrong.push(`${api} by secretApplication: ${found[0]}, not ${refusal}`);
    if (found[1] !== answer) wrong.push(`${api} by keyApplication: ${found[1]}, not ${answer}`);
  }
  return wrong;
}

function refusalOf(
  world: RightsWorld,
  { operation, row, caller }: { readonly operation: DeclaredOperation; readonly row: Row; readonly caller: CallerName },
): string {
  if (row.hiddenAs !== undefined && world.isForeign(caller)) return row.hiddenAs;
  return operation.product === "Kms" ? "Forbidden.NoPermission" : "NoPermission";
}

async function prepare(
  world: RightsWorld,
  { operation, row }: { readonly operation: DeclaredOperation; readonly row: Row },
): Promise<Things> {
  const { product, version } = operation;
  const isAboutKeys = product === "Kms" || product === "Actiontrail";
  const made = isAboutKeys ? await world.makeKey() : await world.makeIdentities(operation);
  const shared = await world.makeShared(operation);
  const things = { keyId: "", arn: "", keyPolicy: "", blob: "", userAccessKeyId: "", key: "", ...made, ...shared };
  const first = row.first?.(things);
  if (first !== undefined) await world.root.call(first[0], first[1], { version });
  const before = row.before?.(things);
  if (before !== undefined) await world.root.call(before[0], before[1], { version });
  return things;
}
