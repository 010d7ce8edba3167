import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Deployment } from "../src/deployment.ts";
import { Replayer } from "../src/replay/replayer.ts";
import { requestShapes } from "../src/replay/request-shape.ts";
import { type Attributes, plan, ProviderError, recorded, TerraformProvider } from "../src/replay/terraform-provider.ts";

const NO_KEY = "00000000-0000-4000-8000-000000000000";
const WINDOW = { pending_window_in_days: 7 };

let deployment: Deployment;
let provider: TerraformProvider;
before(async () => {
  deployment = await Deployment.start({ tls: false });
  provider = new TerraformProvider(deployment);
});
after(() => deployment[Symbol.asyncDispose]());

const configurations: Readonly<Record<string, Attributes>> = {
  "with nothing but defaults": { protection_level: "SOFTWARE" },
  "with all that can be set": {
    protection_level: "SOFTWARE",
    description: "reports of the year 中文 & more",
    key_spec: "Aliyun_AES_256",
    key_usage: "ENCRYPT/DECRYPT",
    origin: "Aliyun_KMS",
    deletion_protection: "Enabled",
    deletion_protection_description: "still needed",
    tags: { team: "blue", "cost-centre": "42" },
  },
  "made disabled": { protection_level: "SOFTWARE", status: "Disabled", tags: { team: "red" } },
};

for (const [title, config] of Object.entries(configurations)) {
  test(`alicloud_kms_key ${title}: nothing is left to plan after apply, import gives the same`, async () => {
    const state = await provider.createKey({ ...config, ...WINDOW });
    assert.deepEqual(plan(state, config), []);
    assert.deepEqual(await provider.readKey(state.id), state);
  });
}

test("alicloud_kms_key: each change is made in place, and nothing is left to plan", async () => {
  let config: Attributes = { protection_level: "SOFTWARE", description: "first", tags: { a: "1", b: "2" }, ...WINDOW };
  let state = await provider.createKey(config);
  const { id } = state;
  for (const change of [
    { description: "second" },
    { tags: { b: "3", c: "" } },
    { status: "Disabled" },
    { deletion_protection: "Enabled", deletion_protection_description: "hands off" },
    { status: "Enabled", description: "third", tags: {} },
    { deletion_protection: "Disabled", deletion_protection_description: "" },
  ] satisfies Attributes[]) {
    config = { ...config, ...change };
    assert.notDeepEqual(plan(state, config), []);
    state = await provider.updateKey(state, config);
    assert.deepEqual(plan(state, config), []);
    assert.equal(state.id, id);
  }
});

test("alicloud_kms_key: a destroyed key is gone at the next refresh, and can be destroyed no more", async () => {
  const state = await provider.createKey(WINDOW);
  await provider.deleteKey(state, WINDOW);
  assert.equal(await provider.readKey(state.id), undefined);
  await assert.rejects(provider.deleteKey(state, WINDOW), { status: 409, code: "Rejected.StateModifiedFailed" });
});

test("alicloud_kms_key: a key that never was is gone, for refresh and destroy alike", async () => {
  assert.equal(await provider.readKey(NO_KEY), undefined);
  await provider.deleteKey({ id: NO_KEY }, WINDOW);
});

test("alicloud_kms_key: a protected key is not destroyed", async () => {
  const state = await provider.createKey({ ...WINDOW, deletion_protection: "Enabled" });
  await assert.rejects(provider.deleteKey(state, WINDOW), (error: unknown) => {
    assert(error instanceof ProviderError);
    assert(!error.isGone && !error.isRetried);
    return true;
  });
  assert.deepEqual(await provider.readKey(state.id), state);
});

test("alicloud_kms_alias: made, found behind a page of others, moved, imported and destroyed", async () => {
  const first = await provider.createKey(WINDOW);
  const second = await provider.createKey(WINDOW);
  const names = Array.from({ length: 25 }, () => `alias/terraform/${randomUUID()}`);
  for (const alias_name of names) await provider.request("createAlias", { alias_name, key_id: first.id });
  for (const name of names) assert.equal((await provider.readAlias(name))?.["key_id"], first.id);
  const [name = ""] = names;
  await provider.request("moveAlias", { id: name, key_id: second.id });
  assert.deepEqual(await provider.readAlias(name), { id: name, alias_name: name, key_id: second.id });
  await provider.request("deleteAlias", { id: name });
  assert.equal(await provider.readAlias(name), undefined);
  await assert.rejects(provider.request("deleteAlias", { id: name }), { isGone: true });
  await assert.rejects(provider.request("createAlias", { alias_name: names[1], key_id: first.id }), {
    code: "AliasAlreadyExists",
    isGone: false,
    isRetried: false,
  });
});

test("alicloud_kms_ciphertext and alicloud_kms_plaintext: what one encrypts, the other decrypts", async () => {
  const { id } = await provider.createKey(WINDOW);
  for (const encryption_context of [{}, { tenant: "acme & co", purpose: "<test>" }]) {
    // The provider sends the text as it is configured, base64 or not.
    for (const plaintext of ["aGVsbG8=", "a plain text"]) {
      const { CiphertextBlob } = await provider.request("encrypt", { key_id: id, plaintext, encryption_context });
      const ciphertext_blob = String(CiphertextBlob);
      const { Plaintext, KeyId } = await provider.request("decrypt", { ciphertext_blob, encryption_context });
      assert.deepEqual({ Plaintext, KeyId }, { Plaintext: plaintext, KeyId: id });
    }
  }
});

test("alicloud_kms_service: it is open already, which the provider takes for success", async () => {
  await assert.rejects(provider.request("openService"), { code: "Forbidden.Opened", isRetried: false });
});

test("alicloud_kms_keys: lists every key of the account, page by page, each with its description", async () => {
  const made = await provider.createKey({ ...WINDOW, description: "to be found" });
  const found: string[] = [];
  for (let page = 1; ; page++) {
    const { Keys } = await provider.request("listKeys", { page });
    const { Key: rows } = Keys as { Key: { KeyId: string }[] };
    found.push(...rows.map(({ KeyId }) => KeyId));
    if (rows.length < 50) break;
  }
  assert(found.includes(made.id));
  for (const id of found) await provider.request("readKey", { id });
});

test("what the provider tries again is what passes by itself", () => {
  for (const [status, code] of [
    [429, "Rejected.Throttling"],
    [503, "ServiceUnavailableTemporary"],
    [500, "InternalFailure"],
  ] as const) {
    assert(new ProviderError(status, code).isRetried, code);
  }
  for (const code of recorded.gone.codes) assert(!new ProviderError(404, code).isRetried, code);
});

test("parameters that the operation does not know, such as RegionId and ClientToken, change nothing", async () => {
  const { id: KeyId } = await provider.createKey(WINDOW);
  const shape = requestShapes.find(({ client }) => client === recorded.client);
  assert(shape !== undefined);
  const client = new Replayer(deployment, shape);
  const plain = await client.call("DescribeKey", { KeyId });
  const others = { RegionId: "cn-beijing", ClientToken: randomUUID(), Unknown: "" };
  assert.deepEqual(await client.call("DescribeKey", { KeyId, ...others }), plain);
});
