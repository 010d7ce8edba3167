import type { DeclaredOperation } from "@cinnabar/kernel";

/** Between the parts of an input: the operation's name, then `Name=value`. No text of the API has it. */
const SEPARATOR = 0x1f;

/** Stand for what the service has made; replaced after the mutation, so that an input means the same everywhere. */
export const PLACEHOLDERS = ["@KEY@", "@OTHER@", "@ALIAS@", "@ARN@", "@BLOB@", "@TAGS@", "@EVENTS@"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Of the ciphertext that `@BLOB@` stands for. */
export const CONTEXT = '{"tenant":"acme","purpose":"fuzz \u00e9"}';

/** Good values by the parameter's name; those of an operation's own come first. */
const VALUES: Readonly<Record<string, string>> = {
  KeyId: "@KEY@",
  SourceKeyId: "@KEY@",
  DestinationKeyId: "@OTHER@",
  AliasName: "@ALIAS@",
  "CreateAlias.AliasName": "alias/fuzz/new",
  "DeleteAlias.AliasName": "alias/fuzz/none",
  CiphertextBlob: "@BLOB@",
  Plaintext: "aGVsbG8gd29ybGQ=",
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
  // A page goes on with the same question.
  "ListTagResources.ResourceId": "",
  "ListTagResources.Tag": "",
  "ListTagResources.NextToken": "@TAGS@",
  "LookupEvents.MaxResults": "1",
  "LookupEvents.NextToken": "@EVENTS@",
};

/** Parameters that are numbered on the wire. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  ResourceId: ["ResourceId.1=@KEY@", "ResourceId.2=@OTHER@"],
  Tag: ["Tag.1.Key=team", "Tag.1.Value=blue", "Tag.2.Key=cost-centre", "Tag.2.Value="],
  TagKey: ["TagKey.1=team", "TagKey.2=other"],
  LookupAttribute: ["LookupAttribute.1.Key=EventName", "LookupAttribute.1.Value=Encrypt"],
};

/** Two calls of an operation: one as it should be, and one that has every parameter there is. */
export function seedsOf({ name: action, version, parameters }: DeclaredOperation): readonly Buffer[] {
  const call = (otherwise: string) => {
    const fields = Object.keys(parameters).flatMap((name) => {
      const value = VALUES[`${action}.${name}`] ?? VALUES[name] ?? otherwise;
      if (value === "") return [];
      return LISTS[name] ?? [`${name}=${value}`];
    });
    return join([`${action} ${version}`, ...fields, ""]);
  };
  return [call(""), call("1")];
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

/** Reads an input, with the service's own values in place of the placeholders. */
export function readCall(input: Uint8Array, values: Readonly<Record<Placeholder, string>>): CallInput {
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

function fill(bytes: Buffer, values: Readonly<Record<Placeholder, string>>): Buffer {
  let text = bytes.toString("latin1");
  for (const placeholder of PLACEHOLDERS) text = text.replaceAll(placeholder, values[placeholder]);
  return Buffer.from(text, "latin1");
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
