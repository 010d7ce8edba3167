import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import type { DeclaredOperation } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { Application } from "./support/application.ts";
import { Isolation, type IsolatedArea } from "./support/isolation.ts";
import { type AccountCaller, REGION, TwoAccounts } from "./support/two-accounts.ts";

// As isolation.test.ts, for what applications call with their client keys.

type Things = Readonly<Record<"accountId" | "keyId" | "versionId" | "alias" | "blob", string>>;
type Callers = Readonly<Record<"one" | "other", Application>>;

/** The keys of operations that do nothing with a symmetric one. */
const OTHER_KEYS: Readonly<Record<string, string>> = {
  Sign: "EC_P256",
  Verify: "EC_P256",
  GetPublicKey: "EC_P256",
  Hmac: "HMAC_SHA_256",
};

const PLAINTEXT = Buffer.alloc(40, "text").toString("base64");
const IV = Buffer.alloc(12, 7).toString("base64");
/** Of a ciphertext of the Advance operations, before the id of the key version. */
const HEADER_BYTES = 3;

const areaOf = (world: TwoAccounts, callers: Callers): IsolatedArea<Things> => ({
  name: "application",
  send: ({ name }, wire) => callers.other.send(name, wire),
  forms: [
    ({ keyId }) => keyId,
    ({ alias }) => alias,
    ({ accountId, keyId }) => `acs:kms:${REGION}:${accountId}:key/${keyId}`,
    ({ blob }) => blob,
    ({ versionId }) => versionId,
  ],
  good: {
    KeyId: ({ keyId }) => ({ KeyId: keyId }),
    Plaintext: () => ({ Plaintext: PLAINTEXT }),
    CiphertextBlob: ({ blob }) => ({ CiphertextBlob: blob }),
    Iv: () => ({ Iv: IV }),
    Message: () => ({ Message: "bWVzc2FnZQ==" }),
    Signature: () => ({ Signature: "AAAA" }),
    KeyPairSpec: () => ({ KeyPairSpec: "EC_P256" }),
    KeyFormat: () => ({ KeyFormat: "DER" }),
    Length: () => ({ Length: "40" }),
    SecretName: () => ({ SecretName: "name" }),
  },
  needed: { Decrypt: ["KeyId", "Iv"], AdvanceDecrypt: ["KeyId"], Sign: ["Message"], Verify: ["Message"] },
  before: {},
  always: { GetSecretValue: "UnsupportedOperation" },
  make: (caller, operation) => makeThings(caller, operation, caller === world.one ? callers.one : callers.other),
  async makeForeign(caller, operation) {
    const things = await makeThings(caller, operation, callers.one);
    const { keyId, versionId, alias, blob } = things;
    return { things, marks: [keyId, versionId, alias, blob] };
  },
  likeness({ blob }, accountId) {
    const versionId = randomUUID();
    const bytes = Buffer.from(blob, "base64");
    bytes.write(versionId, Math.min(HEADER_BYTES, bytes.length), "latin1");
    return {
      accountId,
      keyId: randomUUID(),
      versionId,
      alias: `alias/${randomBytes(8).toString("hex")}`,
      blob: bytes.toString("base64"),
    };
  },
  look: async (caller, { keyId }) =>
    (await caller.call<{ KeyMetadata: unknown }>("DescribeKey", { KeyId: keyId })).KeyMetadata,
});

forEachDatabase((database) => {
  // Nothing of the protocol depends on the database.
  if (database.name !== "sqlite") return;
  test("to an application, what belongs to another account looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    const callers = {
      one: await makeApplication(world, world.one, "one"),
      other: await makeApplication(world, world.other, "other"),
    };
    await new Isolation(world, areaOf(world, callers)).run();
  });

  test("a policy that names another account's key gives as little as one that names no key at all", async () => {
    await using world = await TwoAccounts.start(database);
    const { KeyMetadata } = await world.one.call<{ KeyMetadata: { KeyId: string } }>("CreateKey");
    const keys = [KeyMetadata.KeyId, randomUUID()];
    const app = await makeApplication(world, world.other, "named", JSON.stringify(keys.map((id) => `key/${id}`)));
    const codes = await Promise.all(
      keys.map(async (KeyId) => (await app.call("Encrypt", { KeyId, Plaintext: Buffer.from("text") })).code),
    );
    assert.deepEqual(codes, ["Forbidden.KeyNotFound", "Forbidden.KeyNotFound"]);
  });
});

async function makeApplication(
  world: TwoAccounts,
  owner: AccountCaller,
  name: string,
  resources = '["key/*","secret/*"]',
): Promise<Application> {
  const templates = ["CryptoServiceKeyUser", "CryptoServiceSecretUser"];
  const Permissions = JSON.stringify(templates.map((template) => `RbacPermission/Template/${template}`));
  await owner.call("CreatePolicy", { Name: name, Permissions, Resources: resources });
  await owner.call("CreateApplicationAccessPoint", { Name: name, Policies: JSON.stringify([name]) });
  return Application.create(world, owner, name);
}

async function makeThings(caller: AccountCaller, operation: DeclaredOperation, app: Application): Promise<Things> {
  const { accountId } = caller;
  const { [operation.name]: spec = "Aliyun_AES_256" } = OTHER_KEYS;
  const created = await caller.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", { KeySpec: spec });
  const { KeyId: keyId } = created.KeyMetadata;
  const alias = `alias/${randomBytes(8).toString("hex")}`;
  await caller.call("CreateAlias", { AliasName: alias, KeyId: keyId });
  const { KeyVersions } = await caller.call<{
    KeyVersions: { KeyVersion: readonly { readonly KeyVersionId: string }[] };
  }>("ListKeyVersions", { KeyId: keyId });
  const { KeyVersionId: versionId = "" } = KeyVersions.KeyVersion[0] ?? {};
  if (operation.name in OTHER_KEYS) {
    return { accountId, keyId, versionId, alias, blob: randomBytes(100).toString("base64") };
  }
  const [action, wire] = operation.name === "Decrypt" ? ["Encrypt", { Iv: IV }] : ["AdvanceEncrypt", {}];
  const { body } = await app.send(action, { KeyId: keyId, Plaintext: PLAINTEXT, ...wire });
  const { CiphertextBlob: blob = "" } = JSON.parse(body) as { CiphertextBlob?: string };
  return { accountId, keyId, versionId, alias, blob };
}
