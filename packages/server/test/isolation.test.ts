import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { Isolation, type IsolatedProducts } from "./support/isolation.ts";
import { type AccountCaller, REGION, TwoAccounts, type Wire } from "./support/two-accounts.ts";

/*
 * For every operation that is served, and every parameter of it: to one account, what belongs to another one looks like
 * what does not exist. Each form in which a thing can be named is put into each parameter, whether it belongs there or
 * not, three times: naming a thing of the other account, one that account does not have, and one that nobody has.
 */

type Things = Readonly<Record<"accountId" | "keyId" | "versionId" | "alias" | "blob", string>>;

const products: IsolatedProducts<Things> = {
  names: ["Kms", "Actiontrail"],
  forms: [
    ({ keyId }) => keyId,
    ({ alias }) => alias,
    ({ accountId, keyId }) => `acs:kms:${REGION}:${accountId}:key/${keyId}`,
    ({ accountId, alias }) => `acs:kms:${REGION}:${accountId}:${alias}`,
    ({ blob }) => blob,
    ({ versionId }) => versionId,
  ],
  good: {
    KeyId: ({ keyId }) => ({ KeyId: keyId }),
    DestinationKeyId: ({ keyId }) => ({ DestinationKeyId: keyId }),
    AliasName: ({ alias }, operation) => ({ AliasName: operation === "CreateAlias" ? `${alias}-new` : alias }),
    CiphertextBlob: ({ blob }) => ({ CiphertextBlob: blob }),
    Plaintext: () => ({ Plaintext: "text" }),
    Description: () => ({ Description: "text" }),
    PendingWindowInDays: () => ({ PendingWindowInDays: "7" }),
    EnableDeletionProtection: () => ({ EnableDeletionProtection: "true" }),
    ProtectedResourceArn: ({ accountId, keyId }) => ({
      ProtectedResourceArn: `acs:kms:${REGION}:${accountId}:key/${keyId}`,
    }),
    Tags: () => ({ Tags: '[{"TagKey":"k","TagValue":"v"}]' }),
    TagKeys: () => ({ TagKeys: '["k"]' }),
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
  },
  before: {
    CancelKeyDeletion: (caller, { keyId }) =>
      caller.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: "7" }),
  },
  always: { OpenKmsService: "Forbidden.Opened" },
  make: (caller) => makeThings(caller),
  async makeForeign(caller) {
    const [description, value] = [randomBytes(9).toString("hex"), randomBytes(9).toString("hex")];
    const tags = JSON.stringify([{ TagKey: "k", TagValue: value }]);
    const things = await makeThings(caller, { Description: description, Tags: tags });
    const { keyId, versionId, alias, blob } = things;
    return { things, marks: [keyId, versionId, alias, blob, description, value] };
  },
  likeness,
  async look(caller, { keyId, alias, blob }) {
    const [key, tags, plaintext] = await Promise.all([
      caller.call<{ KeyMetadata: unknown }>("DescribeKey", { KeyId: alias }),
      caller.call<{ Tags: unknown }>("ListResourceTags", { KeyId: keyId }),
      caller.call<{ Plaintext: unknown }>("Decrypt", { CiphertextBlob: blob }),
    ]);
    return [key.KeyMetadata, tags.Tags, plaintext.Plaintext];
  },
};

forEachDatabase((database) => {
  test("to every operation, what belongs to another account looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    await new Isolation(world, products).run();
  });
});

async function makeThings(caller: AccountCaller, parameters: Wire = {}): Promise<Things> {
  const { accountId } = caller;
  const created = await caller.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", parameters);
  const { KeyId: keyId } = created.KeyMetadata;
  const alias = `alias/${randomBytes(8).toString("hex")}`;
  await caller.call("CreateAlias", { AliasName: alias, KeyId: keyId });
  const encrypted = await caller.call<{ KeyVersionId: string; CiphertextBlob: string }>("Encrypt", {
    KeyId: keyId,
    Plaintext: "text",
  });
  return { accountId, keyId, versionId: encrypted.KeyVersionId, alias, blob: encrypted.CiphertextBlob };
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
function likeness({ blob }: Things, accountId: string): Things {
  const versionId = randomUUID();
  const bytes = Buffer.from(blob, "base64");
  return {
    accountId,
    keyId: randomUUID(),
    versionId,
    alias: `alias/${randomBytes(8).toString("hex")}`,
    blob: Buffer.concat([Buffer.from(versionId), bytes.subarray(versionId.length)]).toString("base64"),
  };
}
