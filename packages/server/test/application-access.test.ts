import assert from "node:assert/strict";
import { createVerify, hash, X509Certificate } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { type FieldValue, INSTANCE_APIS, signInstance } from "@cinnabar/rpc";
import { forEachDatabase } from "@cinnabar/testkit";
import { answeredApis, Application, openPkcs12, PASSWORD, readReply } from "./support/application.ts";
import { type AccountCaller, TwoAccounts } from "./support/two-accounts.ts";

const KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser";
type Fields = Readonly<Record<string, unknown>>;

const PLAINTEXT = Buffer.from("what the application keeps");

/** An account's access point for keys of an instance, or for those that are in none. */
async function giveAccess(
  owner: AccountCaller,
  {
    name,
    resources,
    instance,
    sources,
  }: { name: string; resources: readonly string[]; instance?: string; sources?: readonly string[] },
): Promise<void> {
  if (sources !== undefined) {
    await owner.call<Fields>("CreateNetworkRule", {
      Name: `${name}-rule`,
      Type: "Private",
      SourcePrivateIp: JSON.stringify(sources),
    });
  }
  await owner.call<Fields>("CreatePolicy", {
    Name: `${name}-policy`,
    ...(instance !== undefined && { KmsInstance: instance }),
    Permissions: JSON.stringify([KEY_USER]),
    Resources: JSON.stringify(resources),
    ...(sources !== undefined && { AccessControlRules: JSON.stringify({ NetworkRules: [`${name}-rule`] }) }),
  });
  await owner.call<Fields>("CreateApplicationAccessPoint", {
    Name: name,
    Policies: JSON.stringify([`${name}-policy`]),
  });
}

async function makeKey(owner: AccountCaller, parameters: Readonly<Record<string, string>> = {}): Promise<string> {
  const { KeyMetadata } = await owner.call<Fields>("CreateKey", parameters);
  return (KeyMetadata as { KeyId: string }).KeyId;
}

function bytes(value: FieldValue | undefined): Buffer {
  assert(value instanceof Uint8Array, "not bytes");
  return Buffer.from(value);
}

forEachDatabase((database) => {
  suite("application access", () => {
    let accounts: TwoAccounts;
    let owner: AccountCaller;

    before(async () => {
      accounts = await TwoAccounts.start(database);
      owner = accounts.one;
    });
    after(() => accounts[Symbol.asyncDispose]());

    test("what gives access is made, told, changed, listed and deleted", async () => {
      const rule = {
        Name: "office",
        Type: "Private",
        SourcePrivateIp: '["192.168.0.0/16","10.1.2.3"]',
        Description: "d",
      };
      const made = await owner.call<Fields>("CreateNetworkRule", rule);
      assert.equal(made["Arn"], `acs:kms:cn-hangzhou:${owner.accountId}:network/office`);
      assert.equal((await owner.attempt("CreateNetworkRule", rule)).status, 409);
      await owner.call<Fields>("UpdateNetworkRule", { Name: "office", SourcePrivateIp: '["10.0.0.0/8"]' });
      const told = await owner.call<Fields>("DescribeNetworkRule", { Name: "office" });
      assert.deepEqual([told["SourcePrivateIp"], told["Description"]], ['["10.0.0.0/8"]', "d"]);

      const policy = {
        Name: "readers",
        Permissions: JSON.stringify([KEY_USER]),
        Resources: '["key/*","secret/a/b"]',
        AccessControlRules: '{"NetworkRules":["office"]}',
      };
      await owner.call<Fields>("CreatePolicy", policy);
      assert.equal(await codeOf(owner, "DeleteNetworkRule", { Name: "office" }), "Rejected.ResourceInUse");
      const described = await owner.call<Fields>("DescribePolicy", { Name: "readers" });
      assert.deepEqual(described["Resources"], ["key/*", "secret/a/b"]);
      assert.deepEqual(described["Permissions"], [KEY_USER]);
      assert.equal(described["AccessControlRules"], '{"NetworkRules":["office"]}');
      assert.equal(
        await codeOf(owner, "CreatePolicy", { ...policy, Name: "p", AccessControlRules: '{"NetworkRules":["none"]}' }),
        "Forbidden.ResourceNotFound",
      );

      await owner.call<Fields>("CreateApplicationAccessPoint", { Name: "app", Policies: '["readers"]' });
      assert.equal(await codeOf(owner, "DeletePolicy", { Name: "readers" }), "Rejected.ResourceInUse");
      assert.equal(
        await codeOf(owner, "CreateApplicationAccessPoint", { Name: "b", Policies: '["none"]' }),
        "Forbidden.ResourceNotFound",
      );
      const { NetworkRules } = await owner.call<Fields>("ListNetworkRules");
      assert.deepEqual(NetworkRules, { NetworkRule: [{ Name: "office", Type: "Private" }] });
      const listed = await owner.call<Fields>("ListApplicationAccessPoints");
      assert.deepEqual([listed["TotalCount"], listed["PageSize"]], [1, 20]);

      const key = await owner.call<Fields>("CreateClientKey", { AapName: "app", Password: PASSWORD });
      const { ClientKeys } = await owner.call<Fields>("ListClientKeys", { AapName: "app" });
      const [entry] = ClientKeys as Record<string, string>[];
      assert.equal(entry?.["ClientKeyId"], key["ClientKeyId"]);
      assert.equal("PrivateKeyData" in (entry ?? {}), false);
      const certificate = new X509Certificate(String(entry?.["PublicKeyData"]));
      assert.equal(certificate.subject, `CN=${String(key["ClientKeyId"])}`);
      assert.equal(certificate.validToDate.toISOString().replace(".000", ""), key["NotAfter"]);

      // With an access point go its client keys.
      await owner.call<Fields>("DeleteApplicationAccessPoint", { Name: "app" });
      assert.equal(
        await codeOf(owner, "GetClientKey", { ClientKeyId: String(key["ClientKeyId"]) }),
        "Forbidden.ResourceNotFound",
      );
      await owner.call<Fields>("DeletePolicy", { Name: "readers" });
      await owner.call<Fields>("DeleteNetworkRule", { Name: "office" });
    });

    test("an application encrypts and decrypts in every form, and keeps what each form says", async () => {
      const keyId = await makeKey(owner);
      await giveAccess(owner, { name: "crypto", resources: [`key/${keyId}`] });
      const app = await Application.create(accounts, owner, "crypto");
      const Aad = Buffer.from("aad");
      const plain = await app.call("Encrypt", { KeyId: keyId, Plaintext: PLAINTEXT, Aad });
      assert.deepEqual([plain.code, plain.fields.get("Algorithm")], [undefined, "AES_GCM"]);
      assert.equal(plain.fields.get("RequestId"), plain.requestId);
      const CiphertextBlob = bytes(plain.fields.get("CiphertextBlob"));
      const Iv = bytes(plain.fields.get("Iv"));
      assert.deepEqual([Iv.length, CiphertextBlob.length], [12, PLAINTEXT.length + 16]);
      for (const api of ["Decrypt", "AdvanceDecrypt"]) {
        const opened = await app.call(api, { KeyId: keyId, CiphertextBlob, Iv, Aad });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT, api);
      }
      assert.equal((await app.call("Decrypt", { KeyId: keyId, CiphertextBlob, Iv })).code, "InvalidParam");

      // The caller's own IVs have a key of their own, which the Advance operations do not know.
      const chosen = await app.call("Encrypt", { KeyId: keyId, Plaintext: PLAINTEXT, Aad, Iv });
      const chosenBlob = bytes(chosen.fields.get("CiphertextBlob"));
      assert.notDeepEqual(chosenBlob, CiphertextBlob);
      for (const api of ["Decrypt", "AdvanceDecrypt"]) {
        const opened = await app.call(api, { KeyId: keyId, CiphertextBlob: chosenBlob, Iv, Aad });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT, api);
      }
      assert.equal((await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT, Iv })).code, "InvalidParam");

      const advance = await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT, Aad });
      const blob = bytes(advance.fields.get("CiphertextBlob"));
      assert.equal(blob.toString("latin1", 3, 39), advance.fields.get("KeyVersionId"));
      const opened = await app.call("AdvanceDecrypt", { CiphertextBlob: blob, Aad });
      assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      const moved = Buffer.concat([blob.subarray(0, 39), Iv, chosenBlob]);
      assert.equal((await app.call("AdvanceDecrypt", { CiphertextBlob: moved, Aad })).code, "InvalidParam");

      const dataKey = await app.call("GenerateDataKey", { KeyId: keyId, NumberOfBytes: 16 });
      const again = await app.call("Decrypt", {
        KeyId: keyId,
        CiphertextBlob: bytes(dataKey.fields.get("CiphertextBlob")),
        Iv: bytes(dataKey.fields.get("Iv")),
      });
      assert.deepEqual(again.fields.get("Plaintext"), dataKey.fields.get("Plaintext"));
      const advanced = await app.call("AdvanceGenerateDataKey", { KeyId: keyId });
      assert.equal(bytes(advanced.fields.get("Plaintext")).length, 32);

      const pair = await app.call("AdvanceGenerateDataKeyPair", {
        KeyId: keyId,
        KeyPairSpec: "EC_P256",
        KeyFormat: "PEM",
      });
      const privateKey = await app.call("AdvanceDecrypt", {
        CiphertextBlob: bytes(pair.fields.get("PrivateKeyCiphertextBlob")),
      });
      assert.deepEqual(privateKey.fields.get("Plaintext"), pair.fields.get("PrivateKeyPlaintext"));
      assert.match(bytes(pair.fields.get("PublicKey")).toString(), /^-----BEGIN PUBLIC KEY-----\n/);
      const open = await app.call("GenerateDataKeyPair", { KeyId: keyId, KeyPairSpec: "EC_P256", KeyFormat: "DER" });
      const openPrivateKey = await app.call("Decrypt", {
        KeyId: keyId,
        CiphertextBlob: bytes(open.fields.get("PrivateKeyCiphertextBlob")),
        Iv: bytes(open.fields.get("Iv")),
      });
      assert.deepEqual(openPrivateKey.fields.get("Plaintext"), open.fields.get("PrivateKeyPlaintext"));
      for (const name of ["GenerateDataKeyPairWithoutPlaintext", "AdvanceGenerateDataKeyPairWithoutPlaintext"]) {
        const hidden = await app.call(name, { KeyId: keyId, KeyPairSpec: "EC_P256K", KeyFormat: "DER" });
        assert.equal(hidden.code, undefined);
        assert.equal(hidden.fields.has("PrivateKeyPlaintext"), false);
      }
    });

    test("plain operations stay with the initial version, Advance ones follow the primary", async () => {
      const instance = await accounts.addInstance(owner);
      await owner.call<Fields>("ConnectKmsInstance", {
        KmsInstanceId: instance,
        KMProvider: "Aliyun",
        VpcId: "vpc-1",
        ZoneIds: "a,b",
        VSwitchIds: "vsw-1,vsw-2",
      });
      const keyId = await makeKey(owner, { DKMSInstanceId: instance });
      await giveAccess(owner, { name: "versions", resources: ["key/*"], instance });
      const app = await Application.create(accounts, owner, "versions");
      const before = await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT });
      await owner.call<Fields>("CreateKeyVersion", { KeyId: keyId });
      const after = await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT });
      assert.notEqual(after.fields.get("KeyVersionId"), before.fields.get("KeyVersionId"));
      for (const sealed of [before, after]) {
        const CiphertextBlob = bytes(sealed.fields.get("CiphertextBlob"));
        const opened = await app.call("AdvanceDecrypt", { CiphertextBlob });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      }
      const plain = await app.call("Encrypt", { KeyId: keyId, Plaintext: PLAINTEXT });
      const read = await app.call("AdvanceDecrypt", {
        KeyId: keyId,
        CiphertextBlob: bytes(plain.fields.get("CiphertextBlob")),
        Iv: bytes(plain.fields.get("Iv")),
      });
      assert.equal(read.fields.get("KeyVersionId"), before.fields.get("KeyVersionId"));

      // A policy is about the keys of its instance alone.
      const elsewhere = await makeKey(owner);
      assert.equal(
        (await app.call("Encrypt", { KeyId: elsewhere, Plaintext: PLAINTEXT })).code,
        "Forbidden.NoPermission",
      );
    });

    test("pairs sign, verify and decrypt, and keys of codes make codes", async () => {
      const [pair, decrypting, mac] = await Promise.all([
        makeKey(owner, { KeySpec: "EC_P256" }),
        makeKey(owner, { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT" }),
        makeKey(owner, { KeySpec: "HMAC_SHA_256" }),
      ]);
      await giveAccess(owner, { name: "pairs", resources: ["key/*"] });
      const app = await Application.create(accounts, owner, "pairs");
      const Message = Buffer.from("signed");
      const signed = await app.call("Sign", { KeyId: pair, Message, MessageType: "RAW" });
      const Signature = bytes(signed.fields.get("Signature"));
      const { fields } = await app.call("GetPublicKey", { KeyId: pair });
      assert(
        createVerify("sha256")
          .update(Message)
          .verify(String(fields.get("PublicKey")), Signature),
      );
      const right = await app.call("Verify", { KeyId: pair, Message, MessageType: "RAW", Signature });
      assert.equal(right.fields.get("Value"), true);
      const wrong = await app.call("Verify", { KeyId: pair, Message: Buffer.from("other"), Signature });
      assert.deepEqual([wrong.code, wrong.fields.has("Value")], [undefined, false]);

      const long = Buffer.alloc(65_537);
      assert.equal((await app.call("Sign", { KeyId: pair, Message: long })).code, undefined);
      const edwards = await makeKey(owner, { KeySpec: "ED25519" });
      assert.equal((await app.call("Sign", { KeyId: edwards, Message: long })).code, "InvalidParam");
      assert.equal((await app.call("Sign", { KeyId: edwards, Message: long.subarray(1) })).code, undefined);

      const sealed = await app.call("Encrypt", { KeyId: decrypting, Plaintext: PLAINTEXT });
      assert.equal(sealed.fields.get("Algorithm"), "RSAES_OAEP_SHA_256");
      const opened = await app.call("Decrypt", {
        KeyId: decrypting,
        CiphertextBlob: bytes(sealed.fields.get("CiphertextBlob")),
      });
      assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      assert.equal(bytes((await app.call("Hmac", { KeyId: mac, Message })).fields.get("Signature")).length, 32);
      assert.equal((await app.call("Hmac", { KeyId: pair, Message })).code, "Rejected.UnsupportedOperation");
      assert.equal(bytes((await app.call("GenerateRandom", { Length: 40 })).fields.get("Random")).length, 40);
      assert.equal((await app.call("GenerateRandom", { Length: 0 })).code, "MissingParameter");
    });

    test("what would keep everybody waiting is refused by its length", async () => {
      const sm4 = await makeKey(owner, { KeySpec: "Aliyun_SM4" });
      const app = await Application.create(accounts, owner, "pairs");
      const most = 32 * 1024;
      const Plaintext = Buffer.alloc(most);
      const sealed = await app.call("AdvanceEncrypt", { KeyId: sm4, Plaintext });
      const CiphertextBlob = bytes(sealed.fields.get("CiphertextBlob"));
      assert.deepEqual(
        bytes((await app.call("AdvanceDecrypt", { CiphertextBlob })).fields.get("Plaintext")),
        Plaintext,
      );
      for (const [api, fields] of [
        ["Encrypt", { KeyId: sm4, Plaintext, Aad: Buffer.alloc(1) }],
        ["AdvanceEncrypt", { KeyId: sm4, Plaintext: Buffer.alloc(most + 1) }],
        ["GenerateDataKey", { KeyId: sm4, Aad: Buffer.alloc(most) }],
        ["AdvanceDecrypt", { CiphertextBlob, Aad: Buffer.alloc(1) }],
      ] as const) {
        const { fields: told } = await app.call(api, fields);
        assert.match(String(told.get("ErrorMessage")), /at most 32768 bytes/, api);
      }
    });

    test("every change of what gives access holds from the moment that its call returns", async () => {
      const keyId = await makeKey(owner);
      await giveAccess(owner, { name: "changing", resources: [`key/${keyId}`], sources: ["10.0.0.0/8"] });
      const app = await Application.create(accounts, owner, "changing");
      const codeFrom = async (from: string) =>
        (await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT }, { from })).code;
      assert.deepEqual(
        [await codeFrom("10.1.2.3"), await codeFrom("192.168.0.1")],
        [undefined, "Forbidden.NoPermission"],
      );
      await owner.call<Fields>("UpdateNetworkRule", { Name: "changing-rule", SourcePrivateIp: '["192.168.0.0/16"]' });
      assert.deepEqual(
        [await codeFrom("10.1.2.3"), await codeFrom("192.168.0.1")],
        ["Forbidden.NoPermission", undefined],
      );
      await owner.call<Fields>("UpdateNetworkRule", { Name: "changing-rule", SourcePrivateIp: "[]" });
      assert.equal(await codeFrom("192.168.0.1"), "Forbidden.NoPermission");
      await owner.call<Fields>("UpdatePolicy", { Name: "changing-policy", AccessControlRules: '{"NetworkRules":[]}' });
      assert.equal(await codeFrom("192.168.0.1"), undefined);
      await owner.call<Fields>("UpdatePolicy", { Name: "changing-policy", Resources: '["secret/*"]' });
      assert.equal(await codeFrom("192.168.0.1"), "Forbidden.NoPermission");
      await owner.call<Fields>("UpdatePolicy", { Name: "changing-policy", Resources: '["key/*"]' });
      assert.equal(await codeFrom("192.168.0.1"), undefined);
      await owner.call<Fields>("DisableKey", { KeyId: keyId });
      assert.equal(await codeFrom("192.168.0.1"), "Rejected.Disabled");
      await owner.call<Fields>("EnableKey", { KeyId: keyId });
      await owner.call<Fields>("DeleteClientKey", { ClientKeyId: app.clientKeyId });
      assert.equal(await codeFrom("192.168.0.1"), "Unauthorized");
    });

    test("what is made again under a name is named by nobody who named what was deleted", async () => {
      const keyId = await makeKey(owner);
      const resources = [`key/${keyId}`];
      // Whoever can write to the database hides somebody from the deletion, and puts the row back as it was.
      const deleteBehind = async (table: string, column: string, deleted: readonly [action: string, name: string]) => {
        const [action, name] = deleted;
        const move = (from: string, to: string) =>
          accounts.tamper(`UPDATE ${table} SET ${column} = '${to}' WHERE ${column} = '${from}'`);
        const value = column === "account_id" ? owner.accountId : name;
        await move(value, "elsewhere");
        await owner.call<Fields>(action, { Name: name });
        await move("elsewhere", value);
      };
      const codeOfCall = async (app: Application) =>
        (await app.call("Encrypt", { KeyId: keyId, Plaintext: PLAINTEXT })).code;

      await giveAccess(owner, { name: "again", resources, sources: ["127.0.0.1"] });
      const first = await Application.create(accounts, owner, "again");
      assert.equal(await codeOfCall(first), undefined);
      await deleteBehind("client_key", "access_point", ["DeleteApplicationAccessPoint", "again"]);
      const Policies = '["again-policy"]';
      await owner.call<Fields>("CreateApplicationAccessPoint", { Name: "again", Policies });
      assert.equal(await codeOfCall(first), "Unauthorized");

      const second = await Application.create(accounts, owner, "again");
      assert.equal(await codeOfCall(second), undefined);
      const rule = { Name: "again-rule", Type: "Private", SourcePrivateIp: '["127.0.0.1"]' };
      await deleteBehind("application_policy", "account_id", ["DeleteNetworkRule", "again-rule"]);
      await owner.call<Fields>("CreateNetworkRule", rule);
      assert.equal(await codeOfCall(second), "Forbidden.NoPermission");
      const AccessControlRules = '{"NetworkRules":["again-rule"]}';
      await owner.call<Fields>("UpdatePolicy", { Name: "again-policy", AccessControlRules });
      assert.equal(await codeOfCall(second), undefined);

      await deleteBehind("access_point", "account_id", ["DeletePolicy", "again-policy"]);
      const policy = { Name: "again-policy", Permissions: JSON.stringify([KEY_USER]), Resources: '["key/*"]' };
      await owner.call<Fields>("CreatePolicy", policy);
      assert.equal(await codeOfCall(second), "Forbidden.NoPermission");
      await owner.call<Fields>("UpdateApplicationAccessPoint", { Name: "again", Policies });
      assert.equal(await codeOfCall(second), undefined);
    });

    test("an application has nothing of another account's, and a denied key policy binds it", async () => {
      const theirs = await makeKey(accounts.other);
      const own = await makeKey(owner);
      await giveAccess(owner, { name: "narrow", resources: ["key/*"] });
      const app = await Application.create(accounts, owner, "narrow");
      assert.equal((await app.call("Encrypt", { KeyId: theirs, Plaintext: PLAINTEXT })).code, "Forbidden.KeyNotFound");
      assert.equal(
        (await app.call("Encrypt", { KeyId: "00000000-0000-4000-8000-000000000000", Plaintext: PLAINTEXT })).code,
        "Forbidden.KeyNotFound",
      );
      const all = {
        Effect: "Allow",
        Principal: { RAM: [`acs:ram::${owner.accountId}:*`] },
        Action: ["kms:*"],
        Resource: ["*"],
      };
      const no = { ...all, Effect: "Deny", Action: ["kms:Decrypt"] };
      await owner.call<Fields>("SetKeyPolicy", {
        KeyId: own,
        PolicyName: "default",
        Policy: JSON.stringify({ Version: "1", Statement: [all, no] }),
        ConfirmLockout: "true",
      });
      const sealed = await app.call("AdvanceEncrypt", { KeyId: own, Plaintext: PLAINTEXT });
      assert.equal(sealed.code, undefined);
      const CiphertextBlob = bytes(sealed.fields.get("CiphertextBlob"));
      assert.equal((await app.call("AdvanceDecrypt", { CiphertextBlob })).code, "Forbidden.NoPermission");
      // Who may choose an IV may as well decrypt.
      const chosen = await app.call("Encrypt", { KeyId: own, Plaintext: PLAINTEXT, Iv: Buffer.alloc(12, 7) });
      assert.equal(chosen.code, "Forbidden.NoPermission");
    });

    test("an application of an instance's owner uses what guests made there, and nothing of theirs elsewhere", async () => {
      const guest = accounts.other;
      const [id, theirs] = [await accounts.addInstance(owner), await accounts.addInstance(guest)];
      for (const [host, instanceId, target] of [
        [owner, id, guest],
        [guest, theirs, owner],
      ] as const) {
        const share = { ResourceShareName: `of ${host.accountId}`, "Targets.1": target.accountId };
        await host.call<Fields>(
          "CreateResourceShare",
          { ...share, "Resources.1.ResourceId": instanceId, "Resources.1.ResourceType": "KMSInstance" },
          "2020-01-10",
        );
      }
      const alone = { Effect: "Allow", Principal: { RAM: [`acs:ram::${guest.accountId}:*`] }, Action: ["kms:*"] };
      const Policy = JSON.stringify({ Version: "1", Statement: [{ ...alone, Resource: ["*"] }] });
      const made = await makeKey(guest, { DKMSInstanceId: id, Policy });
      const hosted = await makeKey(guest, { DKMSInstanceId: theirs });
      await giveAccess(owner, { name: "host", resources: [`key/${made}`, `key/${hosted}`], instance: id });
      await giveAccess(owner, { name: "other-host", resources: ["key/*"], instance: theirs });
      const [app, other] = [
        await Application.create(accounts, owner, "host"),
        await Application.create(accounts, owner, "other-host"),
      ];
      const sealed = await app.call("AdvanceEncrypt", { KeyId: made, Plaintext: PLAINTEXT });
      assert.equal(sealed.code, undefined);
      const CiphertextBlob = bytes(sealed.fields.get("CiphertextBlob"));
      assert.equal((await app.call("AdvanceDecrypt", { CiphertextBlob })).code, undefined);
      // It is of the other instance, or that is not the account's.
      assert.equal((await other.call("AdvanceDecrypt", { CiphertextBlob })).code, "Forbidden.KeyNotFound");
      for (const caller of [app, other]) {
        const refused = await caller.call("AdvanceEncrypt", { KeyId: hosted, Plaintext: PLAINTEXT });
        assert.equal(refused.code, "Forbidden.KeyNotFound");
      }
    });

    test("an application of a guest uses keys of the guest's alone, also where their policies let in the whole account", async () => {
      const [guest, third] = [await accounts.addAccount(), await accounts.addAccount()];
      const instance = await accounts.addInstance(owner);
      const share = { ResourceShareName: "to guests", "Targets.1": guest.accountId, "Targets.2": third.accountId };
      await owner.call<Fields>(
        "CreateResourceShare",
        { ...share, "Resources.1.ResourceId": instance, "Resources.1.ResourceType": "KMSInstance" },
        "2020-01-10",
      );
      const RAM = [owner, guest, third].map(({ accountId }) => `acs:ram::${accountId}:*`);
      const statement = { Effect: "Allow", Principal: { RAM }, Action: ["kms:*"], Resource: ["*"] };
      const open = { DKMSInstanceId: instance, Policy: JSON.stringify({ Version: "1", Statement: [statement] }) };
      const sealedOf = async (app: Application, KeyId: string) => {
        const { fields, code } = await app.call("AdvanceEncrypt", { KeyId, Plaintext: PLAINTEXT });
        assert.equal(code, undefined);
        return { CiphertextBlob: bytes(fields.get("CiphertextBlob")), version: String(fields.get("KeyVersionId")) };
      };
      await giveAccess(owner, { name: "to-all", resources: ["key/*"], instance });
      await giveAccess(guest, { name: "to-own", resources: ["key/*"], instance });
      const host = await Application.create(accounts, owner, "to-all");
      const app = await Application.create(accounts, guest, "to-own");
      const own = await sealedOf(app, await makeKey(guest, open));
      for (const maker of [owner, third]) {
        const KeyId = await makeKey(maker, open);
        const { CiphertextBlob, version: KeyVersionId } = await sealedOf(host, KeyId);
        const [Iv, box] = [CiphertextBlob.subarray(39, 51), CiphertextBlob.subarray(51)];
        for (const [api, fields, header] of [
          ["AdvanceDecrypt", { CiphertextBlob }, {}],
          ["AdvanceDecrypt", { CiphertextBlob, KeyId }, {}],
          ["AdvanceEncrypt", { KeyId, Plaintext: PLAINTEXT }, {}],
          ["Decrypt", { CiphertextBlob: box, Iv }, { "x-kms-migrationkeyversionid": KeyVersionId }],
        ] as const) {
          const { code } = await app.call(api, fields, { headers: header });
          assert.equal(code, "Forbidden.KeyNotFound", api);
        }
        assert.equal((await host.call("AdvanceDecrypt", { CiphertextBlob })).code, undefined);
        const byVersion = { headers: { "x-kms-migrationkeyversionid": KeyVersionId } };
        const opened = await host.call("Decrypt", { CiphertextBlob: box, Iv }, byVersion);
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      }
      for (const caller of [app, host]) {
        const opened = await caller.call("AdvanceDecrypt", { CiphertextBlob: own.CiphertextBlob });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      }
    });

    test("to another account what gives access looks like what does not exist", async () => {
      await giveAccess(owner, { name: "hidden", resources: ["key/*"], sources: ["10.0.0.0/8"] });
      const { ClientKeyId } = await owner.call<{ ClientKeyId: string }>("CreateClientKey", {
        AapName: "hidden",
        Password: PASSWORD,
      });
      const { other } = accounts;
      const said = async (action: string, wire: Readonly<Record<string, string>>): Promise<string> => {
        const { status, body, requestId } = await other.attempt(action, wire);
        return `${status} ${String(body).replaceAll(requestId, "")}`;
      };
      for (const [kind, name] of [
        ["NetworkRule", "hidden-rule"],
        ["Policy", "hidden-policy"],
        ["ApplicationAccessPoint", "hidden"],
      ]) {
        for (const verb of ["Describe", "Update", "Delete"]) {
          const action = `${verb}${kind}`;
          assert.equal(await said(action, { Name: name ?? "" }), await said(action, { Name: "nowhere" }), action);
        }
      }
      const nowhere = "KAAP.00000000-0000-4000-8000-000000000000";
      for (const action of ["GetClientKey", "DeleteClientKey"]) {
        assert.equal(await said(action, { ClientKeyId }), await said(action, { ClientKeyId: nowhere }), action);
      }
      const wire = { Permissions: JSON.stringify([KEY_USER]), Resources: '["key/*"]', Name: "p" };
      for (const rule of ["hidden-rule", "nowhere"]) {
        const AccessControlRules = JSON.stringify({ NetworkRules: [rule] });
        assert.equal(
          await codeOf(other, "CreatePolicy", { ...wire, AccessControlRules }),
          "Forbidden.ResourceNotFound",
        );
      }
      for (const action of ["ListNetworkRules", "ListPolicies", "ListApplicationAccessPoints"]) {
        assert.equal((await other.call<{ TotalCount: number }>(action)).TotalCount, 0, action);
      }
      assert.deepEqual(await other.call<Fields>("ListClientKeys").then(({ ClientKeys }) => ClientKeys), []);
    });

    test("what is not proven or not asked rightly is refused by the protocol's own names", async () => {
      const keyId = await makeKey(owner);
      await giveAccess(owner, { name: "refusals", resources: ["key/*"] });
      const app = await Application.create(accounts, owner, "refusals");
      const message = { KeyId: keyId, Plaintext: PLAINTEXT };
      const late = await app.call("Encrypt", message, { at: Date.now() - 16 * 60_000 });
      assert.deepEqual([late.status, late.code], [400, "RequestTimeTooSkewed"]);
      const other = await Application.create(accounts, owner, "refusals");
      const forged = new Application(accounts, { clientKeyId: app.clientKeyId, privateKey: other.privateKey });
      const refused = await forged.call("Encrypt", message);
      assert.deepEqual([refused.status, refused.code], [401, "SignatureNotMatch"]);
      const invented = new Application(accounts, {
        clientKeyId: "KAAP.00000000-0000-4000-8000-000000000000",
        privateKey: app.privateKey,
      });
      const unknown = await invented.call("Encrypt", message);
      assert.deepEqual([unknown.status, unknown.code], [404, "Unauthorized"]);
      assert.equal((await app.call("Encrypt", { KeyId: keyId })).code, "MissingParameter");
      const unnamed = await app.call("Encrypt", { ...message, Algorithm: "ROT13" });
      assert.deepEqual([unnamed.status, unnamed.code], [400, "InvalidParam"]);
      assert.match(String(unnamed.fields.get("ErrorMessage")), /"Algorithm" is not valid\. It must be one of /);
      assert.equal((await app.call("Encrypt", { ...message, Algorithm: "AES_CBC" })).code, "UnsupportedOperation");
      assert.equal((await app.call("GetSecretValue", { SecretName: "s" })).code, "Forbidden.NoPermission");

      // A client key is no AccessKey, and the protocol's operations are served in no other way.
      assert.equal(
        await codeOf(owner, "Encrypt", { KeyId: keyId, Plaintext: "YQ==" }, "dkms-gcs-0.2"),
        "InvalidAction.NotFound",
      );
    });

    test("over a socket a client key's body may have 3 MB, and what is refused there speaks the protocol too", async () => {
      const { ClientKeyId } = await owner.call<{ ClientKeyId: string }>("CreateClientKey", {
        AapName: "crypto",
        Password: PASSWORD,
      });
      const send = async (size: number, clientKeyId = ClientKeyId) => {
        const headers = { "content-type": "application/x-protobuf", "x-kms-acccesskeyid": clientKeyId };
        const response = await fetch(accounts.url, { method: "POST", headers, body: Buffer.alloc(size) });
        assert.equal(response.headers.get("content-type"), "application/x-protobuf");
        const requestId = response.headers.get("x-acs-request-id") ?? "";
        const body = Buffer.from(await response.arrayBuffer());
        return readReply("Encrypt", { status: response.status, requestId, body });
      };
      const [most, more] = [await send(3 * 1024 * 1024), await send(3 * 1024 * 1024 + 1)];
      assert.deepEqual([most.status, most.code], [400, "InvalidApiName"]);
      assert.deepEqual([more.status, more.code], [413, "RequestTooLarge"]);
      assert.equal(more.fields.get("RequestId"), more.requestId);
      // Whoever invents one has as much as everybody else.
      const invented = "KAAP.00000000-0000-4000-8000-000000000000";
      assert.equal((await send(1024 * 1024, invented)).code, "InvalidApiName");
      assert.equal((await send(1024 * 1024 + 1, invented)).code, "RequestTooLarge");
    });

    test("nothing of a body is read before it is known whose it is", async () => {
      const app = await Application.create(accounts, owner, "crypto");
      const { clientKeyId, privateKey } = app;
      const call = { apiName: "Encrypt", fields: new Map(), timestampMillis: Date.now() };
      const request = signInstance({ ...call, clientKeyId, privateKey });
      const body = Buffer.from("0a0561", "hex");
      const headers = { ...request.headers, "content-sha256": hash("sha256", body) };
      const { code } = readReply("Encrypt", await accounts.send({ ...request, headers, body }));
      assert.equal(code, "SignatureNotMatch");
    });

    test("a client key has its time, and a repeated request its moment", async () => {
      await giveAccess(owner, { name: "times", resources: ["key/*"] });
      const early = await owner.call<Fields>("CreateClientKey", {
        AapName: "times",
        Password: PASSWORD,
        NotBefore: "2099-01-01T00:00:00Z",
        NotAfter: "2100-01-01T00:00:00Z",
      });
      const privateKey = await openPkcs12(Buffer.from(String(early["PrivateKeyData"]), "base64"));
      const app = new Application(accounts, { clientKeyId: String(early["ClientKeyId"]), privateKey });
      assert.equal((await app.call("GenerateRandom", { Length: 8 })).code, "Unauthorized");
      const range = { AapName: "times", Password: PASSWORD, NotAfter: "2100-01-01T00:00:00Z" };
      assert.equal(await codeOf(owner, "CreateClientKey", range), "InvalidParameter");
      assert.equal(
        await codeOf(owner, "CreateClientKey", { AapName: "times", Password: "short1" }),
        "InvalidParameter",
      );
      assert.equal(
        await codeOf(owner, "CreateClientKey", { AapName: "times", Password: "onlyletters" }),
        "InvalidParameter",
      );

      const live = await Application.create(accounts, owner, "times");
      const at = Date.now();
      const first = await live.call("GenerateRandom", { Length: 8 }, { at });
      const second = await live.call("GenerateRandom", { Length: 8 }, { at });
      assert.deepEqual([first.code, second.code], [undefined, undefined]);
      assert.notDeepEqual(first.fields.get("Random"), second.fields.get("Random"));
    });

    test("every call is on record, with the access point and without what is secret", async () => {
      const keyId = await makeKey(owner);
      await giveAccess(owner, { name: "recorded", resources: ["key/*"] });
      const app = await Application.create(accounts, owner, "recorded");
      const secret = Buffer.from("never on record, not even a little");
      const sealed = await app.call("Encrypt", { KeyId: keyId, Plaintext: secret, Aad: Buffer.from("shown") });
      const refused = await app.call("Sign", { KeyId: keyId, Message: secret });
      const events = await accounts.readEvents();
      const event = events.find(({ eventId }) => eventId === sealed.requestId);
      assert(event !== undefined);
      const told = JSON.parse(event.text) as { userIdentity: object; apiVersion: string; requestParameters: object };
      assert.deepEqual(told.userIdentity, {
        accessKeyId: app.clientKeyId,
        accountId: owner.accountId,
        principalId: `acs:kms:cn-hangzhou:${owner.accountId}:applicationaccesspoint/recorded`,
        type: "application",
        userName: "recorded",
      });
      assert.equal(told.apiVersion, "dkms-gcs-0.2");
      assert.deepEqual(told.requestParameters, {
        Aad: `sha256:${hash("sha256", Buffer.from("shown").toString("base64"))}`,
        KeyId: keyId,
      });
      const failed = events.find(({ eventId }) => eventId === refused.requestId);
      assert.match(failed?.text ?? "", /Rejected\.UnsupportedOperation/);
      const all = events.map(({ text }) => text).join("\n");
      for (const text of [secret.toString("base64"), secret.toString(), PASSWORD])
        assert.equal(all.includes(text), false);
    });

    test("every call that uses a key counts as a use, in what it is reviewed by before it is deleted", async () => {
      const [keyId, pair, mac] = await Promise.all([
        makeKey(owner),
        makeKey(owner, { KeySpec: "EC_P256" }),
        makeKey(owner, { KeySpec: "HMAC_SHA_256" }),
      ]);
      await giveAccess(owner, { name: "counted", resources: ["key/*"] });
      const app = await Application.create(accounts, owner, "counted");
      const dryRun = async (KeyId: string): Promise<string> => {
        const { body } = await owner.attempt("ScheduleKeyDeletion", {
          KeyId,
          PendingWindowInDays: "7",
          DryRun: "true",
        });
        return (JSON.parse(String(body)) as { Message: string }).Message;
      };
      assert.match(await dryRun(keyId), /Nobody used the key/);
      const Message = Buffer.from("signed");
      const sealed = await app.call("AdvanceEncrypt", { KeyId: keyId, Plaintext: PLAINTEXT });
      const CiphertextBlob = bytes(sealed.fields.get("CiphertextBlob"));
      const signature = await app.call("Sign", { KeyId: pair, Message });
      const calls: Readonly<Record<string, readonly (readonly [api: string, fields: Record<string, FieldValue>])[]>> = {
        [keyId]: [
          ["Encrypt", { KeyId: keyId, Plaintext: PLAINTEXT }],
          ["Decrypt", { KeyId: keyId, CiphertextBlob, Iv: Buffer.alloc(12) }],
          ["AdvanceDecrypt", { CiphertextBlob }],
          ["GenerateDataKey", { KeyId: keyId }],
          ["AdvanceGenerateDataKey", { KeyId: keyId }],
          ...["", "Advance"].flatMap((prefix) =>
            ["", "WithoutPlaintext"].map(
              (suffix) =>
                [
                  `${prefix}GenerateDataKeyPair${suffix}`,
                  { KeyId: keyId, KeyPairSpec: "EC_P256", KeyFormat: "DER" },
                ] as const,
            ),
          ),
          // A failed call is seen as well.
          ["Sign", { KeyId: keyId, Message }],
        ],
        [pair]: [["Verify", { KeyId: pair, Message, Signature: bytes(signature.fields.get("Signature")) }]],
        [mac]: [["Hmac", { KeyId: mac, Message }]],
      };
      const expected = new Map<string, string[]>([
        [keyId, ["AdvanceEncrypt uses"]],
        [pair, ["Sign uses"]],
        [mac, []],
      ]);
      for (const [key, each] of Object.entries(calls)) {
        for (const [api, fields] of each) {
          const { code } = await app.call(api, fields);
          expected.get(key)?.push(`${api} ${code === undefined ? "uses" : "refusals"}`);
        }
      }
      for (const [KeyId, names] of expected) {
        const { Operations, Principals } = await owner.call<{
          Operations: { Operation: readonly { Name: string; Uses?: object; Refusals?: object }[] };
          Principals: { Principal: readonly { Type: string; PrincipalId: string }[] };
        }>("GetKeyUsage", { KeyId });
        const counted = Operations.Operation.flatMap(({ Name, Uses, Refusals }) => [
          ...(Uses === undefined ? [] : [`${Name} uses`]),
          ...(Refusals === undefined ? [] : [`${Name} refusals`]),
        ]);
        assert.deepEqual(counted.toSorted(), names.toSorted());
        assert.deepEqual(
          Principals.Principal.map(({ Type, PrincipalId }) => [Type, PrincipalId]),
          [["application", `acs:kms:cn-hangzhou:${owner.accountId}:applicationaccesspoint/counted`]],
        );
      }
      assert.doesNotMatch(await dryRun(keyId), /Nobody used the key/);

      // What was used since it was looked at has to be looked at again.
      const review = () => owner.call<{ UsageReportHash: string }>("GetKeyUsage", { KeyId: keyId });
      const { UsageReportHash: before } = await review();
      assert.equal((await app.call("AdvanceDecrypt", { CiphertextBlob })).code, undefined);
      const schedule = { KeyId: keyId, PendingWindowInDays: "7" };
      const stale = { ...schedule, UsageReportHash: before };
      assert.equal(await codeOf(owner, "ScheduleKeyDeletion", stale), "Rejected.UsageNotReviewed");
      const { UsageReportHash } = await review();
      assert.equal(await codeOf(owner, "ScheduleKeyDeletion", { ...schedule, UsageReportHash }), "none");
    });

    test("who made a key in another account's instance is told of that account's applications", async () => {
      const guest = accounts.other;
      const instance = await accounts.addInstance(owner);
      const share = { ResourceShareName: "told", "Targets.1": guest.accountId };
      await owner.call<Fields>(
        "CreateResourceShare",
        { ...share, "Resources.1.ResourceId": instance, "Resources.1.ResourceType": "KMSInstance" },
        "2020-01-10",
      );
      const statement = (principal: string, Effect: string, ...Action: string[]) => {
        return { Effect, Principal: { RAM: [`acs:ram::${principal}:*`] }, Action, Resource: ["*"] };
      };
      const document = (...Statement: object[]) => JSON.stringify({ Version: "1", Statement });
      const own = statement(guest.accountId, "Allow", "kms:*");
      const KeyId = await makeKey(guest, { DKMSInstanceId: instance, Policy: document(own) });
      await giveAccess(owner, { name: "told", resources: [`key/${KeyId}`], instance });
      const app = await Application.create(accounts, owner, "told");
      assert.equal((await app.call("AdvanceEncrypt", { KeyId, Plaintext: PLAINTEXT })).code, undefined);
      assert.equal((await app.call("Encrypt", { KeyId, Plaintext: PLAINTEXT })).code, undefined);

      const { Principals } = await guest.call<{
        Principals: { Principal: readonly { Type: string; AccountId: string }[] };
      }>("ListPrincipalsForAction", { "AuthAction.1": "kms:Encrypt", AuthResource: KeyId }, "2015-05-01");
      assert.deepEqual(
        Principals.Principal.map(({ Type, AccountId }) => [Type, AccountId]),
        [
          ["RootUser", guest.accountId],
          ["Account", owner.accountId],
        ],
      );
      const outcomes = async (...denied: string[]) => {
        const PolicyDocument = document(own, statement(owner.accountId, "Deny", ...denied));
        const { Outcomes } = await guest.call<{
          Outcomes: { Outcome: readonly { Type: string; Operation: string; Outcome: string }[] };
        }>("TryPolicy", { KeyId, PolicyDocument }, "2015-05-01");
        return Object.fromEntries(
          Outcomes.Outcome.filter(({ Type }) => Type === "application").map(({ Operation, Outcome }) => [
            Operation,
            Outcome,
          ]),
        );
      };
      assert.deepEqual(await outcomes("kms:Sign"), { "Kms.Encrypt": "Unchanged", "Kms.AdvanceEncrypt": "Unchanged" });
      // Whether the IV was the caller's, which takes the right to decrypt, is the other account's affair.
      assert.deepEqual(await outcomes("kms:Decrypt"), {
        "Kms.Encrypt": "CircumstancesUnknown",
        "Kms.AdvanceEncrypt": "Unchanged",
      });
      assert.deepEqual(await outcomes("kms:Encrypt"), {
        "Kms.Encrypt": "NewlyRefused",
        "Kms.AdvanceEncrypt": "NewlyRefused",
      });
      const Policy = document(own, statement(owner.accountId, "Deny", "kms:Encrypt"));
      await guest.call<Fields>("SetKeyPolicy", { KeyId, Policy });
      assert.notEqual((await app.call("AdvanceEncrypt", { KeyId, Plaintext: PLAINTEXT })).code, undefined);
    });

    test("every operation of the protocol was called above, as docs/compatibility.md tells", () => {
      // There are no secrets to give out yet.
      const expected = Object.keys(INSTANCE_APIS).filter((name) => name !== "GetSecretValue");
      assert.deepEqual([...answeredApis].toSorted(), expected.toSorted());
    });
  });
});

async function codeOf(
  caller: AccountCaller,
  action: string,
  wire: Readonly<Record<string, string>>,
  version?: string,
): Promise<string> {
  const { body } = await caller.attempt(action, wire, version);
  return (JSON.parse(String(body)) as { Code?: string }).Code ?? "none";
}
