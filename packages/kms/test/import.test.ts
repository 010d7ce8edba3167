import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { IMPORT_WRAPPINGS, type ImportWrapping, Sm2PrivateKey, wrapForImport } from "@cinnabar/crypto";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { sql } from "kysely";
import { DAY_MILLIS, World } from "./world.ts";

/** Its pair is made in no time. */
const QUICK = "SM2PKE";
const HOUR_MILLIS = 60 * 60 * 1000;

interface Parameters {
  readonly PublicKey: string;
  readonly ImportToken: string;
  readonly TokenExpireTime: string;
}

interface ImportOptions {
  readonly wrapping?: ImportWrapping;
  readonly version?: string;
  readonly expires?: number;
}

type Metadata = Readonly<Record<string, string>>;

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const newKey = (parameters: Record<string, string> = {}) => world.createKey({ Origin: "EXTERNAL", ...parameters });

  const describeKey = async (KeyId: string) =>
    (await world.ok<{ KeyMetadata: Metadata }>("DescribeKey", { KeyId })).KeyMetadata;

  const stateOf = async (KeyId: string) => (await describeKey(KeyId))["KeyState"];

  const parametersFor = (KeyId: string, { wrapping = QUICK, version }: ImportOptions = {}) =>
    world.ok<Parameters>("GetParametersForImport", {
      KeyId,
      WrappingAlgorithm: wrapping,
      WrappingKeySpec: IMPORT_WRAPPINGS[wrapping].wrappingKeySpec,
      ...(version !== undefined && { KeyVersionId: version }),
    });

  /** The parameters of an ImportKeyMaterial. */
  const wrapped = async (KeyId: string, material: Uint8Array, options: ImportOptions = {}) => {
    const { wrapping = QUICK, expires } = options;
    const { PublicKey, ImportToken } = await parametersFor(KeyId, options);
    const wrappingKey = Buffer.from(PublicKey, "base64");
    return {
      KeyId,
      ImportToken,
      EncryptedKeyMaterial: wrapForImport({ wrapping, wrappingKey, material }).toString("base64"),
      ...(expires !== undefined && { KeyMaterialExpireUnix: String(Math.floor(expires / 1000)) }),
    };
  };

  const importMaterial = async (KeyId: string, material: Uint8Array, options: ImportOptions = {}) => {
    const parameters = await wrapped(KeyId, material, options);
    const { KeyMaterialFingerprint } = await world.ok<{ KeyMaterialFingerprint: string }>(
      "ImportKeyMaterial",
      parameters,
    );
    return { fingerprint: KeyMaterialFingerprint, token: Buffer.from(parameters.ImportToken, "base64") };
  };

  const imports = async (KeyId: string, material: Uint8Array, options?: ImportOptions) =>
    (await world.refusal("ImportKeyMaterial", await wrapped(KeyId, material, options))).replace(/:.*$/, "");

  const decrypts = async (CiphertextBlob: string) =>
    (await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob })).Plaintext;

  test("a key waits for its material, works with it, and takes no other for ever", async () => {
    const KeyId = await newKey();
    const made = await describeKey(KeyId);
    assert.equal(made["KeyState"], "PendingImport");
    assert.equal(made["Origin"], "EXTERNAL");
    assert.match(await world.refusal("Encrypt", { KeyId, Plaintext: "a" }), /^Rejected\.PendingImport/);

    const material = randomBytes(32);
    const { fingerprint, token } = await importMaterial(KeyId, material, { wrapping: "RSAES_OAEP_SHA_256" });
    assert.equal(fingerprint, createHmac("sha256", token).update(material).digest("hex"));
    assert.equal(await stateOf(KeyId), "Enabled");
    const blob = await world.encrypt({ KeyId, Plaintext: "aGVsbG8=" });
    assert.equal(await decrypts(blob), "aGVsbG8=");

    assert.equal(await imports(KeyId, randomBytes(32)), "InvalidKeyMaterial");
    await world.ok("DeleteKeyMaterial", { KeyId });
    assert.equal(await stateOf(KeyId), "PendingImport");
    assert.match(await world.refusal("Decrypt", { CiphertextBlob: blob }), /^Rejected\.PendingImport/);
    assert.equal(await imports(KeyId, randomBytes(32)), "InvalidKeyMaterial");
    await importMaterial(KeyId, material);
    assert.equal(await decrypts(blob), "aGVsbG8=");
    // The same material in another key is another key.
    const other = await newKey();
    await importMaterial(other, material);
    const { KeyVersionId } = await world.ok<{ KeyVersionId: string }>("Encrypt", { KeyId: other, Plaintext: "a" });
    const moved = Buffer.concat([Buffer.from(KeyVersionId), Buffer.from(blob, "base64").subarray(36)]);
    assert.match(await world.refusal("Decrypt", { CiphertextBlob: moved.toString("base64") }), /^InvalidParameter/);
  });

  test("nothing of erased material stays in the rows, and its record says which wrapped bytes those were", async () => {
    const KeyId = await newKey();
    await importMaterial(KeyId, randomBytes(32));
    const row = async () => {
      const stored = sql<{ material: Uint8Array }>`select material from key_version where key_id = ${KeyId}`;
      const { rows } = await stored.execute(world.db);
      return Buffer.from(rows[0]?.material ?? []);
    };
    const stored = await row();
    const { noted } = await world.call("DeleteKeyMaterial", { KeyId });
    const left = await row();
    // The wrapping of nothing: version, nonce and tag.
    assert.equal(left.length, 1 + 12 + 16);
    assert.ok(stored.length > left.length);
    const [erased] = noted["erased"] as Metadata[];
    assert.equal(erased?.["wrappedFingerprint"], createHash("sha256").update(stored).digest("base64"));
    assert.equal((await world.call("DeleteKeyMaterial", { KeyId })).noted["erased"], undefined);
  });

  test("material that expires is gone from that moment on, by the store's time", async () => {
    const KeyId = await newKey();
    const material = randomBytes(32);
    const expires = Math.floor(world.now / 1000) * 1000 + HOUR_MILLIS;
    await importMaterial(KeyId, material, { expires });
    assert.equal((await describeKey(KeyId))["MaterialExpireTime"], new Date(expires).toISOString().replace(".000", ""));
    const before = await world.call("Encrypt", { KeyId, Plaintext: "a" });
    assert.equal(before.until, expires);
    const blob = await world.encrypt({ KeyId, Plaintext: "aGVsbG8=" });
    const listed = async (state: string) => {
      const Filters = JSON.stringify([
        { Key: "KeyState", Values: [state] },
        { Key: "keyId", Values: [KeyId] },
      ]);
      return (await world.ok<{ TotalCount: number }>("ListKeys", { Filters })).TotalCount;
    };
    assert.deepEqual([await listed("Enabled"), await listed("PendingImport")], [1, 0]);

    world.now = expires;
    try {
      const refused = await world.call("Encrypt", { KeyId, Plaintext: "a" });
      assert.equal(refused.error?.code, "Rejected.PendingImport");
      assert.equal(refused.from, expires);
      assert.match(await world.refusal("Decrypt", { CiphertextBlob: blob }), /^Rejected\.PendingImport/);
      const { KeyState, MaterialExpireTime } = await describeKey(KeyId);
      assert.deepEqual([KeyState, MaterialExpireTime], ["PendingImport", ""]);
      assert.deepEqual([await listed("Enabled"), await listed("PendingImport")], [0, 1]);
      for (const name of ["EnableKey", "DisableKey"]) {
        assert.match(await world.refusal(name, { KeyId }), /^Rejected\.StateModifiedFailed/);
      }

      assert.equal(await imports(KeyId, randomBytes(32)), "InvalidKeyMaterial");
      assert.equal(await imports(KeyId, material, { expires: world.now }), "InvalidParameter");
      await importMaterial(KeyId, material);
      assert.equal(await stateOf(KeyId), "Enabled");
      assert.equal(await decrypts(blob), "aGVsbG8=");
    } finally {
      world.now = expires - HOUR_MILLIS;
    }
  });

  test("a disabled key stays disabled with the same material again, and a deletion that is cancelled brings none back", async () => {
    const KeyId = await newKey();
    const material = randomBytes(32);
    await importMaterial(KeyId, material);
    await world.ok("DisableKey", { KeyId });
    await importMaterial(KeyId, material);
    assert.equal(await stateOf(KeyId), "Disabled");

    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    assert.equal(await imports(KeyId, material), "Rejected.StateModifiedFailed");
    await world.ok("DeleteKeyMaterial", { KeyId });
    const scheduled = await describeKey(KeyId);
    assert.equal(scheduled["KeyState"], "PendingDeletion");
    assert.notEqual(scheduled["DeleteDate"], "");
    await world.ok("CancelKeyDeletion", { KeyId });
    assert.equal(await stateOf(KeyId), "PendingImport");
    await importMaterial(KeyId, material);
    assert.equal(await stateOf(KeyId), "Enabled");
  });

  test("a key that was disabled is so again once its material is back, until somebody enables it", async () => {
    const KeyId = await newKey();
    const material = randomBytes(32);
    const importAgain = async () => {
      assert.equal(await stateOf(KeyId), "PendingImport");
      await importMaterial(KeyId, material);
      return stateOf(KeyId);
    };
    await importMaterial(KeyId, material);
    await world.ok("DisableKey", { KeyId });
    await world.ok("DeleteKeyMaterial", { KeyId });
    await world.ok("DeleteKeyMaterial", { KeyId });
    await world.ok("UpdateKeyDescription", { KeyId, Description: "still disabled" });
    assert.equal(await importAgain(), "Disabled");

    const start = world.now;
    const expires = Math.floor(start / 1000) * 1000 + HOUR_MILLIS;
    await importMaterial(KeyId, material, { expires });
    world.now = expires;
    try {
      assert.match(await world.refusal("EnableKey", { KeyId }), /^Rejected\.StateModifiedFailed/);
      // Once where it is still stored, and once where it has been erased.
      assert.equal(await importAgain(), "Disabled");
      await importMaterial(KeyId, material, { expires: expires + HOUR_MILLIS });
      world.now += HOUR_MILLIS;
      await world.ok("DeleteKeyMaterial", { KeyId });
      assert.equal(await importAgain(), "Disabled");
    } finally {
      world.now = start;
    }

    await world.ok("EnableKey", { KeyId });
    await world.ok("DeleteKeyMaterial", { KeyId });
    assert.equal(await importAgain(), "Enabled");
    // As of any key that was disabled, a deletion that is cancelled is the end of it.
    await world.ok("DisableKey", { KeyId });
    await world.ok("DeleteKeyMaterial", { KeyId });
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    await world.ok("CancelKeyDeletion", { KeyId });
    assert.equal(await importAgain(), "Enabled");
  });

  test("a key is rotated by importing further material; each version has its own", async () => {
    const KeyId = await newKey({ KeySpec: "Aliyun_SM4" });
    const [first, second] = [randomBytes(16), randomBytes(16)];
    assert.match(await world.refusal("CreateKeyVersion", { KeyId }), /^Rejected\.PendingImport/);
    await importMaterial(KeyId, first);
    const old = await world.encrypt({ KeyId, Plaintext: "b2xk" });
    const firstVersion = (await describeKey(KeyId))["PrimaryKeyVersion"];

    const { KeyVersion } = await world.ok<{ KeyVersion: Metadata }>("CreateKeyVersion", { KeyId });
    const version = KeyVersion["KeyVersionId"] ?? "";
    assert.match(await world.refusal("CreateKeyVersion", { KeyId }), /^Rejected\.PendingImport: .*still waits/);
    assert.equal((await describeKey(KeyId))["PrimaryKeyVersion"], firstVersion);
    assert.equal(await decrypts(await world.encrypt({ KeyId, Plaintext: "b2xk" })), "b2xk");
    // Without a version named, it is the one that waits.
    assert.equal(await imports(KeyId, first), "InvalidKeyMaterial");
    await importMaterial(KeyId, second, { wrapping: "RSAES_PKCS1_V1_5" });
    assert.equal((await describeKey(KeyId))["PrimaryKeyVersion"], version);
    const recent = await world.encrypt({ KeyId, Plaintext: "bmV3" });
    assert.equal(await decrypts(old), "b2xk");

    await world.ok("DeleteKeyMaterial", { KeyId, KeyVersionId: firstVersion ?? "" });
    assert.equal(await stateOf(KeyId), "Enabled");
    assert.equal(await decrypts(recent), "bmV3");
    assert.match(await world.refusal("Decrypt", { CiphertextBlob: old }), /^Rejected\.PendingImport/);
    const { KeyVersions } = await world.ok<{ KeyVersions: { KeyVersion: Metadata[] } }>("ListKeyVersions", { KeyId });
    assert.deepEqual(
      KeyVersions.KeyVersion.map(({ KeyVersionId, KeyMaterialState }) => [KeyVersionId, KeyMaterialState]),
      [
        [version, "Imported"],
        [firstVersion, "PendingImport"],
      ],
    );
    const ofFirst = { version: firstVersion ?? "" };
    assert.equal(await imports(KeyId, second, ofFirst), "InvalidKeyMaterial");
    await importMaterial(KeyId, first, ofFirst);
    assert.equal(await decrypts(old), "b2xk");
    assert.equal((await describeKey(KeyId))["PrimaryKeyVersion"], version);
  });

  test("a token is of use for a day, for its key, again and again", async () => {
    const KeyId = await newKey();
    const parameters = await wrapped(KeyId, randomBytes(32));
    const other = await newKey();
    const foreign = await world.refusal("ImportKeyMaterial", { ...parameters, KeyId: other });
    assert.match(foreign, /^InvalidImportToken/);
    await world.ok("ImportKeyMaterial", parameters);
    await world.ok("ImportKeyMaterial", parameters);
    world.now += DAY_MILLIS;
    try {
      assert.match(await world.refusal("ImportKeyMaterial", parameters), /^ExpiredImportToken/);
    } finally {
      world.now -= DAY_MILLIS;
    }
  });

  if (database.name !== "sqlite") return;

  test("a token that was altered anywhere is none", async () => {
    const KeyId = await newKey();
    const { ImportToken, ...parameters } = await wrapped(KeyId, randomBytes(32));
    const token = Buffer.from(ImportToken, "base64");
    const altered = fc.oneof(
      fc.nat({ max: token.length * 8 - 1 }).map((bit) => {
        const copy = Buffer.from(token);
        copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return copy;
      }),
      fc.nat({ max: token.length - 1 }).map((length) => token.subarray(0, Math.max(1, length))),
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(altered, async (bytes) => {
        const refused = await world.refusal("ImportKeyMaterial", {
          ...parameters,
          ImportToken: bytes.toString("base64"),
        });
        assert.match(refused, /^InvalidImportToken/);
      }),
      { numRuns: 200 },
    );
    assert.equal(await stateOf(KeyId), "PendingImport");
  });

  test("whatever is wrong with the wrapped material, the answer is the same", async () => {
    const KeyId = await newKey();
    const pair = await newKey({ KeySpec: "EC_P256" });
    const pairWrapping = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
    const p256 = pkcs8(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    const p384 = pkcs8(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey);
    const right = await wrapped(KeyId, randomBytes(32), { wrapping: "RSAES_PKCS1_V1_5" });
    const wrong = [
      { ...right, EncryptedKeyMaterial: randomBytes(256).toString("base64") },
      { ...right, EncryptedKeyMaterial: randomBytes(5).toString("base64") },
      await wrapped(KeyId, randomBytes(31)),
      await wrapped(KeyId, randomBytes(16), { wrapping: "SM2PKE" }),
      await wrapped(pair, p384, { wrapping: pairWrapping }),
      await wrapped(pair, p256.subarray(0, -1), { wrapping: pairWrapping }),
      await wrapped(pair, randomBytes(100), { wrapping: pairWrapping }),
    ];
    const answers = new Set<string>();
    for (const parameters of wrong) answers.add(await world.refusal("ImportKeyMaterial", parameters));
    await importMaterial(KeyId, randomBytes(32));
    answers.add(await world.refusal("ImportKeyMaterial", right));
    assert.equal(answers.size, 1, [...answers].join("\n"));
    assert.match([...answers][0] ?? "", /^InvalidKeyMaterial: Key material is invalid\. /);
    assert.equal(await stateOf(pair), "PendingImport");
  });

  test("only forms that fit the key, and only keys whose material is imported", async () => {
    const own = await world.createKey();
    const parameters = { WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048" };
    assert.match(await world.refusal("GetParametersForImport", { KeyId: own, ...parameters }), /^Unsupported\.Origin/);
    assert.match(await world.refusal("DeleteKeyMaterial", { KeyId: own }), /^Unsupported\.Origin/);
    const imported = { EncryptedKeyMaterial: "AAAA", ImportToken: "AAAA" };
    assert.match(await world.refusal("ImportKeyMaterial", { KeyId: own, ...imported }), /^Unsupported\.Origin/);

    const KeyId = await newKey();
    const refusal = (changed: Record<string, string>) =>
      world.refusal("GetParametersForImport", { KeyId, ...parameters, ...changed });
    assert.match(await refusal({ WrappingKeySpec: "EC_SM2" }), /^InvalidParameter: .*"WrappingKeySpec".*RSA_2048/);
    assert.match(
      await refusal({ WrappingAlgorithm: "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD" }),
      /^InvalidParameter: .*"WrappingAlgorithm".*RSAES_PKCS1_V1_5/,
    );
    assert.match(await refusal({ KeyVersionId: "1" }), /^Forbidden\.KeyVersionNotFound/);
    const pair = await newKey({ KeySpec: "EC_SM2", KeyUsage: "ENCRYPT/DECRYPT" });
    assert.match(await refusal({ KeyId: pair }), /SM2PKE_SM4_ECB/);
  });

  describe("pairs and message authentication codes", () => {
    const PKCS8 = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
    const PAIRS: readonly { readonly spec: string; readonly make: () => KeyObject; readonly algorithm: string }[] = [
      {
        spec: "RSA_2048",
        make: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
        algorithm: "RSA_PSS_SHA_256",
      },
      {
        spec: "EC_P256",
        make: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
        algorithm: "ECDSA_SHA_256",
      },
      {
        spec: "EC_P256K",
        make: () => generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey,
        algorithm: "ECDSA_SHA_256",
      },
      {
        spec: "EC_P384",
        make: () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
        algorithm: "ECDSA_SHA_384",
      },
    ];

    for (const { spec, make, algorithm } of PAIRS) {
      test(`a ${spec} key that is imported signs`, async () => {
        const KeyId = await newKey({ KeySpec: spec });
        const [version] = (await world.ok<{ KeyVersions: { KeyVersion: Metadata[] } }>("ListKeyVersions", { KeyId }))
          .KeyVersions.KeyVersion;
        const KeyVersionId = version?.["KeyVersionId"] ?? "";
        assert.match(await world.refusal("GetPublicKey", { KeyId, KeyVersionId }), /^Rejected\.PendingImport/);
        const key = make();
        const { fingerprint } = await importMaterial(KeyId, pkcs8(key), { wrapping: PKCS8 });
        const { PublicKey } = await world.ok<{ PublicKey: string }>("GetPublicKey", { KeyId, KeyVersionId });
        const spki = Buffer.from(PublicKey.replaceAll(/-----.*-----|\n/g, ""), "base64");
        assert.equal(fingerprint, createHash("sha256").update(spki).digest("hex"));
        const signed = {
          KeyId,
          KeyVersionId,
          Algorithm: algorithm,
          Digest: createHash(algorithm.endsWith("384") ? "sha384" : "sha256")
            .update("hello")
            .digest("base64"),
        };
        const { Value } = await world.ok<{ Value: string }>("AsymmetricSign", signed);
        assert.equal((await world.ok<{ Value: boolean }>("AsymmetricVerify", { ...signed, Value })).Value, true);
        assert.match(await world.refusal("CreateKeyVersion", { KeyId }), /^Rejected\.UnsupportedOperation/);
        await world.ok("DeleteKeyMaterial", { KeyId });
        assert.match(await world.refusal("AsymmetricVerify", { ...signed, Value }), /^Rejected\.PendingImport/);
        await importMaterial(KeyId, pkcs8(key), { wrapping: PKCS8 });
        assert.equal((await world.ok<{ Value: boolean }>("AsymmetricVerify", { ...signed, Value })).Value, true);
      });
    }

    test("an EC_SM2 key comes as its scalar", async () => {
      const KeyId = await newKey({ KeySpec: "EC_SM2", KeyUsage: "ENCRYPT/DECRYPT" });
      const scalar = randomBytes(32).fill(0, 0, 1);
      const { fingerprint } = await importMaterial(KeyId, scalar, { wrapping: "SM2PKE_SM4_ECB" });
      using key = Sm2PrivateKey.fromScalar(scalar);
      assert.equal(fingerprint, createHash("sha256").update(key.publicKey.toSpki()).digest("hex"));
    });

    test("a key of message authentication codes makes those that its material makes elsewhere", async () => {
      const KeyId = await newKey({ KeySpec: "HMAC_SHA_384" });
      const material = randomBytes(48);
      await importMaterial(KeyId, material, { wrapping: "RSAES_OAEP_SHA_1" });
      const parameters = { KeyId, Algorithm: "HMAC_SHA_384", Message: Buffer.from("hello").toString("base64") };
      const { Mac } = await world.ok<{ Mac: string }>("GenerateMac", parameters);
      assert.equal(Mac, createHmac("sha384", material).update("hello").digest("base64"));
    });
  });
});

function pkcs8(key: KeyObject): Buffer {
  return key.export({ type: "pkcs8", format: "der" });
}
