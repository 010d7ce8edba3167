import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { World } from "./world.ts";

const INVALID = /^InvalidParameter: The specified parameter "(\w+)" is not valid\. [A-Z"]/;

const REFUSED_BY_CREATE_KEY: readonly (readonly [parameter: string, value: string])[] = [
  ["KeySpec", "AES_256"],
  ["KeySpec", "aliyun_aes_256"],
  ["KeyUsage", "ENCRYPT"],
  ["KeyUsage", "SIGN/VERIFY"],
  ["Origin", "aliyun_kms"],
  ["ProtectionLevel", "software"],
  ["Description", "x".repeat(8193)],
  ["Description", "\0"],
  ["Description", "\udc00"],
  ["EnableAutomaticRotation", "TRUE"],
  ["RotationInterval", "6d"],
  ["RotationInterval", "366d"],
  ["RotationInterval", "604799s"],
  ["RotationInterval", "7"],
  ["RotationInterval", "7w"],
  ["RotationInterval", "-7d"],
  ["Policy", "x"],
  ["Policy", "[]"],
  ["Policy", '{"Version":"1","Statement":[]}'],
  ["Policy", JSON.stringify({ k: "é".repeat(16_384) })],
  ["Tags", "{}"],
  ["Tags", '[{"TagKey":"k"}]'],
  ["Tags", '[{"TagKey":"","TagValue":"v"}]'],
  ["Tags", '[{"TagKey":"a b","TagValue":"v"}]'],
  ["Tags", '[{"TagKey":"k","TagValue":"1"},{"TagKey":"k","TagValue":"2"}]'],
  ["Tags", '[{"TagKey":"acs:k","TagValue":"v"}]'],
  ["KeyStorageMechanism", "Disk"],
];

/** Wrong together, each right by itself. */
const CONTRADICTIONS_IN_CREATE_KEY: readonly (readonly [parameters: Record<string, string>, refusal: RegExp])[] = [
  [{ KeySpec: "RSA_2048", KeyUsage: "GENERATE/VERIFY_MAC" }, /^InvalidParameter: .*"KeyUsage"/],
  [{ KeySpec: "EC_P256", KeyUsage: "ENCRYPT/DECRYPT" }, /^InvalidParameter: .*"KeyUsage"/],
  [
    { KeySpec: "EC_P256", EnableAutomaticRotation: "true", RotationInterval: "30d" },
    /^InvalidParameter: .*"EnableAutomaticRotation"/,
  ],
  [
    { Origin: "EXTERNAL", EnableAutomaticRotation: "true", RotationInterval: "30d" },
    /^InvalidParameter: .*"EnableAutomaticRotation"/,
  ],
  [{ EnableAutomaticRotation: "true" }, /^MissingParameter: .*RotationInterval/],
];

/** Every kind of key, and what it can be for: what is meant where nothing is said comes first. */
const SERVED_SPECS: Readonly<Record<string, readonly string[]>> = {
  Aliyun_AES_256: ["ENCRYPT/DECRYPT"],
  Aliyun_AES_192: ["ENCRYPT/DECRYPT"],
  Aliyun_AES_128: ["ENCRYPT/DECRYPT"],
  Aliyun_SM4: ["ENCRYPT/DECRYPT"],
  RSA_2048: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
  RSA_3072: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
  RSA_4096: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
  EC_P256: ["SIGN/VERIFY"],
  EC_P256K: ["SIGN/VERIFY"],
  EC_SM2: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"],
  HMAC_SHA_224: ["GENERATE/VERIFY_MAC"],
  HMAC_SHA_256: ["GENERATE/VERIFY_MAC"],
  HMAC_SHA_384: ["GENERATE/VERIFY_MAC"],
  HMAC_SHA_512: ["GENERATE/VERIFY_MAC"],
  HMAC_SM3: ["GENERATE/VERIFY_MAC"],
  EC_P384: ["SIGN/VERIFY"],
  EC_P521: ["SIGN/VERIFY"],
  ED25519: ["SIGN/VERIFY"],
  ML_DSA_65: ["SIGN/VERIFY"],
};

const TAKEN_BY_CREATE_KEY: Readonly<Record<string, string>> = {
  KeySpec: "Aliyun_AES_256",
  KeyUsage: "ENCRYPT/DECRYPT",
  Origin: "Aliyun_KMS",
  ProtectionLevel: "SOFTWARE",
  Description: "\u{1f511}".repeat(4096),
  EnableAutomaticRotation: "false",
  RotationInterval: "365d",
  Tags: '[{"TagKey":"k/\\\\_-.+=:@","TagValue":"v/\\\\_-.+=:@"}]',
  KeyStorageMechanism: "HsmInternal",
};

const REFUSED: readonly (readonly [operation: string, parameter: string, value: string])[] = [
  ["ScheduleKeyDeletion", "PendingWindowInDays", "6"],
  ["ScheduleKeyDeletion", "PendingWindowInDays", "367"],
  ["ScheduleKeyDeletion", "PendingWindowInDays", "7.0"],
  ["ListKeys", "PageNumber", "0"],
  ["ListKeys", "PageNumber", "99999999999"],
  ["ListKeys", "PageSize", "0"],
  ["ListKeys", "PageSize", "101"],
  ["ListAliases", "PageSize", "-1"],
  ["ListAliases", "PageSize", "101"],
  ["ListAliasesByKeyId", "PageSize", "102"],
  ["ListAliasesByKeyId", "PageSize", "-1"],
  ["ListAliasesByKeyId", "PageNumber", "0"],
  ["ListKeys", "Filters", "{}"],
  ["ListKeys", "Filters", '[{"Key":"KeyId","Values":[]}]'],
  ["ListKeys", "Filters", JSON.stringify(Array.from({ length: 11 }, () => ({ Key: "keyId", Values: [] })))],
  ["ListKeys", "Filters", JSON.stringify([{ Key: "keyId", Values: Array.from({ length: 11 }, () => "x") }])],
  ["ListKeys", "Filters", '[{"Key":"keyId","Values":["\\u0000"]}]'],
  ["ListKeys", "Filters", '[{"Key":"keyId","Values":["\\ud800"]}]'],
  ["DescribeKey", "KeyId", "x".repeat(257)],
  ["Encrypt", "EncryptionContext", '{"a":1}'],
  ["Encrypt", "EncryptionContext", JSON.stringify({ a: "x".repeat(8192) })],
  ["Decrypt", "CiphertextBlob", "AAAA"],
];

forEachDatabase((database) => {
  let world: World;
  let keyId: string;
  before(async () => {
    world = await World.open(database);
    keyId = await world.createKey();
  });
  after(() => world[Symbol.asyncDispose]());

  const codeOf = async (operation: string, parameters: Record<string, string>) =>
    (await world.call(operation, parameters)).error?.code;

  test("CreateKey names the parameter that is wrong, and says what would be right", async () => {
    for (const [parameter, value] of REFUSED_BY_CREATE_KEY) {
      const refusal = await world.refusal("CreateKey", { [parameter]: value });
      assert.equal(INVALID.exec(refusal)?.[1], parameter, `${parameter}=${value.slice(0, 40)}: ${refusal}`);
    }
  });

  test("CreateKey refuses what is published but not served, and takes what changes nothing", async () => {
    assert.equal(await codeOf("CreateKey", { KeyStorageMechanism: "HsmEncryptedDatabase" }), "UnsupportedOperation");
    for (const [parameters, refusal] of CONTRADICTIONS_IN_CREATE_KEY) {
      assert.match(await world.refusal("CreateKey", parameters), refusal);
    }
    assert.equal(await codeOf("CreateKey", { ProtectionLevel: "HSM" }), "Unsupported.ProtectionLevel");
    assert.equal(await codeOf("CreateKey", TAKEN_BY_CREATE_KEY), undefined);
    assert.equal(await codeOf("ListKeys", { Filters: "[]" }), undefined);
  });

  test("every other operation names the parameter that is wrong", async () => {
    const rest = { KeyId: keyId, Plaintext: "eA==", PendingWindowInDays: "7", CiphertextBlob: "" };
    for (const [operation, parameter, value] of REFUSED) {
      const refusal = await world.refusal(operation, { ...rest, [parameter]: value }).catch(String);
      assert.match(refusal, /InvalidParameter|is not valid|JSON object must be a string/, `${operation}: ${refusal}`);
      assert.ok(refusal.includes(parameter), `${operation}: ${refusal}`);
    }
  });

  test("a dry run is refused when all else is well, and changes nothing", async () => {
    assert.equal(await codeOf("CreateKey", { DryRun: "true" }), "DryRunOperationError");
    assert.equal(
      await codeOf("CreateKey", { DryRun: "true", KeyStorageMechanism: "HsmEncryptedDatabase" }),
      "UnsupportedOperation",
    );
    assert.equal(await codeOf("DisableKey", { DryRun: "true", KeyId: keyId }), "DryRunOperationError");
    assert.equal(await codeOf("Encrypt", { KeyId: keyId, Plaintext: "eA==" }), undefined);
  });

  test("the region is one, and the service says what keys it makes", async () => {
    assert.deepEqual(await world.ok("DescribeRegions"), { Regions: { Region: [{ RegionId: "cn-hangzhou" }] } });
    assert.deepEqual(await world.ok("DescribeService"), {
      ProtectionLevels: { ProtectionLevel: [{ Type: "SOFTWARE" }] },
      KeySpecs: {
        KeySpec: Object.entries(SERVED_SPECS).map(([Name, usages]) => ({
          Name,
          Usages: { Usage: usages },
          SupportedProtectionLevels: { SupportedProtectionLevel: ["SOFTWARE"] },
        })),
      },
    });
  });
});
