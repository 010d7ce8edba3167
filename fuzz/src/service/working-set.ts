import { randomBytes, randomUUID } from "node:crypto";
import { wrapForImport } from "@cinnabar/crypto";
import { CONTEXT, type Placeholder } from "./call-seeds.ts";
import type { CinnabarClient } from "@cinnabar/client";
import type { Service } from "./service.ts";

const ROWS_IN_A_PAGE = 200;
const TAGS_OF_A_KEY = 20;

/** Keys, an alias and a ciphertext for mutated calls to name. */
export async function makeWorkingSet(service: Service): Promise<Readonly<Record<Placeholder, string>>> {
  const { client, accountId, partnerId, instanceId, spareInstanceId } = service;
  const createKey = async (): Promise<string> => {
    const { KeyMetadata } = await client.call("CreateKey", { Description: "for mutated calls" });
    return (KeyMetadata as { KeyId: string }).KeyId;
  };
  const key = await createKey();
  const other = await createKey();
  const alias = `alias/fuzz/${randomUUID()}`;
  await client.call("CreateAlias", { AliasName: alias, KeyId: key });
  // A second one of them for a second page.
  await client.call("Encrypt", { KeyId: key, Plaintext: "aGVsbG8=" });
  const { CiphertextBlob, KeyVersionId } = await client.call("Encrypt", {
    KeyId: key,
    Plaintext: "aGVsbG8=",
    EncryptionContext: CONTEXT,
  });
  return {
    "@KEY@": key,
    "@OTHER@": other,
    "@ALIAS@": alias,
    "@ARN@": `acs:kms:cn-hangzhou:${accountId}:key/${key}`,
    "@BLOB@": String(CiphertextBlob),
    "@VERSION@": String(KeyVersionId),
    "@PARTNER@": partnerId,
    "@INSTANCE@": instanceId,
    "@SPARE_INSTANCE@": spareInstanceId,
    "@SHARE@": await makeShare(client),
    "@SPARE_SHARE@": await makeShare(client),
    ...(await makeAccess(client)),
    ...(await nextTokens(client, createKey)),
    ...(await makeOtherKeys(client)),
    ...(await makeImportedKey(client)),
  };
}

/** A key whose material is imported, and that material, wrapped, to be imported again. */
async function makeImportedKey(
  client: CinnabarClient,
): Promise<Record<"@IMPORTED@" | "@WRAPPED@" | "@IMPORT_TOKEN@", string>> {
  const { KeyMetadata } = await client.call("CreateKey", { Origin: "EXTERNAL" });
  const { KeyId } = KeyMetadata as { KeyId: string };
  const wrapping = "SM2PKE";
  const { PublicKey, ImportToken } = await client.call("GetParametersForImport", {
    KeyId,
    WrappingAlgorithm: wrapping,
    WrappingKeySpec: "EC_SM2",
  });
  const wrappingKey = Buffer.from(String(PublicKey), "base64");
  const wrapped = wrapForImport({ wrapping, wrappingKey, material: randomBytes(32) }).toString("base64");
  const token = String(ImportToken);
  await client.call("ImportKeyMaterial", { KeyId, EncryptedKeyMaterial: wrapped, ImportToken: token });
  return { "@IMPORTED@": KeyId, "@WRAPPED@": wrapped, "@IMPORT_TOKEN@": token };
}

type OtherPlaceholder = Extract<Placeholder, `@${"SIGN" | "OPEN" | "SEALED" | "MAC"}${string}`>;

/** A pair that signs, one that decrypts, with a ciphertext, and a key of message authentication codes. */
async function makeOtherKeys(client: CinnabarClient): Promise<Record<OtherPlaceholder, string>> {
  const create = async (parameters: Record<string, string>) => {
    const { KeyMetadata } = await client.call("CreateKey", parameters);
    const { KeyId } = KeyMetadata as { KeyId: string };
    const { KeyVersions } = await client.call("ListKeyVersions", { KeyId });
    const { KeyVersion } = KeyVersions as { KeyVersion: { KeyVersionId: string }[] };
    return { KeyId, KeyVersionId: KeyVersion[0]?.KeyVersionId ?? "" };
  };
  const signer = await create({ KeySpec: "EC_P256" });
  const opener = await create({ KeySpec: "EC_SM2", KeyUsage: "ENCRYPT/DECRYPT" });
  const mac = await create({ KeySpec: "HMAC_SHA_256" });
  const { CiphertextBlob } = await client.call("AsymmetricEncrypt", {
    ...opener,
    Algorithm: "SM2PKE",
    Plaintext: "aGVsbG8=",
  });
  return {
    "@SIGNER@": signer.KeyId,
    "@SIGNING_VERSION@": signer.KeyVersionId,
    "@OPENER@": opener.KeyId,
    "@OPENING_VERSION@": opener.KeyVersionId,
    "@SEALED@": String(CiphertextBlob),
    "@MAC_KEY@": mac.KeyId,
  };
}

/** A network rule, a policy and an access point of one name, with client keys, and one of each that nothing names. */
async function makeAccess(
  client: CinnabarClient,
): Promise<Record<"@ACCESS@" | "@CLIENT_KEY@" | "@SPARE_CLIENT_KEY@", string>> {
  const name = `fuzz-${randomUUID()}`;
  const policy = { Permissions: '["RbacPermission/Template/CryptoServiceKeyUser"]', Resources: '["key/*"]' };
  for (const Name of [name, `${name}-spare`]) {
    await client.call("CreateNetworkRule", { Name, Type: "Private", SourcePrivateIp: "[]" });
    await client.call("CreatePolicy", { Name, ...policy });
    await client.call("CreateApplicationAccessPoint", { Name, Policies: JSON.stringify([name]) });
  }
  const makeClientKey = async () => {
    const { ClientKeyId } = await client.call("CreateClientKey", { AapName: name, Password: "Passw0rd~!" });
    return String(ClientKeyId);
  };
  return { "@ACCESS@": name, "@CLIENT_KEY@": await makeClientKey(), "@SPARE_CLIENT_KEY@": await makeClientKey() };
}

/** A share of nothing with nobody: an instance is in few shares, and working sets are many. */
async function makeShare(client: CinnabarClient): Promise<string> {
  const made = await client.call("CreateResourceShare", { ResourceShareName: "fuzz" }, { version: "2020-01-10" });
  return (made["ResourceShare"] as { ResourceShareId: string }).ResourceShareId;
}

/** Tokens that ask for a second page. */
async function nextTokens(
  client: CinnabarClient,
  createKey: () => Promise<string>,
): Promise<Record<"@TAGS@" | "@EVENTS@", string>> {
  const region = { RegionId: "cn-hangzhou", ResourceType: "key" };
  const listed = await client.call("ListTagResources", region);
  let tags = listed["NextToken"];
  if (tags === "" || tags === undefined) {
    const keys = await Promise.all(Array.from({ length: Math.ceil(ROWS_IN_A_PAGE / TAGS_OF_A_KEY) + 1 }, createKey));
    await client.call("TagResources", {
      ...region,
      ...Object.fromEntries(keys.map((key, i) => [`ResourceId.${i + 1}`, key])),
      ...Object.fromEntries(Array.from({ length: TAGS_OF_A_KEY }, (_, i) => [`Tag.${i + 1}.Key`, `tag-${i}`])),
    });
    tags = (await client.call("ListTagResources", region))["NextToken"];
  }
  const attribute = { "LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": "Encrypt" };
  const found = await client.call("LookupEvents", { ...attribute, MaxResults: "1" }, { version: "2020-07-06" });
  return { "@TAGS@": String(tags), "@EVENTS@": String(found["NextToken"]) };
}
