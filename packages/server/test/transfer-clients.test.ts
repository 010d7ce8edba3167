import assert from "node:assert/strict";
import { createHash, createVerify, randomBytes } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { decodeMessage, type FieldValue, INSTANCE_APIS, signInstance } from "@cinnabar/rpc";
import { forEachDatabase } from "@cinnabar/testkit";
import { Application, type Reply } from "./support/application.ts";
import { wrapMaterial } from "./support/import-material.ts";
import { type AccountCaller, TwoAccounts } from "./support/two-accounts.ts";

/*
 * Calls as Alibaba Cloud's transfer clients make them: programs written for the API of KMS run on the instance protocol, with
 * the key version in a header of requests and answers that is no field of any message (aliyun/alibabacloud-dkms-transfer-*-sdk,
 * aliyun/alibabacloud-kms-*-sdk).
 */

const HEADER = "x-kms-migrationkeyversionid";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser";
const PLAINTEXT = Buffer.from("what the program keeps");
/** An encryption context, as those clients write it. */
const Aad = createHash("sha256").update("department=sales&year=2026").digest();

type Fields = Readonly<Record<string, unknown>>;

function bytes(value: FieldValue | undefined): Buffer {
  assert(value instanceof Uint8Array, "not bytes");
  return Buffer.from(value);
}

async function makeKey(owner: AccountCaller, parameters: Readonly<Record<string, string>> = {}): Promise<string> {
  const { KeyMetadata } = await owner.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", parameters);
  return KeyMetadata.KeyId;
}

async function importKey(owner: AccountCaller, KeySpec: string, material: Uint8Array): Promise<string> {
  const keyId = await makeKey(owner, { KeySpec, Origin: "EXTERNAL" });
  const wire = await wrapMaterial(owner, { keyId, wrapping: "SM2PKE", material });
  await owner.call("ImportKeyMaterial", wire);
  return keyId;
}

async function makeApplication(
  accounts: TwoAccounts,
  owner: AccountCaller,
  { name, keys, instance }: { name: string; keys: readonly string[]; instance?: string },
): Promise<Application> {
  await owner.call("CreatePolicy", {
    Name: name,
    ...(instance !== undefined && { KmsInstance: instance }),
    Permissions: JSON.stringify([KEY_USER]),
    Resources: JSON.stringify(keys.map((key) => `key/${key}`)),
  });
  await owner.call("CreateApplicationAccessPoint", { Name: name, Policies: JSON.stringify([name]) });
  return Application.create(accounts, owner, name);
}

async function versionsOf(owner: AccountCaller, KeyId: string): Promise<string[]> {
  const listed = await owner.call<{ KeyVersions: { KeyVersion: { KeyVersionId: string }[] } }>("ListKeyVersions", {
    KeyId,
  });
  return listed.KeyVersions.KeyVersion.map(({ KeyVersionId }) => KeyVersionId);
}

/** What those clients' Encrypt gives: the key version, the IV and the box in one. Without the header they throw. */
function toBlob({ keyVersionId, fields }: Reply): Buffer {
  assert.ok(keyVersionId !== undefined);
  return Buffer.concat([Buffer.from(keyVersionId), bytes(fields.get("Iv")), bytes(fields.get("CiphertextBlob"))]);
}

/** What those clients' Decrypt makes of that. */
function fromBlob(blob: Buffer): [fields: Readonly<Record<string, Buffer>>, headers: Readonly<Record<string, string>>] {
  const [version, Iv, CiphertextBlob] = [blob.subarray(0, 36), blob.subarray(36, 48), blob.subarray(48)];
  return [{ CiphertextBlob, Iv }, { [HEADER]: version.toString() }];
}

forEachDatabase((database) => {
  suite("transfer clients", () => {
    let accounts: TwoAccounts;
    let owner: AccountCaller;

    before(async () => {
      accounts = await TwoAccounts.start(database);
      owner = accounts.one;
    });
    after(() => accounts[Symbol.asyncDispose]());

    test("what a program encrypted decrypts by its version alone, whatever was rotated since", async () => {
      const instance = await accounts.addInstance(owner);
      await owner.call("ConnectKmsInstance", {
        KmsInstanceId: instance,
        KMProvider: "Aliyun",
        VpcId: "vpc-1",
        ZoneIds: "a,b",
        VSwitchIds: "vsw-1,vsw-2",
      });
      const KeyId = await makeKey(owner, { DKMSInstanceId: instance });
      const app = await makeApplication(accounts, owner, { name: "symmetric", keys: [KeyId], instance });
      const [initial = assert.fail()] = await versionsOf(owner, KeyId);
      const sealed = await app.call("Encrypt", { KeyId, Plaintext: PLAINTEXT, Aad });
      assert.equal(sealed.keyVersionId, initial);
      await owner.call("CreateKeyVersion", { KeyId });
      const later = (await versionsOf(owner, KeyId)).find((version) => version !== initial) ?? assert.fail();

      const blob = toBlob(sealed);
      const [fields, headers] = fromBlob(blob);
      const opened = await app.call("Decrypt", { ...fields, Aad }, { headers });
      assert.deepEqual([opened.fields.get("KeyId"), opened.keyVersionId], [KeyId, initial]);
      assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      // With the key's id as well, and without the header; by another version of the key it is not what was encrypted.
      for (const [given, code] of [
        [headers, undefined],
        [{}, undefined],
        [{ [HEADER]: ` ${initial} ` }, undefined],
        [{ [HEADER]: "" }, undefined],
        [{ [HEADER]: later }, "InvalidParam"],
        [{ [HEADER]: UNKNOWN }, "Forbidden.KeyVersionNotFound"],
        [{ [HEADER]: "none" }, "Forbidden.KeyVersionNotFound"],
      ] as const) {
        const named = await app.call("Decrypt", { ...fields, Aad, KeyId }, { headers: given });
        assert.equal(named.code, code, JSON.stringify(given));
        assert.equal(named.keyVersionId, code === undefined ? initial : undefined);
      }
      // Without the key's id nobody learns which versions there are.
      const elsewhere = await makeKey(accounts.other);
      const [theirs = assert.fail()] = await versionsOf(accounts.other, elsewhere);
      for (const version of [UNKNOWN, "none", theirs]) {
        const refused = await app.call("Decrypt", { ...fields, Aad }, { headers: { [HEADER]: version } });
        assert.equal(refused.code, "Forbidden.KeyNotFound", version);
      }
      const unnamed = await app.call("Decrypt", fields);
      assert.equal(unnamed.code, "MissingParameter");

      // The header chooses for Encrypt too.
      const chosen = await app.call("Encrypt", { KeyId, Plaintext: PLAINTEXT }, { headers: { [HEADER]: later } });
      assert.equal(chosen.keyVersionId, later);
      const [again, by] = fromBlob(toBlob(chosen));
      const reopened = await app.call("Decrypt", again, { headers: by });
      assert.deepEqual(bytes(reopened.fields.get("Plaintext")), PLAINTEXT);
    });

    test("the Advance ciphertexts, which those clients cut and mend, say their version in the header too", async () => {
      const KeyId = await makeKey(owner);
      const app = await makeApplication(accounts, owner, { name: "advance", keys: [KeyId] });
      const sealed = await app.call("AdvanceEncrypt", { KeyId, Plaintext: PLAINTEXT, Aad });
      const version = sealed.fields.get("KeyVersionId");
      assert.equal(sealed.keyVersionId, version);
      const cut = bytes(sealed.fields.get("CiphertextBlob")).subarray(3);
      const CiphertextBlob = Buffer.concat([Buffer.from([0x24, 0x00, 0x02]), cut]);
      // The PHP client sends as Iv whatever stands there, and more.
      for (const Iv of [cut.subarray(36, 48), cut.subarray(36, 84), cut.subarray(36, 37)]) {
        const opened = await app.call("AdvanceDecrypt", { CiphertextBlob, Iv, Aad });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
        assert.equal(opened.keyVersionId, version);
      }
      const right = await app.call(
        "AdvanceDecrypt",
        { CiphertextBlob, Aad },
        { headers: { [HEADER]: String(version) } },
      );
      assert.equal(right.code, undefined);
      const wrong = await app.call("AdvanceDecrypt", { CiphertextBlob, Aad }, { headers: { [HEADER]: UNKNOWN } });
      assert.equal(wrong.code, "InvalidParam");
      // Where the ciphertext does not say it, it has its one length.
      const plain = await app.call("Encrypt", { KeyId, Plaintext: PLAINTEXT });
      const [fields] = fromBlob(toBlob(plain));
      for (const name of ["Decrypt", "AdvanceDecrypt"]) {
        const refused = await app.call(name, { ...fields, KeyId, Iv: randomBytes(13) });
        assert.match(
          String(refused.fields.get("ErrorMessage")),
          /"Iv" is not valid\. It must be the base64 of 12 bytes/,
        );
      }
      for (const name of ["GenerateDataKey", "AdvanceGenerateDataKey"]) {
        assert.equal((await app.call(name, { KeyId })).keyVersionId, version, name);
      }
    });

    test("pairs sign, verify, decrypt and show themselves by the version that is named", async () => {
      const [signing, decrypting] = await Promise.all([
        makeKey(owner, { KeySpec: "EC_P256" }),
        makeKey(owner, { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT" }),
      ]);
      const [initial] = await versionsOf(owner, signing);
      for (const KeyId of [signing, decrypting]) await owner.call("CreateKeyVersion", { KeyId });
      const app = await makeApplication(accounts, owner, { name: "pairs", keys: [signing, decrypting] });
      const Digest = createHash("sha256").update(PLAINTEXT).digest();
      const digest = { KeyId: signing, Message: Digest, MessageType: "DIGEST", Algorithm: "ECDSA_SHA_256" };
      const versions = await versionsOf(owner, signing);
      assert.equal(versions.length, 2);
      const publicKeys = new Set<string>();
      for (const version of versions) {
        const headers = { [HEADER]: version };
        const signed = await app.call("Sign", digest, { headers });
        const shown = await app.call("GetPublicKey", { KeyId: signing }, { headers });
        const Signature = bytes(signed.fields.get("Signature"));
        assert.deepEqual([signed.keyVersionId, shown.keyVersionId], [version, version]);
        const publicKey = String(shown.fields.get("PublicKey"));
        publicKeys.add(publicKey);
        assert.ok(createVerify("sha256").update(PLAINTEXT).verify(publicKey, Signature));
        for (const other of versions) {
          const verdict = await app.call("Verify", { ...digest, Signature }, { headers: { [HEADER]: other } });
          assert.deepEqual(
            [verdict.keyVersionId, verdict.fields.get("Value")],
            [other, other === version || undefined],
          );
        }
      }
      assert.equal(publicKeys.size, 2);
      assert.equal((await app.call("Sign", digest)).keyVersionId, initial);

      for (const version of await versionsOf(owner, decrypting)) {
        const headers = { [HEADER]: version };
        const named = { KeyId: decrypting, Algorithm: "RSAES_OAEP_SHA_256" };
        const sealed = await app.call("Encrypt", { ...named, Plaintext: PLAINTEXT }, { headers });
        assert.equal(sealed.keyVersionId, version);
        const opened = await app.call(
          "Decrypt",
          { ...named, CiphertextBlob: bytes(sealed.fields.get("CiphertextBlob")) },
          { headers },
        );
        assert.deepEqual([bytes(opened.fields.get("Plaintext")), opened.keyVersionId], [PLAINTEXT, version]);
      }

      // A version of another key is none of this one.
      const headers = { [HEADER]: versions[0] ?? "" };
      const strange = await app.call("Decrypt", { KeyId: decrypting, CiphertextBlob: Digest }, { headers });
      assert.equal(strange.code, "Forbidden.KeyVersionNotFound");
    });

    test("the same material in two keys, of two accounts, is of no use for each other's ciphertexts", async () => {
      const { other } = accounts;
      const specs = [
        ["Aliyun_AES_256", 32],
        ["Aliyun_AES_192", 24],
        ["Aliyun_AES_128", 16],
        ["Aliyun_SM4", 16],
      ] as const;
      const mine: string[] = [];
      const mineToo: string[] = [];
      const theirs: string[] = [];
      for (const [KeySpec, length] of specs) {
        const material = randomBytes(length);
        mine.push(await importKey(owner, KeySpec, material));
        mineToo.push(await importKey(owner, KeySpec, material));
        theirs.push(await importKey(other, KeySpec, material));
      }
      const app = await makeApplication(accounts, owner, { name: "same", keys: mine });
      const thieves = [
        { by: owner, keys: mineToo, app: await makeApplication(accounts, owner, { name: "same-too", keys: mineToo }) },
        { by: other, keys: theirs, app: await makeApplication(accounts, other, { name: "same", keys: theirs }) },
      ];
      for (const [i, [KeySpec]] of specs.entries()) {
        const source = mine[i] ?? "";
        const random = await app.call("Encrypt", { KeyId: source, Plaintext: PLAINTEXT, Aad });
        const given = await app.call("Encrypt", { KeyId: source, Plaintext: PLAINTEXT, Aad, Iv: randomBytes(12) });
        const advance = bytes(
          (await app.call("AdvanceEncrypt", { KeyId: source, Plaintext: PLAINTEXT, Aad })).fields.get("CiphertextBlob"),
        );
        const { CiphertextBlob } = await owner.call<{ CiphertextBlob: string }>("Encrypt", {
          KeyId: source,
          Plaintext: PLAINTEXT.toString("base64"),
        });
        for (const { by, keys, app: thief } of thieves) {
          const KeyId = keys[i] ?? "";
          const [own = assert.fail()] = await versionsOf(by, KeyId);
          const version = Buffer.from(own);
          for (const sealed of [random, given]) {
            const [fields] = fromBlob(toBlob(sealed));
            for (const name of ["Decrypt", "AdvanceDecrypt"]) {
              const stolen = await thief.call(name, { ...fields, KeyId, Aad });
              assert.equal(stolen.code, "InvalidParam", `${KeySpec} ${name}`);
            }
          }
          const moved = Buffer.concat([advance.subarray(0, 3), version, advance.subarray(39)]);
          assert.equal((await thief.call("AdvanceDecrypt", { CiphertextBlob: moved, Aad })).code, "InvalidParam");
          const blob = Buffer.from(CiphertextBlob, "base64");
          const { status } = await by.attempt("Decrypt", {
            CiphertextBlob: Buffer.concat([version, blob.subarray(36)]).toString("base64"),
          });
          assert.equal(status, 400);
        }
        const opened = await app.call("AdvanceDecrypt", { CiphertextBlob: advance, Aad });
        assert.deepEqual(bytes(opened.fields.get("Plaintext")), PLAINTEXT);
      }
    });

    test("over a socket the header is where those clients look, and what is long is served as what is short", async () => {
      const [KeyId, mac] = [await makeKey(owner), await makeKey(owner, { KeySpec: "HMAC_SM3" })];
      const { clientKeyId, privateKey } = await makeApplication(accounts, owner, {
        name: "socket",
        keys: [KeyId, mac],
      });
      const send = async (apiName: string, fields: Readonly<Record<string, FieldValue>>) => {
        const request = signInstance({
          apiName,
          clientKeyId,
          privateKey,
          fields: new Map(Object.entries(fields)),
          timestampMillis: Date.now(),
        });
        const { headers, body } = request;
        const response = await fetch(accounts.url, { method: "POST", headers, body: Buffer.from(body) });
        const answer = Buffer.from(await response.arrayBuffer());
        assert.equal(response.status, 200, apiName);
        const { response: message } = INSTANCE_APIS[apiName] ?? assert.fail();
        return { header: response.headers.get(HEADER), fields: decodeMessage(message, answer) };
      };
      const Plaintext = randomBytes(2 * 1024 * 1024);
      const [initial] = await versionsOf(owner, KeyId);
      const sealed = await send("AdvanceEncrypt", { KeyId, Plaintext });
      assert.equal(sealed.header, initial);
      const opened = await send("AdvanceDecrypt", { CiphertextBlob: bytes(sealed.fields.get("CiphertextBlob")) });
      assert.equal(opened.header, initial);
      assert.ok(bytes(opened.fields.get("Plaintext")).equals(Plaintext));
      const code = await send("Hmac", { KeyId: mac, Message: Plaintext });
      assert.equal(bytes(code.fields.get("Signature")).length, 32);
      assert.equal((await send("GenerateRandom", { Length: 8 })).header, null);
    });

    test("the version that was named is on record", async () => {
      const KeyId = await makeKey(owner);
      const app = await makeApplication(accounts, owner, { name: "recorded", keys: [KeyId] });
      const [version = assert.fail()] = await versionsOf(owner, KeyId);
      const { requestId } = await app.call(
        "Encrypt",
        { KeyId, Plaintext: PLAINTEXT },
        { headers: { [HEADER]: version } },
      );
      const event = (await accounts.readEvents()).find(({ eventId }) => eventId === requestId);
      const told = JSON.parse(event?.text ?? "{}") as Fields;
      assert.deepEqual(told["requestParameters"], { KeyId, KeyVersionId: version });
      assert.equal((told["additionalEventData"] as Fields)["keyVersionId"], version);
    });
  });
});
