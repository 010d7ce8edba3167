import type { Vocabulary } from "./call-seeds.ts";

/** Stand for what the identities have been given, as those of keys do. Names of users and the like begin with `@NAME@`. */
export type IdentityPlaceholder =
  | "@NAME@"
  | "@ACCOUNT@"
  | "@USER_KEY@"
  | "@CODE@"
  | "@NEXT_CODE@"
  | "@TAGS@"
  | "@DIAGNOSIS@"
  | "@KEY@";

/** Of everybody who has one. */
export const PASSWORD = "Correct-horse-7";

/** What the identities' policies say. */
export const POLICY = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["kms:*","sts:*"],"Resource":"*"}]}';

/** Who may assume the roles. */
export const TRUST =
  '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::@ACCOUNT@:root"]}}]}';

const TAG = '[{"Key":"team","Value":"blue"}]';

/** `@NAME@` has all that its kind may have, `-plain` nothing, and `-spare` is there to be deleted. */
const VALUES: Readonly<Record<string, string>> = {
  UserName: "@NAME@",
  GroupName: "@NAME@",
  RoleName: "@NAME@",
  PolicyName: "@NAME@",
  PolicyType: "Custom",
  PolicyDocument: POLICY,
  AssumeRolePolicyDocument: TRUST,
  NewAssumeRolePolicyDocument: TRUST,
  VersionId: "v2",
  "CreateUser.UserName": "@NAME@-new",
  "CreateGroup.GroupName": "@NAME@-new",
  "CreateRole.RoleName": "@NAME@-new",
  "CreatePolicy.PolicyName": "@NAME@-new",
  "DeleteUser.UserName": "@NAME@-spare",
  "DeleteGroup.GroupName": "@NAME@-spare",
  "DeleteRole.RoleName": "@NAME@-spare",
  "DeletePolicy.PolicyName": "@NAME@-spare",
  "DeletePolicyVersion.PolicyName": "@NAME@-plain",
  "AddUserToGroup.UserName": "@NAME@-plain",
  "AddUserToGroup.GroupName": "@NAME@-plain",
  "CreateAccessKey.UserName": "@NAME@-plain",
  "CreateLoginProfile.UserName": "@NAME@-plain",
  "AttachPolicyToUser.UserName": "@NAME@-plain",
  "AttachPolicyToGroup.GroupName": "@NAME@-plain",
  "AttachPolicyToRole.RoleName": "@NAME@-plain",
  "BindMFADevice.UserName": "@NAME@-plain",
  "BindMFADevice.SerialNumber": "acs:ram::@ACCOUNT@:mfa/@NAME@-plain",
  AuthenticationCode1: "@CODE@",
  AuthenticationCode2: "@NEXT_CODE@",
  VirtualMFADeviceName: "@NAME@-new",
  SerialNumber: "acs:ram::@ACCOUNT@:mfa/@NAME@-spare",
  UserAccessKeyId: "@USER_KEY@",
  Status: "Inactive",
  DisplayName: "a name \u4e2d\u6587",
  Comments: "some words \u00e9",
  Description: "some words \u4e2d\u6587",
  NewDisplayName: "another name",
  NewComments: "other words",
  NewDescription: "other words",
  MobilePhone: "86-18600000000",
  NewMobilePhone: "86-18600000001",
  Email: "alice@example.com",
  NewEmail: "bob@example.com",
  MaxSessionDuration: "7200",
  NewMaxSessionDuration: "3600",
  Password: PASSWORD,
  OldPassword: PASSWORD,
  NewPassword: `${PASSWORD}-new`,
  PasswordResetRequired: "false",
  MFABindRequired: "false",
  MinimumPasswordLength: "10",
  RequireLowercaseCharacters: "true",
  RequireUppercaseCharacters: "true",
  RequireNumbers: "true",
  RequireSymbols: "false",
  HardExpiry: "false",
  MaxPasswordAge: "90",
  PasswordReusePrevention: "0",
  MaxLoginAttemps: "5",
  AllowUserToChangePassword: "true",
  LoginNetworkMasks: "10.0.0.0/8;2001:db8::/32",
  LoginSessionDuration: "8",
  AccountAlias: "@NAME@",
  ResourceType: "role",
  ResourceNames: '["@NAME@"]',
  Tag: TAG,
  TagKeys: '["team"]',
  MaxItems: "10",
  PageSize: "1",
  EncodedDiagnosticMessage: "@DIAGNOSIS@",
  AuthPrincipal: "user/@NAME@",
  AuthAction: "kms:Decrypt",
  AuthResource: "@KEY@",
  AuthCondition: "-",
  "TryPolicy.KeyId": "",
  "TryPolicy.GroupName": "",
  "TryPolicy.RoleName": "",
  "TryPolicy.PolicyName": "",
  Days: "1",
  SeparationOfDuties: "warn",
  RoleArn: "acs:ram::@ACCOUNT@:role/@NAME@",
  RoleSessionName: "fuzz",
  DurationSeconds: "900",
  Policy: POLICY,
  OIDCProviderArn: "acs:ram::@ACCOUNT@:oidc-provider/none",
  OIDCToken: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA",
  SAMLProviderArn: "acs:ram::@ACCOUNT@:saml-provider/none",
  SAMLAssertion: "PGE+PC9hPg==",
};

const FULL_VALUES: Readonly<Record<string, string>> = {
  NewUserName: "@NAME@-renamed",
  NewGroupName: "@NAME@-renamed",
  "ListTagResources.NextToken": "@TAGS@",
  Marker: "YQ",
  SetAsDefault: "true",
  RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded",
  CascadingDelete: "true",
  "ListPrincipalsWithBothRights.AuthResource": "*",
  "TryPolicy.KeyId": "@KEY@",
  "TryPolicy.UserName": "",
  ExternalId: "an-external-id",
  SourceAccount: "@ACCOUNT@",
  SourceArn: "acs:oss:*:@ACCOUNT@:a-bucket",
};

const LISTS: Readonly<Record<string, readonly string[]>> = {
  "ListPrincipalsForAction.AuthAction": ["AuthAction.1=kms:Decrypt", "AuthAction.2=kms:DisableKey"],
  AuthCondition: ["AuthCondition.1.Key=acs:SourceIp", "AuthCondition.1.Value=10.0.0.1"],
};

/** Of RAM and STS. */
export const IDENTITY_VOCABULARY: Vocabulary = { values: VALUES, fullValues: FULL_VALUES, lists: LISTS };
