import { randomUUID } from "node:crypto";
import { CONTEXT, type Placeholder } from "./call-seeds.ts";
import type { CinnabarClient } from "@cinnabar/client";
import type { Service } from "./service.ts";

const ROWS_IN_A_PAGE = 200;
const TAGS_OF_A_KEY = 20;

/** Keys, an alias and a ciphertext for mutated calls to name. */
export async function makeWorkingSet({ client, accountId }: Service): Promise<Readonly<Record<Placeholder, string>>> {
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
  const { CiphertextBlob } = await client.call("Encrypt", {
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
    ...(await nextTokens(client, createKey)),
  };
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
