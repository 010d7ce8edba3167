import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { generateKeyPair, Sm2PrivateKey } from "@cinnabar/crypto";
import { newKeyVersionId, SoftwareKeystore } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { RECEIVER } from "./receiver.ts";
import { World } from "./world.ts";

interface Exported {
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly CiphertextBlob: string;
  readonly ExportedDataKey: string;
}

/** Remembers what it encrypted with public keys, to see whether that is cleared. */
class WatchedKeystore extends SoftwareKeystore {
  readonly wrapped: Uint8Array[] = [];
  override encrypt(...input: Parameters<SoftwareKeystore["encrypt"]>): ReturnType<SoftwareKeystore["encrypt"]> {
    this.wrapped.push(input[2]);
    return super.encrypt(...input);
  }
}

forEachDatabase((database) => {
  let world: World;
  let KeyId: string;
  before(async () => {
    world = await World.open(database);
    KeyId = await world.createKey();
  });
  after(() => world[Symbol.asyncDispose]());

  const generate = (parameters: Record<string, string> = {}) =>
    world.ok<Exported>("GenerateAndExportDataKey", { KeyId, ...RECEIVER.parameters, ...parameters });
  const exportKey = (parameters: Record<string, string>) =>
    world.ok<Exported>("ExportDataKey", { ...RECEIVER.parameters, ...parameters });
  const open = async (CiphertextBlob: string, more: Record<string, string> = {}) => {
    const { Plaintext } = await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob, ...more });
    return Buffer.from(Plaintext, "base64");
  };

  test("a new data key is the same under the key and under the public key, of the length asked for", async () => {
    for (const [parameters, bytes] of [
      [{}, 32],
      [{ KeySpec: "AES_128" }, 16],
      [{ NumberOfBytes: "1" }, 1],
      [{ NumberOfBytes: "190" }, 190],
    ] as const) {
      const { CiphertextBlob, ExportedDataKey, ...ids } = await generate(parameters);
      const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
      assert.deepEqual(ids, { KeyId, KeyVersionId: KeyMetadata["PrimaryKeyVersion"] });
      const dataKey = RECEIVER.open(ExportedDataKey);
      assert.equal(dataKey.length, bytes);
      assert.deepEqual(dataKey, await open(CiphertextBlob));
    }
    assert.notDeepEqual(await open((await generate()).CiphertextBlob), await open((await generate()).CiphertextBlob));
  });

  test("exports a data key that was made before, as often as one likes, with its context", async () => {
    const EncryptionContext = '{"tenant":"acme"}';
    for (const name of ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"]) {
      const { CiphertextBlob, KeyVersionId } = await world.ok<Exported>(name, { KeyId, EncryptionContext });
      const dataKey = await open(CiphertextBlob, { EncryptionContext });
      for (let i = 0; i < 2; i++) {
        const { ExportedDataKey, ...ids } = await exportKey({ CiphertextBlob, EncryptionContext });
        assert.deepEqual(ids, { KeyId, KeyVersionId });
        assert.deepEqual(RECEIVER.open(ExportedDataKey), dataKey);
      }
      assert.equal(
        await world.refusal("ExportDataKey", { CiphertextBlob, ...RECEIVER.parameters }),
        'InvalidParameter: The specified parameter "CiphertextBlob" is not valid.',
      );
    }
  });

  test("wraps by every algorithm, and takes as long a data key as that can", async () => {
    const { publicKey, privateKey } = generateKeyPair("EC_SM2");
    using sm2 = Sm2PrivateKey.fromPkcs8(privateKey);
    const toSm2 = {
      PublicKeyBlob: Buffer.from(publicKey).toString("base64"),
      WrappingKeySpec: "EC_SM2",
      WrappingAlgorithm: "SM2PKE",
    };
    const sha1 = { WrappingAlgorithm: "RSAES_OAEP_SHA_1" };
    for (const [parameters, most, unwrap] of [
      [{}, 190, (exported: string) => RECEIVER.open(exported)],
      [sha1, 214, (exported: string) => RECEIVER.open(exported, "sha1")],
      [toSm2, 1024, (exported: string) => sm2.decrypt(Buffer.from(exported, "base64"))],
    ] as const) {
      const made = await generate({ ...parameters, NumberOfBytes: String(most) });
      const dataKey = await open(made.CiphertextBlob);
      assert.deepEqual(unwrap(made.ExportedDataKey), dataKey);
      const again = await exportKey({ ...parameters, CiphertextBlob: made.CiphertextBlob });
      assert.deepEqual(unwrap(again.ExportedDataKey), dataKey);
      if (most === 1024) continue;
      const longer = { KeyId, ...RECEIVER.parameters, ...parameters, NumberOfBytes: String(most + 1) };
      assert.match(
        await world.refusal("GenerateAndExportDataKey", longer),
        new RegExp(`^InvalidParameter: .*"NumberOfBytes".* ${most} bytes at most`),
      );
      const { CiphertextBlob } = await world.ok<Exported>("GenerateDataKey", longer);
      assert.match(
        await world.refusal("ExportDataKey", { ...RECEIVER.parameters, ...parameters, CiphertextBlob }),
        new RegExp(`^InvalidParameter: .*"CiphertextBlob".* has ${most + 1} bytes, and .* wraps ${most} at most`),
      );
    }
  });

  test("exports data keys only, not whatever somebody encrypted", async () => {
    for (const Plaintext of ["", "no base64", "AAA", "QUJD\n", Buffer.alloc(1025).toString("base64")]) {
      const sealed = await world.call("Encrypt", { KeyId, Plaintext });
      if (sealed.error !== undefined) continue;
      const { CiphertextBlob } = sealed.result as unknown as Exported;
      assert.match(
        await world.refusal("ExportDataKey", { ...RECEIVER.parameters, CiphertextBlob }),
        /^InvalidParameter: .*"CiphertextBlob" is not valid\. What it is the ciphertext of is not a data key\./,
        Plaintext,
      );
    }
  });

  test("refuses public keys that are not of the spec, and algorithms that do not belong to it", async () => {
    const { CiphertextBlob } = await world.ok<Exported>("GenerateDataKey", { KeyId });
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" });
    const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 }).publicKey;
    const good = Buffer.from(RECEIVER.parameters.PublicKeyBlob, "base64");
    for (const [parameters, named] of [
      [{ PublicKeyBlob: ec.toString("base64") }, "PublicKeyBlob"],
      [{ PublicKeyBlob: rsa.export({ type: "spki", format: "der" }).toString("base64") }, "PublicKeyBlob"],
      [{ PublicKeyBlob: Buffer.from(rsa.export({ type: "spki", format: "pem" })).toString("base64") }, "PublicKeyBlob"],
      [{ PublicKeyBlob: Buffer.concat([good, Buffer.alloc(1)]).toString("base64") }, "PublicKeyBlob"],
      [{ PublicKeyBlob: good.subarray(0, -1).toString("base64") }, "PublicKeyBlob"],
      [{ PublicKeyBlob: "no base64" }, "PublicKeyBlob"],
      [{ WrappingKeySpec: "EC_SM2" }, "WrappingAlgorithm"],
      [{ WrappingKeySpec: "EC_SM2", WrappingAlgorithm: "SM2PKE" }, "PublicKeyBlob"],
      [{ WrappingAlgorithm: "SM2PKE" }, "WrappingAlgorithm"],
      [{ WrappingAlgorithm: "RSAES_PKCS1_V1_5" }, "WrappingAlgorithm"],
      [{ WrappingKeySpec: "RSA_3072" }, "WrappingKeySpec"],
    ] as const) {
      for (const [name, more] of [
        ["GenerateAndExportDataKey", { KeyId }],
        ["ExportDataKey", { CiphertextBlob }],
      ] as const) {
        const words = await world.refusal(name, { ...more, ...RECEIVER.parameters, ...parameters });
        assert.ok(words.startsWith(`InvalidParameter: The specified parameter "${named}" is not valid.`), words);
      }
    }
    for (const missing of ["PublicKeyBlob", "WrappingKeySpec", "WrappingAlgorithm"]) {
      const parameters = { CiphertextBlob, ...RECEIVER.parameters, [missing]: "" };
      assert.match(await world.refusal("ExportDataKey", parameters), new RegExp(`^MissingParameter: .*"${missing}"`));
    }
  });

  test("only a symmetric key that is enabled exports, and a foreign ciphertext looks like an unknown one", async () => {
    const own = await world.createKey();
    const { CiphertextBlob } = await world.ok<Exported>("GenerateDataKey", { KeyId: own });
    const told = (as?: typeof world.accountId) =>
      world.refusal("ExportDataKey", { CiphertextBlob, ...RECEIVER.parameters }, as && { as });
    const unknown = Buffer.from(CiphertextBlob, "base64");
    unknown.write(newKeyVersionId(), "latin1");
    const ofUnknown = { CiphertextBlob: unknown.toString("base64"), ...RECEIVER.parameters };
    assert.equal(await told(await world.addAccount()), await world.refusal("ExportDataKey", ofUnknown));
    await world.ok("DisableKey", { KeyId: own });
    assert.match(await told(), /^Rejected\.Disabled: /);
    const onDisabled = { KeyId: own, ...RECEIVER.parameters };
    assert.match(await world.refusal("GenerateAndExportDataKey", onDisabled), /^Rejected\.Disabled: /);
    const signer = await world.createKey({ KeySpec: "EC_P256" });
    const bySigner = { KeyId: signer, ...RECEIVER.parameters };
    assert.match(await world.refusal("GenerateAndExportDataKey", bySigner), /^UnsupportedOperation: /);
  });

  test("clears the data key once it is wrapped", async () => {
    const keystore = new WatchedKeystore();
    await using own = await World.open(database, { keystore });
    const key = await own.createKey();
    const made = await own.ok<Exported>("GenerateAndExportDataKey", { KeyId: key, ...RECEIVER.parameters });
    await own.ok("ExportDataKey", { CiphertextBlob: made.CiphertextBlob, ...RECEIVER.parameters });
    const cleared = new Uint8Array(32);
    assert.deepEqual(
      keystore.wrapped.map((bytes) => new Uint8Array(bytes)),
      [cleared, cleared],
    );
  });
});
