import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { type DeclaredOperation, newInstanceId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { wrapMaterial } from "./support/import-material.ts";
import { operationsOfNoArea } from "./support/isolated-areas.ts";
import { Isolation, type IsolatedArea } from "./support/isolation.ts";
import { type AccountCaller, REGION, TwoAccounts, type Wire } from "./support/two-accounts.ts";

/*
 * For every operation that is served, and every parameter of it: to one account, what belongs to another one looks like
 * what does not exist. Each form in which a thing can be named is put into each parameter, whether it belongs there or
 * not, three times: naming a thing of the other account, one that account does not have, and one that nobody has.
 */

type Things = Readonly<
  Record<
    | "accountId"
    | "keyId"
    | "versionId"
    | "alias"
    | "blob"
    | "spec"
    | "instanceId"
    // Of a key whose material is imported: its own again.
    | "material"
    | "importToken",
    string
  >
>;

interface Listed {
  readonly KeyVersions: { readonly KeyVersion: readonly { readonly KeyVersionId: string }[] };
}

const SYMMETRIC = "Aliyun_AES_256";

/** The keys of operations that do nothing with a symmetric one. */
const OTHER_KEYS: Readonly<
  Record<
    string,
    { readonly spec: string; readonly usage?: string; readonly algorithm: string; readonly isImported?: true }
  >
> = {
  GetParametersForImport: { spec: SYMMETRIC, algorithm: "", isImported: true },
  ImportKeyMaterial: { spec: SYMMETRIC, algorithm: "", isImported: true },
  DeleteKeyMaterial: { spec: SYMMETRIC, algorithm: "", isImported: true },
  AsymmetricEncrypt: { spec: "EC_SM2", usage: "ENCRYPT/DECRYPT", algorithm: "SM2PKE" },
  AsymmetricDecrypt: { spec: "EC_SM2", usage: "ENCRYPT/DECRYPT", algorithm: "SM2PKE" },
  AsymmetricSign: { spec: "EC_P256", algorithm: "ECDSA_SHA_256" },
  AsymmetricVerify: { spec: "EC_P256", algorithm: "ECDSA_SHA_256" },
  GetPublicKey: { spec: "EC_P256", algorithm: "" },
  GenerateMac: { spec: "HMAC_SHA_256", algorithm: "HMAC_SHA_256" },
  VerifyMac: { spec: "HMAC_SHA_256", algorithm: "HMAC_SHA_256" },
};

/** Whoever data keys are exported to. */
const RECEIVER = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .publicKey.export({ type: "spki", format: "der" })
  .toString("base64");

const areaOf = (world: TwoAccounts): IsolatedArea<Things> => ({
  name: "keys",
  forms: [
    ({ keyId }) => keyId,
    ({ alias }) => alias,
    ({ accountId, keyId }) => `acs:kms:${REGION}:${accountId}:key/${keyId}`,
    ({ accountId, alias }) => `acs:kms:${REGION}:${accountId}:${alias}`,
    ({ blob }) => blob,
    ({ versionId }) => versionId,
    ({ instanceId }) => instanceId,
  ],
  good: {
    KeyId: ({ keyId }) => ({ KeyId: keyId }),
    DestinationKeyId: ({ keyId }) => ({ DestinationKeyId: keyId }),
    AliasName: ({ alias }, operation) => ({ AliasName: operation === "CreateAlias" ? `${alias}-new` : alias }),
    CiphertextBlob: ({ blob }) => ({ CiphertextBlob: blob }),
    Plaintext: () => ({ Plaintext: "text" }),
    PublicKeyBlob: () => ({ PublicKeyBlob: RECEIVER }),
    // A pair of SM2 is made in no time.
    WrappingKeySpec: (_own, operation) => ({
      WrappingKeySpec: operation === "GetParametersForImport" ? "EC_SM2" : "RSA_2048",
    }),
    WrappingAlgorithm: (_own, operation) => ({
      WrappingAlgorithm: operation === "GetParametersForImport" ? "SM2PKE" : "RSAES_OAEP_SHA_256",
    }),
    EncryptedKeyMaterial: ({ material }) => ({ EncryptedKeyMaterial: material }),
    ImportToken: ({ importToken }) => ({ ImportToken: importToken }),
    Description: () => ({ Description: "text" }),
    PendingWindowInDays: () => ({ PendingWindowInDays: "7" }),
    EnableDeletionProtection: () => ({ EnableDeletionProtection: "true" }),
    ProtectedResourceArn: ({ accountId, keyId }) => ({
      ProtectedResourceArn: `acs:kms:${REGION}:${accountId}:key/${keyId}`,
    }),
    Tags: () => ({ Tags: '[{"TagKey":"k","TagValue":"v"}]' }),
    TagKeys: () => ({ TagKeys: '["k"]' }),
    KeyVersionId: ({ versionId }) => ({ KeyVersionId: versionId }),
    KmsInstanceId: ({ instanceId }) => ({ KmsInstanceId: instanceId }),
    InstanceName: () => ({ InstanceName: "text" }),
    KMProvider: () => ({ KMProvider: "Aliyun" }),
    VpcId: () => ({ VpcId: "vpc-1" }),
    ZoneIds: () => ({ ZoneIds: "a,b" }),
    VSwitchIds: () => ({ VSwitchIds: "vsw-1" }),
    BindVpcs: () => ({ BindVpcs: "[]" }),
    Algorithm: (_own, operation) => ({ Algorithm: OTHER_KEYS[operation]?.algorithm ?? "" }),
    Digest: () => ({ Digest: Buffer.alloc(32).toString("base64") }),
    Message: () => ({ Message: "bWVzc2FnZQ==" }),
    Value: () => ({ Value: "AAAA" }),
    Mac: () => ({ Mac: "AAAA" }),
    EnableAutomaticRotation: () => ({ EnableAutomaticRotation: "true", RotationInterval: "30d" }),
    RegionId: () => ({ RegionId: REGION }),
    ResourceType: () => ({ ResourceType: "key" }),
    ResourceId: ({ keyId }) => ({ "ResourceId.1": keyId }),
    Tag: () => ({ "Tag.1.Key": "k", "Tag.1.Value": "v" }),
    TagKey: () => ({ "TagKey.1": "k" }),
    Policy: ({ accountId }) => ({ Policy: policyFor(accountId) }),
  },
  needed: {
    SetDeletionProtection: ["ProtectedResourceArn"],
    TagResource: ["KeyId"],
    UntagResource: ["KeyId"],
    UntagResources: ["TagKey"],
    AsymmetricSign: ["Digest"],
    AsymmetricVerify: ["Digest"],
  },
  before: {
    CancelKeyDeletion: (caller, { keyId }) =>
      caller.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: "7" }),
  },
  always: { OpenKmsService: "Forbidden.Opened" },
  async make(caller, operation) {
    return { ...(await makeThings(caller, operation.name)), instanceId: await instanceOf(world, caller, operation) };
  },
  async makeForeign(caller, operation) {
    const [description, value] = [randomBytes(9).toString("hex"), randomBytes(9).toString("hex")];
    const tags = JSON.stringify([{ TagKey: "k", TagValue: value }]);
    const made = await makeThings(caller, operation.name, { Description: description, Tags: tags });
    const { keyId, versionId, alias, blob } = made;
    const instanceId = await instanceOf(world, caller, operation);
    const things = { ...made, instanceId };
    return { things, marks: [keyId, versionId, alias, blob, description, value, instanceId] };
  },
  likeness,
  async look(caller, { keyId, alias, blob, spec }) {
    const [key, tags, plaintext] = await Promise.all([
      caller.call<{ KeyMetadata: unknown }>("DescribeKey", { KeyId: alias }),
      caller.call<{ Tags: unknown }>("ListResourceTags", { KeyId: keyId }),
      spec === SYMMETRIC
        ? caller.call<{ Plaintext: unknown }>("Decrypt", { CiphertextBlob: blob })
        : { Plaintext: undefined },
    ]);
    return [key.KeyMetadata, tags.Tags, plaintext.Plaintext];
  },
});

forEachDatabase((database) => {
  test("to every operation, what belongs to another account looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    assert.deepEqual(operationsOfNoArea(world.operations), []);
    await new Isolation(world, areaOf(world)).run();
  });
});

/** One for all calls of an account that ask about instances and change none. */
const instances = new WeakMap<AccountCaller, Promise<string>>();

async function instanceOf(
  world: TwoAccounts,
  caller: AccountCaller,
  { kind, parameters }: DeclaredOperation,
): Promise<string> {
  // Elsewhere its id is a text like any other, which the caller may keep as the value of a tag: it must be new.
  if (!("KmsInstanceId" in parameters) && !("DKMSInstanceId" in parameters)) return newInstanceId();
  if (kind !== "read") return world.addInstance(caller);
  let lasting = instances.get(caller);
  if (lasting === undefined) {
    lasting = world.addInstance(caller);
    instances.set(caller, lasting);
  }
  return lasting;
}

async function makeThings(
  caller: AccountCaller,
  operation: string,
  parameters: Wire = {},
): Promise<Omit<Things, "instanceId">> {
  const { accountId } = caller;
  const { spec = SYMMETRIC, usage, algorithm = "", isImported = false } = OTHER_KEYS[operation] ?? {};
  const created = await caller.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", {
    ...parameters,
    KeySpec: spec,
    ...(usage !== undefined && { KeyUsage: usage }),
    ...(isImported && { Origin: "EXTERNAL" }),
  });
  const { KeyId: keyId } = created.KeyMetadata;
  const imported = isImported ? await importMaterial(caller, keyId) : { material: "AAAA", importToken: "AAAA" };
  const alias = `alias/${randomBytes(8).toString("hex")}`;
  await caller.call("CreateAlias", { AliasName: alias, KeyId: keyId });
  if (spec !== SYMMETRIC) {
    const listed = await caller.call<Listed>("ListKeyVersions", { KeyId: keyId });
    const { KeyVersionId: versionId = "" } = listed.KeyVersions.KeyVersion[0] ?? {};
    const named = { KeyId: keyId, KeyVersionId: versionId, Algorithm: algorithm };
    const blob =
      usage === "ENCRYPT/DECRYPT"
        ? await caller.call<{ CiphertextBlob: string }>("AsymmetricEncrypt", { ...named, Plaintext: "text" })
        : { CiphertextBlob: randomBytes(100).toString("base64") };
    return { accountId, keyId, versionId, alias, blob: blob.CiphertextBlob, spec, ...imported };
  }
  const encrypted = await caller.call<{ KeyVersionId: string; CiphertextBlob: string }>("Encrypt", {
    KeyId: keyId,
    Plaintext: "text",
  });
  const { KeyVersionId: versionId, CiphertextBlob: blob } = encrypted;
  return { accountId, keyId, versionId, alias, blob, spec, ...imported };
}

async function importMaterial(
  caller: AccountCaller,
  keyId: string,
): Promise<{ readonly material: string; readonly importToken: string }> {
  const wire = await wrapMaterial(caller, { keyId, wrapping: "SM2PKE", material: randomBytes(32) });
  await caller.call("ImportKeyMaterial", wire);
  const { EncryptedKeyMaterial: material = "", ImportToken: importToken = "" } = wire;
  return { material, importToken };
}

/** A key policy that names all of an account. */
function policyFor(accountId: string): string {
  const Principal = { RAM: [`acs:ram::${accountId}:*`] };
  return JSON.stringify({
    Version: "1",
    Statement: [{ Effect: "Allow", Principal, Action: ["kms:*"], Resource: ["*"] }],
  });
}

/** Things of the same looks that nobody has. */
function likeness({ blob, spec, material, importToken }: Things, accountId: string): Things {
  const versionId = randomUUID();
  const bytes = Buffer.from(blob, "base64");
  return {
    accountId,
    keyId: randomUUID(),
    versionId,
    alias: `alias/${randomBytes(8).toString("hex")}`,
    blob: Buffer.concat([Buffer.from(versionId), bytes.subarray(versionId.length)]).toString("base64"),
    instanceId: newInstanceId(),
    spec,
    material,
    importToken,
  };
}
