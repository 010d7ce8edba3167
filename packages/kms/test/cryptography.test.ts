import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newKeyVersionId, SoftwareKeystore, TamperedRowError } from "@cinnabar/kernel";
import { AuthenticationError } from "@cinnabar/crypto";
import { forEachDatabase } from "@cinnabar/testkit";
import { World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const BAD_BLOB = 'InvalidParameter: The specified parameter "CiphertextBlob" is not valid.';

interface DataKey {
  readonly Plaintext: string;
  readonly CiphertextBlob: string;
  readonly KeyId: string;
  readonly KeyVersionId: string;
}

forEachDatabase((database) => {
  let world: World;
  let keyId: string;
  before(async () => {
    world = await World.open(database);
    keyId = await world.createKey();
  });
  after(() => world[Symbol.asyncDispose]());

  const decrypt = (parameters: Record<string, string>) => world.ok<DataKey>("Decrypt", parameters);

  test("gives back exactly the text that was encrypted, base64 or not", async () => {
    const { PrimaryKeyVersion } = (
      await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId: keyId })
    ).KeyMetadata;
    const texts = [
      "aGVsbG8=",
      "plaintext",
      "not base64!",
      "鍵 \u{1f511}\n\0",
      Buffer.alloc(6144, 0xff).toString("base64"),
      "!".repeat(6144),
    ];
    for (const Plaintext of texts) {
      const encrypted = await world.ok<DataKey>("Encrypt", { KeyId: keyId, Plaintext });
      assert.deepEqual([encrypted.KeyId, encrypted.KeyVersionId], [keyId, PrimaryKeyVersion]);
      const decrypted = await decrypt({ CiphertextBlob: encrypted.CiphertextBlob });
      assert.deepEqual(decrypted, { KeyId: keyId, KeyVersionId: PrimaryKeyVersion, Plaintext });
    }
  });

  test("the blob is the version's id, a nonce, and as many bytes as the text with a tag", async () => {
    const { CiphertextBlob, KeyVersionId } = await world.ok<DataKey>("Encrypt", {
      KeyId: keyId,
      Plaintext: "aGVsbG8=",
    });
    const bytes = Buffer.from(CiphertextBlob, "base64");
    assert.equal(bytes.toString("latin1", 0, 36), KeyVersionId);
    assert.equal(bytes.length, 36 + 24 + "aGVsbG8=".length + 16);
  });

  test("takes 6144 bytes of data in base64, or as many bytes of other text, and no more", async () => {
    const tooLong = [Buffer.alloc(6145).toString("base64"), "!".repeat(6145), "é".repeat(3073), "\ud800"];
    for (const Plaintext of tooLong) {
      assert.match(await world.refusal("Encrypt", { KeyId: keyId, Plaintext }), /^InvalidParameter: .*"Plaintext"/);
    }
    assert.match(await world.refusal("Encrypt", { KeyId: keyId, Plaintext: "" }), /^MissingParameter/);
  });

  test("the encryption context must be given again, in any order and either form", async () => {
    const CiphertextBlob = await world.encrypt({
      KeyId: keyId,
      Plaintext: "eA==",
      EncryptionContext: '{"a":"1","b":"2"}',
    });
    assert.equal((await decrypt({ CiphertextBlob, EncryptionContext: '{"b":"2", "a":"1"}' })).Plaintext, "eA==");
    assert.equal(
      (await decrypt({ CiphertextBlob, "EncryptionContext.a": "1", "EncryptionContext.b": "2" })).Plaintext,
      "eA==",
    );
    for (const EncryptionContext of [
      "",
      "{}",
      '{"a":"1"}',
      '{"a":"1&b=2"}',
      '{"a":"2","b":"1"}',
      '{"a":"1","b":"2","":""}',
    ]) {
      assert.equal(await world.refusal("Decrypt", { CiphertextBlob, EncryptionContext }), BAD_BLOB);
    }
    const bare = await world.encrypt({ KeyId: keyId, Plaintext: "eA==", EncryptionContext: "{}" });
    assert.equal((await decrypt({ CiphertextBlob: bare })).Plaintext, "eA==");
  });

  test("every altered bit is refused in the same words, and an unknown version as a key that is not there", async () => {
    const bytes = Buffer.from(await world.encrypt({ KeyId: keyId, Plaintext: "eA==" }), "base64");
    for (let i = 36; i < bytes.length; i++) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
      assert.equal(await world.refusal("Decrypt", { CiphertextBlob: altered.toString("base64") }), BAD_BLOB);
    }
    for (const version of [newKeyVersionId(), keyId, "\0".repeat(36), "A".repeat(36)]) {
      const foreign = Buffer.concat([Buffer.from(version, "latin1"), bytes.subarray(36)]).toString("base64");
      assert.equal(await world.refusal("Decrypt", { CiphertextBlob: foreign }), NOT_FOUND);
    }
    for (const cut of [75, 48, 0]) {
      const short = bytes.toString("base64", 0, cut) || "!";
      assert.match(await world.refusal("Decrypt", { CiphertextBlob: short }), /^InvalidParameter: .*"CiphertextBlob"/);
    }
  });

  test("a ciphertext opens under its own version only", async () => {
    const other = await world.createKey();
    const one = Buffer.from(await world.encrypt({ KeyId: keyId, Plaintext: "eA==" }), "base64");
    const two = Buffer.from(await world.encrypt({ KeyId: other, Plaintext: "eA==" }), "base64");
    const mixed = Buffer.concat([one.subarray(0, 36), two.subarray(36)]).toString("base64");
    assert.equal(await world.refusal("Decrypt", { CiphertextBlob: mixed }), BAD_BLOB);
  });

  test("another account's ciphertext is answered like an unknown one, and its event tells nothing", async () => {
    const CiphertextBlob = await world.encrypt({ KeyId: keyId, Plaintext: "eA==" });
    const { error, noted, resource } = await world.call(
      "Decrypt",
      { CiphertextBlob },
      { as: await world.addAccount() },
    );
    assert.deepEqual([`${error?.code}: ${error?.message}`, noted, resource], [NOT_FOUND, {}, undefined]);
  });

  test("a disabled key and one that waits for its deletion do no cryptography", async () => {
    const KeyId = await world.createKey();
    const CiphertextBlob = await world.encrypt({ KeyId, Plaintext: "eA==" });
    const refusals = async () =>
      Promise.all([
        world.refusal("Encrypt", { KeyId, Plaintext: "eA==" }),
        world.refusal("Decrypt", { CiphertextBlob }),
        world.refusal("GenerateDataKey", { KeyId }),
        world.refusal("GenerateDataKeyWithoutPlaintext", { KeyId }),
      ]);
    const rejected = (state: string) =>
      Array.from({ length: 4 }, () => `Rejected.${state}: The request was rejected because the key state is ${state}.`);
    await world.ok("DisableKey", { KeyId });
    assert.deepEqual(await refusals(), rejected("Disabled"));
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    assert.deepEqual(await refusals(), rejected("PendingDeletion"));
    await world.ok("CancelKeyDeletion", { KeyId });
    assert.equal((await decrypt({ CiphertextBlob })).Plaintext, "eA==");
  });

  test("makes data keys of the length that is asked for, whose ciphertext holds their base64", async () => {
    const lengths: [Record<string, string>, number][] = [
      [{}, 32],
      [{ KeySpec: "AES_256" }, 32],
      [{ KeySpec: "AES_128" }, 16],
      [{ NumberOfBytes: "1" }, 1],
      [{ NumberOfBytes: "1024" }, 1024],
      [{ NumberOfBytes: "16", KeySpec: "SM4_128" }, 16],
    ];
    for (const [parameters, length] of lengths) {
      const made = await world.ok<DataKey>("GenerateDataKey", { KeyId: keyId, ...parameters });
      assert.equal(Buffer.from(made.Plaintext, "base64").length, length);
      assert.equal((await decrypt({ CiphertextBlob: made.CiphertextBlob })).Plaintext, made.Plaintext);
      const sealed = await world.ok<DataKey>("GenerateDataKeyWithoutPlaintext", { KeyId: keyId, ...parameters });
      assert.deepEqual(Object.keys(sealed).toSorted(), ["CiphertextBlob", "KeyId", "KeyVersionId"]);
      const { Plaintext } = await decrypt({ CiphertextBlob: sealed.CiphertextBlob });
      assert.equal(Buffer.from(Plaintext, "base64").length, length);
    }
    const one = await world.ok<DataKey>("GenerateDataKey", { KeyId: keyId });
    const two = await world.ok<DataKey>("GenerateDataKey", { KeyId: keyId });
    assert.notEqual(one.Plaintext, two.Plaintext);
  });

  test("refuses data keys of an unknown spec or a length out of bounds", async () => {
    for (const name of ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"]) {
      for (const [parameter, value] of [
        ["KeySpec", "SM4_128"],
        ["NumberOfBytes", "0"],
        ["NumberOfBytes", "1025"],
        ["NumberOfBytes", "1.5"],
        ["NumberOfBytes", "0x10"],
      ] as const) {
        const refusal = await world.refusal(name, { KeyId: keyId, [parameter]: value });
        assert.ok(
          refusal.startsWith(`InvalidParameter: The specified parameter "${parameter}" is not valid.`),
          refusal,
        );
      }
    }
  });

  test("answers no attestation document", async () => {
    const CiphertextBlob = await world.encrypt({ KeyId: keyId, Plaintext: "eA==" });
    assert.match(await world.refusal("GenerateDataKey", { KeyId: keyId, Recipient: "x" }), /^UnsupportedOperation/);
    assert.match(await world.refusal("Decrypt", { CiphertextBlob, Recipient: "x" }), /^UnsupportedOperation/);
  });

  test("material that does not open is an alarm, not a bad parameter", async () => {
    class BrokenKeystore extends SoftwareKeystore {
      broken = false;
      override seal(...input: Parameters<SoftwareKeystore["seal"]>): Buffer {
        if (this.broken) throw new AuthenticationError();
        return super.seal(...input);
      }
      override open(...input: Parameters<SoftwareKeystore["open"]>): Buffer {
        if (this.broken) throw new AuthenticationError();
        return super.open(...input);
      }
    }
    const keystore = new BrokenKeystore();
    await using own = await World.open(database, { keystore });
    const KeyId = await own.createKey();
    const CiphertextBlob = await own.encrypt({ KeyId, Plaintext: "eA==" });
    keystore.broken = true;
    await assert.rejects(own.call("Encrypt", { KeyId, Plaintext: "eA==" }), TamperedRowError);
    await assert.rejects(own.call("Decrypt", { CiphertextBlob }), TamperedRowError);
  });
});
