import type { DeclaredOperation } from "@cinnabar/kernel";

/** Between the parts of an input: the operation's name, then `Name=value`. No text of the API has it. */
const SEPARATOR = 0x1f;

/** Stand for what the service has made; replaced after the mutation, so that an input means the same everywhere. */
export type Placeholder =
  | "@KEY@"
  | "@OTHER@"
  | "@ALIAS@"
  | "@ARN@"
  | "@BLOB@"
  | "@TAGS@"
  | "@EVENTS@"
  | "@SIGNER@"
  | "@SIGNING_VERSION@"
  | "@OPENER@"
  | "@OPENING_VERSION@"
  | "@SEALED@"
  | "@MAC_KEY@"
  | "@VERSION@"
  | "@ACCESS@"
  | "@CLIENT_KEY@"
  | "@SPARE_CLIENT_KEY@"
  | "@INSTANCE@"
  | "@SPARE_INSTANCE@"
  | "@SHARE@"
  | "@SPARE_SHARE@"
  | "@PARTNER@"
  | "@IMPORTED@"
  | "@WRAPPED@"
  | "@IMPORT_TOKEN@";

/** What calls of a product's operations say. */
export interface Vocabulary {
  /** Good values by the parameter's name; those of an operation's own, `<operation>.<parameter>`, come first. */
  readonly values: Readonly<Record<string, string>>;
  /** Values of the call that has every parameter, where it means another thing so. */
  readonly fullValues: Readonly<Record<string, string>>;
  /** Parameters that are numbered on the wire, by the same names. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/** Of the ciphertext that `@BLOB@` stands for. */
export const CONTEXT = '{"tenant":"acme","purpose":"fuzz \u00e9"}';

const VALUES: Readonly<Record<string, string>> = {
  KeyId: "@KEY@",
  SourceKeyId: "@KEY@",
  SourceKeyVersionId: "",
  SourceEncryptionAlgorithm: "",
  SourceArn: "",
  DestinationKeyId: "@OTHER@",
  AliasName: "@ALIAS@",
  "CreateAlias.AliasName": "alias/fuzz/new",
  "DeleteAlias.AliasName": "alias/fuzz/none",
  CiphertextBlob: "@BLOB@",
  Plaintext: "aGVsbG8gd29ybGQ=",
  PublicKeyBlob:
    "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAE5WmZ1ri1Z408P5of/M8ilGEUIOYF0rWnh8Qb33uNlKHIJnCKFz69MBiHZmYOoqYanaZLnujkJlEBCpnDxJldBQ==",
  WrappingKeySpec: "EC_SM2",
  WrappingAlgorithm: "SM2PKE",
  Algorithm: "ECDSA_SHA_256",
  "AsymmetricSign.KeyId": "@SIGNER@",
  "AsymmetricSign.KeyVersionId": "@SIGNING_VERSION@",
  "AsymmetricVerify.KeyId": "@SIGNER@",
  "AsymmetricVerify.KeyVersionId": "@SIGNING_VERSION@",
  "GetPublicKey.KeyId": "@SIGNER@",
  "GetPublicKey.KeyVersionId": "@SIGNING_VERSION@",
  "AsymmetricEncrypt.KeyId": "@OPENER@",
  "AsymmetricEncrypt.KeyVersionId": "@OPENING_VERSION@",
  "AsymmetricDecrypt.KeyId": "@OPENER@",
  "AsymmetricDecrypt.KeyVersionId": "@OPENING_VERSION@",
  "AsymmetricDecrypt.CiphertextBlob": "@SEALED@",
  "GetParametersForImport.KeyId": "@IMPORTED@",
  "GetParametersForImport.KeyVersionId": "",
  "ImportKeyMaterial.KeyId": "@IMPORTED@",
  EncryptedKeyMaterial: "@WRAPPED@",
  ImportToken: "@IMPORT_TOKEN@",
  KeyMaterialExpireUnix: "0",
  "DeleteKeyMaterial.KeyId": "@IMPORTED@",
  "DeleteKeyMaterial.KeyVersionId": "",
  "GenerateMac.KeyId": "@MAC_KEY@",
  "VerifyMac.KeyId": "@MAC_KEY@",
  "AsymmetricEncrypt.Algorithm": "SM2PKE",
  "AsymmetricDecrypt.Algorithm": "SM2PKE",
  "GenerateMac.Algorithm": "HMAC_SHA_256",
  "VerifyMac.Algorithm": "HMAC_SHA_256",
  Digest: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
  Message: "aGVsbG8gd29ybGQ=",
  // The other way to say what is signed.
  "AsymmetricSign.Message": "",
  "AsymmetricVerify.Message": "",
  Value: "MAYCAQECAQE=",
  Mac: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
  EncryptionContext: CONTEXT,
  SourceEncryptionContext: CONTEXT,
  DestinationEncryptionContext: "{}",
  KeySpec: "AES_256",
  "CreateKey.KeySpec": "Aliyun_AES_256",
  KeyUsage: "ENCRYPT/DECRYPT",
  Origin: "Aliyun_KMS",
  ProtectionLevel: "SOFTWARE",
  NumberOfBytes: "32",
  Description: "some words \u4e2d\u6587",
  PendingWindowInDays: "7",
  KeyVersionId: "@VERSION@",
  Name: "@ACCESS@",
  "CreateNetworkRule.Name": "@ACCESS@-new",
  "CreatePolicy.Name": "@ACCESS@-new",
  "CreateApplicationAccessPoint.Name": "@ACCESS@-new",
  "DeleteNetworkRule.Name": "@ACCESS@-spare",
  "DeletePolicy.Name": "@ACCESS@-spare",
  "DeleteApplicationAccessPoint.Name": "@ACCESS@-spare",
  Type: "Private",
  SourcePrivateIp: '["10.0.0.0/8","2001:db8::/32"]',
  KmsInstance: "@INSTANCE@",
  Permissions: '["RbacPermission/Template/CryptoServiceKeyUser"]',
  "CreatePolicy.Resources": '["key/*","secret/a"]',
  "UpdatePolicy.Resources": '["key/@KEY@"]',
  AccessControlRules: '{"NetworkRules":["@ACCESS@"]}',
  AuthenticationMethod: "ClientKey",
  Policies: '["@ACCESS@"]',
  AapName: "@ACCESS@",
  Password: "Passw0rd~!",
  NotBefore: "2099-01-01T00:00:00Z",
  NotAfter: "2100-01-01T00:00:00Z",
  ClientKeyId: "@CLIENT_KEY@",
  "DeleteClientKey.ClientKeyId": "@SPARE_CLIENT_KEY@",
  EnableAutomaticRotation: "true",
  RotationInterval: "30d",
  EnableDeletionProtection: "false",
  DeletionProtectionDescription: "because",
  ProtectedResourceArn: "@ARN@",
  Policy:
    '{"Version":"1","Statement":[{"Effect":"Allow","Principal":{"RAM":["acs:ram::1234567890123456:*"]},"Action":"kms:Encrypt","Resource":"*"}]}',
  PolicyName: "default",
  "SetDeletionProtection.KeyId": "",
  RegionId: "cn-hangzhou",
  PageNumber: "1",
  PageSize: "10",
  Filters: '[{"Key":"KeyState","Values":["Enabled","Disabled"]}]',
  Tags: '[{"TagKey":"team","TagValue":"blue"}]',
  TagKeys: '["team","no such key"]',
  ResourceType: "key",
  ResourceId: "@KEY@",
  Tag: "-",
  TagKey: "-",
  LookupAttribute: "-",
  KmsInstanceId: "@INSTANCE@",
  "ConnectKmsInstance.KmsInstanceId": "@SPARE_INSTANCE@",
  "ReleaseKmsInstance.KmsInstanceId": "@SPARE_INSTANCE@",
  DKMSInstanceId: "",
  "SetDeletionProtection.KmsInstanceId": "",
  InstanceName: "payments",
  KMProvider: "Aliyun",
  VpcId: "vpc-1",
  ZoneIds: "cn-hangzhou-k,cn-hangzhou-j",
  VSwitchIds: "vsw-1,vsw-2",
  BindVpcs: '[{"VpcId":"vpc-2","VSwitchId":"vsw-3","RegionId":"cn-hangzhou","VpcOwnerId":"1234567890123456"}]',
  "ListKmsInstances.Filters": "",
  "GetKmsInstanceQuotaInfos.KmsInstanceId": "",
  ResourceShareId: "@SHARE@",
  "DeleteResourceShare.ResourceShareId": "@SPARE_SHARE@",
  "ListSharedResources.ResourceType": "KMSInstance",
  "ListSharedTargets.ResourceType": "KMSInstance",
  ResourceShareName: "payments",
  ResourceOwner: "Self",
  AssociationType: "Resource",
  Resources: "-",
  Targets: "-",
  ResourceArns: "-",
  PermissionNames: "-",
  ResourceProperties: "",
  TargetProperties: "",
  ResourceGroupId: "",
  // The other way to name resources.
  "AssociateResourceShare.ResourceArns": "",
  "DisassociateResourceShare.ResourceArns": "",
  "CreateResourceShare.Resources": "",
  "CreateResourceShare.ResourceArns": "",
  "CreateResourceShare.Targets": "",
  "CreateResourceShare.Tag": "",
  "ListResourceShares.Tag": "",
  "ListResourceShareAssociations.Target": "",
  // A page goes on with the same question.
  "ListTagResources.ResourceId": "",
  "ListTagResources.Tag": "",
  "ListTagResources.NextToken": "@TAGS@",
  "LookupEvents.MaxResults": "1",
  "LookupEvents.NextToken": "@EVENTS@",
};

const FULL_VALUES: Readonly<Record<string, string>> = {
  "AsymmetricSign.Message": "aGVsbG8gd29ybGQ=",
  "AsymmetricVerify.Message": "aGVsbG8gd29ybGQ=",
  "ReEncrypt.CiphertextBlob": "@SEALED@",
  "ReEncrypt.SourceEncryptionContext": "{}",
  "ReEncrypt.SourceKeyId": "@OPENER@",
  "ReEncrypt.SourceKeyVersionId": "@OPENING_VERSION@",
  "ReEncrypt.SourceEncryptionAlgorithm": "SM2PKE",
};

const LISTS: Readonly<Record<string, readonly string[]>> = {
  ResourceId: ["ResourceId.1=@KEY@", "ResourceId.2=@OTHER@"],
  Tag: ["Tag.1.Key=team", "Tag.1.Value=blue", "Tag.2.Key=cost-centre", "Tag.2.Value="],
  TagKey: ["TagKey.1=team", "TagKey.2=other"],
  Resources: ["Resources.1.ResourceId=@INSTANCE@", "Resources.1.ResourceType=KMSInstance"],
  ResourceArns: ["ResourceArns.1=acs:kms:cn-hangzhou:1234567890123456:keystore/@INSTANCE@"],
  Targets: ["Targets.1=@PARTNER@"],
  PermissionNames: ["PermissionNames.1=AliyunRSDefaultPermissionKMSInstance"],
  ResourceShareIds: ["ResourceShareIds.1=@SHARE@"],
  ResourceIds: ["ResourceIds.1=@INSTANCE@"],
  LookupAttribute: ["LookupAttribute.1.Key=EventName", "LookupAttribute.1.Value=Encrypt"],
};

/** Of KMS, its trail and its shares, which call different things by no name. */
export const KEY_VOCABULARY: Vocabulary = { values: VALUES, fullValues: FULL_VALUES, lists: LISTS };

/** Two calls of an operation: one as it should be, and one that has every parameter there is. */
export function seedsOf(
  { name: action, version, parameters }: DeclaredOperation,
  { values: good, fullValues, lists }: Vocabulary,
): readonly Buffer[] {
  const call = (otherwise: string, values: Readonly<Record<string, string>>) => {
    const fields = Object.keys(parameters).flatMap((name) => {
      const numbered = lists[`${action}.${name}`];
      if (numbered !== undefined) return numbered;
      const own = values[`${action}.${name}`];
      const value = own ?? values[name] ?? otherwise;
      if (value === "") return [];
      return (own === undefined ? lists[name] : undefined) ?? [`${name}=${value}`];
    });
    return join([`${action} ${version}`, ...fields, ""]);
  };
  return [call("", good), call("1", { ...good, ...fullValues })];
}

/** How many bytes of an input say only what is called. */
export function fixedBytesOf(input: Uint8Array): number {
  return input.indexOf(SEPARATOR) + 1;
}

export interface CallInput {
  readonly action: string;
  readonly version: string;
  readonly fields: readonly (readonly [name: Buffer, value: Buffer])[];
}

/** What stands for a placeholder. */
export type PlaceholderValues = Readonly<Record<string, string>>;

/** Reads an input, with the service's own values in place of the placeholders. */
export function readCall(input: Uint8Array, values: PlaceholderValues): CallInput {
  const [head = "", ...parts] = split(Buffer.from(input));
  const [action = "", version = ""] = head.toString().split(" ");
  const fields = parts
    .filter(({ length }) => length > 0)
    .map((part) => {
      const equals = part.indexOf("=");
      const name = equals === -1 ? part : part.subarray(0, equals);
      const value = equals === -1 ? Buffer.alloc(0) : part.subarray(equals + 1);
      return [fill(name, values), fill(value, values)] as const;
    });
  return { action, version, fields };
}

function fill(bytes: Buffer, values: PlaceholderValues): Buffer {
  let text = bytes.toString("latin1");
  for (const [placeholder, value] of Object.entries(values)) text = text.replaceAll(placeholder, value);
  return Buffer.from(text, "latin1");
}

/** The input of a call. */
export function encodeCall(head: string, fields: Readonly<Record<string, string>>): Buffer {
  return join([head, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`), ""]);
}

function join(parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(String.fromCharCode(SEPARATOR)));
}

function split(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(SEPARATOR); at !== -1; at = bytes.indexOf(SEPARATOR, start)) {
    parts.push(bytes.subarray(start, at));
    start = at + 1;
  }
  return [...parts, bytes.subarray(start)];
}
