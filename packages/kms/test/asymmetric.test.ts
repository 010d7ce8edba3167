import assert from "node:assert/strict";
import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
} from "node:crypto";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { KEY_SPECS } from "../src/key/key-spec.ts";
import { World } from "./world.ts";

/** A version of a key as calls name it. */
interface NamedVersion {
  readonly KeyId: string;
  readonly KeyVersionId: string;
}

const PAIRS = Object.entries(KEY_SPECS).filter(([, { family }]) => family === "asymmetric");

/** Bytes that each algorithm encrypts at most (Alibaba Cloud KMS, "AsymmetricEncrypt"; RFC 8017, section 7.1.1). */
const MAX_PLAINTEXT: Readonly<Record<string, number>> = {
  "RSA_2048 RSAES_OAEP_SHA_256": 190,
  "RSA_2048 RSAES_OAEP_SHA_1": 214,
  "RSA_3072 RSAES_OAEP_SHA_256": 318,
  "RSA_3072 RSAES_OAEP_SHA_1": 342,
  "RSA_4096 RSAES_OAEP_SHA_256": 446,
  "EC_SM2 SM2PKE": 6047,
};

/** The hash function of each algorithm that signs digests; of SM2DSA anything of the length. */
const HASHES: Readonly<Record<string, string>> = {
  RSA_PSS_SHA_256: "sha256",
  RSA_PKCS1_SHA_256: "sha256",
  ECDSA_SHA_256: "sha256",
  ECDSA_SHA_384: "sha384",
  ECDSA_SHA_512: "sha512",
  SM2DSA: "sm3",
};

const UNSUPPORTED = "Rejected.UnsupportedOperation: Unsupported operation.";

forEachDatabase((database) => {
  let world: World;
  const pairs = new Map<string, Promise<NamedVersion>>();
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function createPair(KeySpec: string, KeyUsage: string): Promise<NamedVersion> {
    return versionOf(await world.createKey({ KeySpec, KeyUsage }));
  }

  /** Keys that no test changes are made once. */
  function pairOf(spec: string, usage: string): Promise<NamedVersion> {
    const name = `${spec} ${usage}`;
    const pair = pairs.get(name) ?? createPair(spec, usage);
    pairs.set(name, pair);
    return pair;
  }

  async function versionOf(KeyId: string): Promise<NamedVersion> {
    const listed = await world.ok<{ KeyVersions: { KeyVersion: NamedVersion[] } }>("ListKeyVersions", { KeyId });
    const [version] = listed.KeyVersions.KeyVersion;
    assert.ok(version);
    return { KeyId, KeyVersionId: version.KeyVersionId };
  }

  async function publicKeyOf(version: NamedVersion): Promise<KeyObject> {
    const { PublicKey } = await world.ok<{ PublicKey: string }>("GetPublicKey", { ...version });
    assert.match(PublicKey, /^-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END PUBLIC KEY-----\n$/);
    return createPublicKey(PublicKey);
  }

  async function sign(parameters: Readonly<Record<string, string>>): Promise<string> {
    return (await world.ok<{ Value: string }>("AsymmetricSign", parameters)).Value;
  }

  async function isValid(parameters: Readonly<Record<string, string>>): Promise<boolean> {
    return (await world.ok<{ Value: boolean }>("AsymmetricVerify", parameters)).Value;
  }

  // The cryptography is the same on any database.
  for (const [spec, { usages, signing, encryption }] of database.name === "sqlite" ? PAIRS : []) {
    if (usages.includes("SIGN/VERIFY")) {
      test(`a key of ${spec} signs what its public key verifies, by each of its algorithms`, async () => {
        const version = await pairOf(spec, "SIGN/VERIFY");
        const publicKey = await publicKeyOf(version);
        const message = randomBytes(100);
        for (const Algorithm of signing) {
          const raw = { ...version, Algorithm, MessageType: "RAW", Message: message.toString("base64") };
          const Value = await sign(raw);
          assert.deepEqual(await world.ok("AsymmetricVerify", { ...raw, Value }), { ...version, Value: true });
          const signature = Buffer.from(Value, "base64");
          if (spec !== "EC_SM2") assert.ok(verifies(publicKey, { Algorithm, message, signature }), Algorithm);

          const other = { ...raw, Message: randomBytes(100).toString("base64") };
          assert.equal(await isValid({ ...other, Value }), false);
          signature.writeUInt8(signature.readUInt8(20) ^ 1, 20);
          assert.equal(await isValid({ ...raw, Value: signature.toString("base64") }), false);
          assert.equal(await isValid({ ...raw, Value: "AAAA" }), false);
        }
      });

      test(`a key of ${spec} signs digests, or says that it does not`, async () => {
        const version = await pairOf(spec, "SIGN/VERIFY");
        for (const Algorithm of signing) {
          const hash = HASHES[Algorithm];
          const message = randomBytes(100);
          const digest = hash === undefined ? randomBytes(32) : createHash(hash).update(message).digest();
          const parameters = { ...version, Algorithm, Digest: digest.toString("base64") };
          if (hash === undefined) {
            const advice = `${Algorithm} signs messages: send RAW, and the message as Message.`;
            const refusal = `InvalidParameter: The specified parameter "MessageType" is not valid. ${advice}`;
            assert.equal(await world.refusal("AsymmetricSign", parameters), refusal);
            continue;
          }
          const Value = await sign(parameters);
          assert.equal(await isValid({ ...parameters, MessageType: "DIGEST", Value }), true);
          // SM2DSA's digest is not that of the message alone.
          const raw = { ...version, Algorithm, MessageType: "RAW", Message: message.toString("base64"), Value };
          assert.equal(await isValid(raw), Algorithm !== "SM2DSA");
          const short = { ...parameters, Digest: digest.subarray(1).toString("base64") };
          const advice = `It must be the base64 of ${digest.length} bytes: that is a digest of ${Algorithm}.`;
          const refusal = `InvalidParameter: The specified parameter "Digest" is not valid. ${advice}`;
          assert.equal(await world.refusal("AsymmetricSign", short), refusal);
        }
      });
    }

    for (const Algorithm of encryption) {
      test(`a key of ${spec} decrypts what its public key encrypts by ${Algorithm}`, async () => {
        const version = await pairOf(spec, "ENCRYPT/DECRYPT");
        const most = MAX_PLAINTEXT[`${spec} ${Algorithm}`] ?? 0;
        for (const bytes of [1, most]) {
          const Plaintext = randomBytes(bytes).toString("base64");
          const sealed = await world.ok<NamedVersion & { CiphertextBlob: string }>("AsymmetricEncrypt", {
            ...version,
            Algorithm,
            Plaintext,
          });
          const { CiphertextBlob, ...named } = sealed;
          assert.deepEqual(named, version);
          const opened = await world.ok("AsymmetricDecrypt", { ...version, Algorithm, CiphertextBlob });
          assert.deepEqual(opened, { ...version, Plaintext });

          const refusal =
            'InvalidParameter: The specified parameter "CiphertextBlob" is not valid. It is not what the key version\'s public key gives by the algorithm.';
          const ciphertext = Buffer.from(CiphertextBlob, "base64");
          const wrong = [ciphertext.subarray(1), Buffer.concat([ciphertext, Buffer.of(0)]), altered(ciphertext)];
          for (const blob of wrong) {
            const parameters = { ...version, Algorithm, CiphertextBlob: blob.toString("base64") };
            assert.equal(await world.refusal("AsymmetricDecrypt", parameters), refusal);
          }
        }
        const Plaintext = randomBytes(most + 1).toString("base64");
        const advice =
          most === 6047
            ? "It must be the base64 of at most 6047 bytes."
            : `A key of the spec ${spec} encrypts at most ${most} bytes by ${Algorithm}.`;
        assert.equal(
          await world.refusal("AsymmetricEncrypt", { ...version, Algorithm, Plaintext }),
          `InvalidParameter: The specified parameter "Plaintext" is not valid. ${advice}`,
        );
      });
    }
  }

  test("decrypts what others encrypt with the public key", async () => {
    const version = await pairOf("RSA_2048", "ENCRYPT/DECRYPT");
    const plaintext = randomBytes(100);
    const key = await publicKeyOf(version);
    const ciphertext = publicEncrypt({ key, oaepHash: "sha256", padding: constants.RSA_PKCS1_OAEP_PADDING }, plaintext);
    const { Plaintext } = await world.ok<{ Plaintext: string }>("AsymmetricDecrypt", {
      ...version,
      Algorithm: "RSAES_OAEP_SHA_256",
      CiphertextBlob: ciphertext.toString("base64"),
    });
    assert.equal(Plaintext, plaintext.toString("base64"));
  });

  test("a key does what it is for and by its spec's algorithms, and nothing else", async () => {
    const signer = await pairOf("RSA_2048", "SIGN/VERIFY");
    const opener = await pairOf("RSA_2048", "ENCRYPT/DECRYPT");
    const symmetric = await versionOf(await world.createKey());
    const digest = { Digest: Buffer.alloc(32).toString("base64") };
    const oaep = { Algorithm: "RSAES_OAEP_SHA_1", Plaintext: "aGVsbG8=" };
    const cases: readonly [string, Readonly<Record<string, string>>, string][] = [
      ["AsymmetricEncrypt", { ...signer, ...oaep }, "The key is for SIGN/VERIFY, not for ENCRYPT/DECRYPT."],
      [
        "AsymmetricDecrypt",
        { ...signer, Algorithm: "SM2PKE", CiphertextBlob: "AAAA" },
        "The key is for SIGN/VERIFY, not for ENCRYPT/DECRYPT.",
      ],
      [
        "AsymmetricSign",
        { ...opener, Algorithm: "RSA_PSS_SHA_256", ...digest },
        "The key is for ENCRYPT/DECRYPT, not for SIGN/VERIFY.",
      ],
      [
        "AsymmetricVerify",
        { ...opener, Algorithm: "RSA_PSS_SHA_256", ...digest, Value: "AAAA" },
        "The key is for ENCRYPT/DECRYPT, not for SIGN/VERIFY.",
      ],
      [
        "AsymmetricEncrypt",
        { ...opener, ...oaep, Algorithm: "SM2PKE" },
        "A key of the spec RSA_2048 encrypts with RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1, not SM2PKE.",
      ],
      [
        "AsymmetricSign",
        { ...signer, Algorithm: "ECDSA_SHA_256", ...digest },
        "A key of the spec RSA_2048 signs with RSA_PSS_SHA_256 or RSA_PKCS1_SHA_256, not ECDSA_SHA_256.",
      ],
      [
        "AsymmetricEncrypt",
        { ...symmetric, ...oaep },
        "No key of the spec Aliyun_AES_256 is for that: the key is for ENCRYPT/DECRYPT.",
      ],
      ["GetPublicKey", { ...symmetric }, "A key of the spec Aliyun_AES_256 has no public key."],
      [
        "GenerateMac",
        { KeyId: signer.KeyId, Algorithm: "HMAC_SHA_256", Message: "AAAA" },
        "No key of the spec RSA_2048 is for that: the key is for SIGN/VERIFY.",
      ],
    ];
    for (const [operation, parameters, advice] of cases) {
      assert.equal(await world.refusal(operation, parameters), `${UNSUPPORTED} ${advice}`);
    }
  });

  test("no operation with one secret takes a pair or a key of message authentication codes", async () => {
    const pair = await pairOf("RSA_2048", "ENCRYPT/DECRYPT");
    const mac = await versionOf(await world.createKey({ KeySpec: "HMAC_SHA_256" }));
    const symmetric = await world.createKey();
    const box = randomBytes(60).toString("latin1");
    for (const [{ KeyId, KeyVersionId }, use] of [
      [pair, "The key is of the spec RSA_2048, for AsymmetricEncrypt and AsymmetricDecrypt."],
      [mac, "The key is of the spec HMAC_SHA_256, for GENERATE/VERIFY_MAC."],
    ] as const) {
      const refusal = `UnsupportedOperation: This action is not supported. ${use}`;
      const CiphertextBlob = Buffer.from(KeyVersionId + box, "latin1").toString("base64");
      const own = await world.encrypt({ KeyId: symmetric, Plaintext: "aGVsbG8=" });
      assert.equal(await world.refusal("Encrypt", { KeyId, Plaintext: "aGVsbG8=" }), refusal);
      assert.equal(await world.refusal("GenerateDataKey", { KeyId }), refusal);
      assert.equal(await world.refusal("GenerateDataKeyWithoutPlaintext", { KeyId }), refusal);
      assert.equal(await world.refusal("Decrypt", { CiphertextBlob }), refusal);
      assert.equal(await world.refusal("ReEncrypt", { CiphertextBlob: own, DestinationKeyId: KeyId }), refusal);
      assert.equal(await world.refusal("ReEncrypt", { CiphertextBlob, DestinationKeyId: symmetric }), refusal);
    }
  });

  test("a pair has no primary version, and its version must be named, as one of its own", async () => {
    const version = await pairOf("EC_P256", "SIGN/VERIFY");
    const other = await pairOf("ED25519", "SIGN/VERIFY");
    const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", {
      KeyId: version.KeyId,
    });
    assert.equal(KeyMetadata["PrimaryKeyVersion"], undefined);
    assert.equal(KeyMetadata["KeySpec"], "EC_P256");
    assert.equal(KeyMetadata["KeyUsage"], "SIGN/VERIFY");
    const parameters = { Algorithm: "ECDSA_SHA_256", Digest: Buffer.alloc(32).toString("base64") };
    const missing = await world.refusal("AsymmetricSign", { ...parameters, KeyId: version.KeyId });
    assert.equal(missing, 'MissingParameter: The parameter "KeyVersionId" is needed but not provided.');
    for (const KeyVersionId of [other.KeyVersionId, "no-version"]) {
      const refusal = await world.refusal("AsymmetricSign", { ...parameters, KeyId: version.KeyId, KeyVersionId });
      assert.equal(refusal, "Forbidden.KeyVersionNotFound: The specified Key version is not found.");
    }
  });

  test("a key that can sign is for signing unless its maker says otherwise", async () => {
    for (const spec of ["RSA_2048", "EC_SM2", "ED25519"] as const) {
      const KeyId = await world.createKey({ KeySpec: spec });
      const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
      assert.equal(KeyMetadata["KeyUsage"], "SIGN/VERIFY");
    }
    const refusal = await world.refusal("CreateKey", { KeySpec: "EC_P256", KeyUsage: "ENCRYPT/DECRYPT" });
    const advice = "A key of the spec EC_P256 is for SIGN/VERIFY.";
    assert.equal(refusal, `InvalidParameter: The specified parameter "KeyUsage" is not valid. ${advice}`);
  });

  test("a pair that is not enabled only shows its public key", async () => {
    const signer = await createPair("EC_P256", "SIGN/VERIFY");
    const digest = { Algorithm: "ECDSA_SHA_256", Digest: Buffer.alloc(32).toString("base64") };
    const { KeyId } = signer;
    await world.ok("DisableKey", { KeyId });
    for (const [code, change] of [
      ["Rejected.Disabled", undefined],
      ["Rejected.PendingDeletion", "ScheduleKeyDeletion"],
    ] as const) {
      if (change !== undefined) await world.ok(change, { KeyId, PendingWindowInDays: "7" });
      const refused = [
        await world.refusal("AsymmetricSign", { ...signer, ...digest }),
        await world.refusal("AsymmetricVerify", { ...signer, ...digest, Value: "AAAA" }),
      ];
      for (const refusal of refused) assert.ok(refusal.startsWith(`${code}: `), refusal);
      await publicKeyOf(signer);
    }
  });

  test("an altered public key is not used", async () => {
    const version = await createPair("EC_P256", "SIGN/VERIFY");
    const other = await publicKeyOf(await pairOf("EC_P256", "SIGN/VERIFY"));
    await world.tamper((db) =>
      db
        .updateTable("key_version")
        .set({ public_key: other.export({ type: "spki", format: "der" }) })
        .where("id", "=", version.KeyVersionId)
        .execute(),
    );
    await assert.rejects(world.call("GetPublicKey", { ...version }), { name: "TamperedRowError" });
  });

  test("the event names the version", async () => {
    const version = await pairOf("RSA_2048", "SIGN/VERIFY");
    const { noted, resource } = await world.call("AsymmetricSign", {
      ...version,
      Algorithm: "RSA_PSS_SHA_256",
      Digest: Buffer.alloc(32).toString("base64"),
    });
    assert.deepEqual(noted, { keyId: version.KeyId, keyRevision: 1, keyVersionId: version.KeyVersionId });
    assert.equal(resource, `ACS::KMS::Key ${version.KeyId}`);
  });
});

function altered(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}

/** Whether OpenSSL finds the signature valid. */
function verifies(
  key: KeyObject,
  { Algorithm, message, signature }: { Algorithm: string; message: Uint8Array; signature: Uint8Array },
): boolean {
  const hash = HASHES[Algorithm] ?? null;
  if (Algorithm !== "RSA_PSS_SHA_256") return verify(hash, message, key, signature);
  return verify(hash, message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
}
