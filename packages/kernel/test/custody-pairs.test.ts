import assert from "node:assert/strict";
import {
  constants,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import {
  AuthenticationError,
  DecryptionError,
  generateKeyPair,
  KeyFormatError,
  SecretBytes,
  unwrapKey,
} from "@cinnabar/crypto";
import {
  type AsymmetricSpec,
  type KeyMaterial,
  type KeySpec,
  type KeyVersionIdentity,
  keyMaterialIdentity,
  SoftwareKeystore,
  type StoredKeyVersion,
  TooBusyError,
} from "../src/custody/index.ts";
import { SlowCryptography } from "../src/custody/slow-cryptography.ts";
import { newAccountId, newKeyId, newKeyVersionId } from "../src/platform/index.ts";

const accountKey = createSecretKey(Buffer.alloc(32, 1));
const DIGEST = Buffer.alloc(32, 7);

function newIdentity(spec: KeySpec): KeyVersionIdentity {
  const ids = { accountId: newAccountId(), keyId: newKeyId(), versionId: newKeyVersionId() };
  return { ...ids, spec, origin: "Aliyun_KMS" };
}

interface MadePair {
  readonly version: StoredKeyVersion;
  readonly publicKey: {
    readonly accountId: KeyVersionIdentity["accountId"];
    readonly spec: AsymmetricSpec;
    readonly spki: Uint8Array;
  };
}

function toPair(identity: KeyVersionIdentity, spec: AsymmetricSpec, made: KeyMaterial): MadePair {
  const { material, publicKey } = made;
  assert.ok(publicKey);
  return {
    version: { identity, accountKey, material },
    publicKey: { accountId: identity.accountId, spec, spki: publicKey },
  };
}

async function newPair(keystore: SoftwareKeystore, spec: AsymmetricSpec): Promise<MadePair> {
  const identity = newIdentity(spec);
  return toPair(identity, spec, await keystore.generate({ identity, accountKey }));
}

test("keeps a pair as its PKCS #8, wrapped as material of that version and no other", async () => {
  const keystore = new SoftwareKeystore();
  const { version, publicKey } = await newPair(keystore, "EC_P256");
  const { identity, material: wrapped } = version;
  const pkcs8 = unwrapKey({ wrappingKey: accountKey, wrapped, identity: keyMaterialIdentity(identity) });
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  assert.deepEqual(spki, Buffer.from(publicKey.spki));

  await keystore.sign(version, "ECDSA_SHA_256", { digest: DIGEST });
  const other = await newPair(keystore, "EC_P256");
  for (const wrong of [
    { ...version, material: other.version.material },
    { ...version, accountKey: createSecretKey(Buffer.alloc(32, 2)) },
    { ...version, identity: { ...identity, accountId: newAccountId() } },
  ]) {
    assert.throws(() => keystore.sign(wrong, "ECDSA_SHA_256", { digest: DIGEST }), AuthenticationError);
  }
});

test("takes pairs of others, and signs and decrypts as they do", async () => {
  const keystore = new SoftwareKeystore();
  for (const [spec, algorithm] of [
    ["EC_P256", "ECDSA_SHA_256"],
    ["EC_SM2", "SM2DSA"],
    ["ED25519", "ED25519"],
  ] as const) {
    const theirs = generateKeyPair(spec);
    const identity = newIdentity(spec);
    using material = new SecretBytes(theirs.privateKey);
    const pair = toPair(identity, spec, await keystore.import({ identity, accountKey }, material));
    assert.deepEqual(Buffer.from(pair.publicKey.spki), theirs.publicKey);
    const message = randomBytes(50);
    const signature = await keystore.sign(pair.version, algorithm, { message });
    assert.equal(await keystore.verify(pair.publicKey, algorithm, { message, signature }), true);
    if (spec !== "ED25519") continue;
    const key = createPrivateKey({ key: theirs.privateKey, format: "der", type: "pkcs8" });
    assert.deepEqual(sign(null, message, key), signature);
  }
});

test("takes no pair of another spec, and no bytes of another length", async () => {
  const keystore = new SoftwareKeystore();
  const { privateKey } = generateKeyPair("EC_P384");
  const wrong: [KeySpec, Uint8Array][] = [
    ["EC_P256", privateKey],
    ["RSA_2048", privateKey],
    ["EC_SM2", privateKey],
    ["EC_P384", privateKey.subarray(1)],
    ["Aliyun_AES_256", Buffer.alloc(31)],
    ["Aliyun_SM4", Buffer.alloc(32)],
    ["HMAC_SHA_512", Buffer.alloc(32)],
  ];
  for (const [spec, bytes] of wrong) {
    const importing = async () =>
      keystore.import({ identity: newIdentity(spec), accountKey }, new SecretBytes(Buffer.from(bytes)));
    await assert.rejects(importing, KeyFormatError, spec);
  }
});

test("decrypts nothing that is wrong, and says no more of it than that", async () => {
  const keystore = new SoftwareKeystore();
  const { version, publicKey } = await newPair(keystore, "EC_SM2");
  const other = await newPair(keystore, "EC_SM2");
  const ciphertext = await keystore.encrypt(publicKey, "SM2PKE", Buffer.from("plaintext"));
  assert.equal(String(await keystore.decrypt(version, "SM2PKE", ciphertext)), "plaintext");
  await assert.rejects(keystore.decrypt(other.version, "SM2PKE", ciphertext), DecryptionError);
  await assert.rejects(keystore.decrypt(version, "SM2PKE", ciphertext.subarray(1)), DecryptionError);
  // At once, so that no thread is kept with it.
  assert.throws(() => keystore.decrypt(version, "SM2PKE", Buffer.alloc(6201)), DecryptionError);
});

test("works on with more pairs than its cache holds, and after it was told to forget them", async () => {
  const keystore = new SoftwareKeystore();
  const pairs = await Promise.all(Array.from({ length: 3 }, () => newPair(keystore, "ED25519")));
  for (const forget of [
    () => {},
    () => keystore.forgetAll(),
    () => keystore.forget(pairs[0]!.version.identity.versionId),
  ]) {
    forget();
    for (const { version, publicKey } of pairs) {
      const signature = await keystore.sign(version, "ED25519", { message: DIGEST });
      assert.equal(await keystore.verify(publicKey, "ED25519", { message: DIGEST, signature }), true);
    }
  }
});

test("GCM with a nonce that is given is under a key of its own for whoever chose it, which opens nothing else", async () => {
  const keystore = new SoftwareKeystore();
  for (const spec of ["Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4"] as const) {
    const identity = newIdentity(spec);
    const made = keystore.generate({ identity, accountKey });
    assert.ok(!(made instanceof Promise));
    const version = { identity, accountKey, material: made.material };
    const [iv, aad, plaintext] = [randomBytes(12), Buffer.from("aad"), Buffer.from("plaintext")];
    const boxes = new Set<string>();
    for (const [ivSource, other] of [
      ["random", "caller"],
      ["caller", "random"],
    ] as const) {
      const box = await keystore.sealGcm(version, { iv, ivSource, plaintext, aad });
      boxes.add(box.toString("hex"));
      assert.equal(box.length, plaintext.length + 16);
      assert.deepEqual(await keystore.openGcm(version, { iv, ivSource, box, aad }), plaintext);
      assert.throws(() => keystore.openGcm(version, { iv, ivSource: other, box, aad }), AuthenticationError);
      assert.throws(() => keystore.openGcm(version, { iv: randomBytes(12), ivSource, box, aad }), AuthenticationError);
      assert.throws(() => keystore.open(version, Buffer.concat([iv, box]), aad), AuthenticationError);
    }
    assert.equal(boxes.size, 2);
    assert.deepEqual(keystore.open(version, keystore.seal(version, plaintext, aad), aad), plaintext);
  }
});

test("the same material in two versions is two keys of GCM, whoever draws the nonces", async () => {
  const keystore = new SoftwareKeystore();
  for (const [spec, bytes] of [
    ["Aliyun_AES_256", 32],
    ["Aliyun_AES_192", 24],
    ["Aliyun_AES_128", 16],
    ["Aliyun_SM4", 16],
  ] as const) {
    using material = new SecretBytes(randomBytes(bytes));
    const take = async (identity: KeyVersionIdentity): Promise<StoredKeyVersion> => {
      const taken = await keystore.import({ identity, accountKey }, material);
      return { identity, accountKey, material: taken.material };
    };
    const identity = newIdentity(spec);
    const version = await take(identity);
    const others = await Promise.all([
      take({ ...identity, versionId: newKeyVersionId() }),
      take({ ...identity, keyId: newKeyId(), versionId: newKeyVersionId() }),
      take(newIdentity(spec)),
    ]);
    const [iv, aad, plaintext] = [randomBytes(12), Buffer.from("aad"), randomBytes(40)];
    const sealed = keystore.seal(version, plaintext, aad);
    assert.deepEqual(keystore.open(await take(identity), sealed, aad), plaintext);
    for (const other of others) {
      // XAES-256-GCM is told by the associated data, which whoever calls puts the version into.
      if (spec !== "Aliyun_AES_256") assert.throws(() => keystore.open(other, sealed, aad), AuthenticationError);
      for (const ivSource of ["random", "caller"] as const) {
        const box = await keystore.sealGcm(version, { iv, ivSource, plaintext, aad });
        assert.deepEqual(await keystore.openGcm(await take(identity), { iv, ivSource, box, aad }), plaintext);
        assert.throws(() => keystore.openGcm(other, { iv, ivSource, box, aad }), AuthenticationError);
        // Neither the key stream nor the tag is the same.
        const same = await keystore.sealGcm(other, { iv, ivSource, plaintext, aad });
        assert.notDeepEqual(same.subarray(0, 40), box.subarray(0, 40));
        assert.notDeepEqual(same.subarray(40), box.subarray(40));
      }
    }
  }
});

test("what is long is sealed and authenticated in turns of the event loop, to the same as at once", async () => {
  const keystore = new SoftwareKeystore();
  const made = async (spec: KeySpec): Promise<StoredKeyVersion> => {
    const identity = newIdentity(spec);
    return { identity, accountKey, material: (await keystore.generate({ identity, accountKey })).material };
  };
  const message = randomBytes(1_000_000);
  const [iv, aad] = [randomBytes(12), randomBytes(100_000)];
  /** What comes of it, and how many turns others had until then. */
  const done = async <T>(work: T | Promise<T>): Promise<T> => {
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const value = await work;
    isDone = true;
    assert.ok(turns >= 5, `${turns} turns`);
    return value;
  };
  const aes = await made("Aliyun_AES_256");
  for (const ivSource of ["random", "caller"] as const) {
    const box = await done(keystore.sealGcm(aes, { iv, ivSource, plaintext: message, aad }));
    assert.deepEqual(await done(keystore.openGcm(aes, { iv, ivSource, box, aad })), message);
    box.writeUInt8(box.readUInt8(500_000) ^ 1, 500_000);
    await assert.rejects(async () => keystore.openGcm(aes, { iv, ivSource, box, aad }), AuthenticationError);
  }
  for (const [spec, hash] of [
    ["HMAC_SHA_224", "sha224"],
    ["HMAC_SM3", "sm3"],
  ] as const) {
    const version = await made(spec);
    const { accountKey: wrappingKey, material: wrapped, identity } = version;
    const key = unwrapKey({ wrappingKey, wrapped, identity: keyMaterialIdentity(identity) });
    const code = await done(keystore.mac(version, message));
    assert.deepEqual(code, createHmac(hash, key).update(message).digest());
  }
});

test("signs and decrypts with RSA as OpenSSL does, in threads of its own", async () => {
  const keystore = new SoftwareKeystore();
  const { version, publicKey } = await newPair(keystore, "RSA_2048");
  const key = createPublicKey({ key: Buffer.from(publicKey.spki), format: "der", type: "spki" });
  const message = randomBytes(50);
  const [digest, other] = [createHash("sha256").update(message).digest(), Buffer.alloc(32)];
  const signature = await keystore.sign(version, "RSA_PKCS1_SHA_256", { message });
  assert.equal(verify("sha256", message, key, signature), true);
  assert.deepEqual(await keystore.sign(version, "RSA_PKCS1_SHA_256", { digest }), signature);
  assert.equal(await keystore.verify(publicKey, "RSA_PKCS1_SHA_256", { digest, signature }), true);
  assert.equal(await keystore.verify(publicKey, "RSA_PKCS1_SHA_256", { digest: other, signature }), false);

  const ciphertext = await keystore.encrypt(publicKey, "RSAES_OAEP_SHA_256", message);
  assert.deepEqual(await keystore.decrypt(version, "RSAES_OAEP_SHA_256", ciphertext), message);
  await assert.rejects(keystore.decrypt(version, "RSAES_OAEP_SHA_1", ciphertext), DecryptionError);
  const short = Buffer.alloc(31);
  await assert.rejects(async () => keystore.sign(version, "RSA_PSS_SHA_256", { digest: short }), RangeError);
});

test(
  "leaves the processor to the rest of the process while it is slow",
  { skip: process.platform !== "linux" && "only Linux gives threads a priority of their own" },
  async () => {
    const keystore = new SoftwareKeystore();
    const { version } = await newPair(keystore, "RSA_2048");
    await keystore.sign(version, "RSA_PSS_SHA_256", { digest: DIGEST });
    const nice = readdirSync("/proc/self/task").map((thread) => niceOf(thread));
    const own = getPriority();
    assert.equal(niceOf(String(process.pid)), own);
    for (const below of [5, 10]) assert.ok(nice.includes(Math.min(19, own + below)), String(nice));
  },
);

/** The 19th field of proc_pid_stat(5); the second one is in parentheses and may hold anything. */
function niceOf(thread: string): number {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
}

test("long messages wait as their digests, and are signed and verified as if they did not", async () => {
  const keystore = new SoftwareKeystore();
  const message = Buffer.alloc(1_000_000, 7);
  const calls = 8;
  /** Does the same for many calls at once, none of which may keep the message while it waits. */
  const doAll = async <T>(work: () => T | Promise<T>): Promise<T[]> => {
    const before = process.memoryUsage().arrayBuffers;
    const works = Array.from({ length: calls }, work);
    const kept = process.memoryUsage().arrayBuffers - before;
    assert.ok(kept < message.length, `${kept} bytes`);
    return Promise.all(works);
  };
  for (const [spec, algorithm] of [
    ["RSA_2048", "RSA_PSS_SHA_256"],
    ["EC_P256", "ECDSA_SHA_256"],
    ["EC_P384", "ECDSA_SHA_384"],
    ["EC_SM2", "SM2DSA"],
  ] as const) {
    const { version, publicKey } = await newPair(keystore, spec);
    const [signature = assert.fail()] = await doAll(() => keystore.sign(version, algorithm, { message }));
    const verdicts = await doAll(() => keystore.verify(publicKey, algorithm, { message, signature }));
    assert.deepEqual(
      verdicts,
      Array.from(verdicts, () => true),
      spec,
    );
    const altered = Buffer.from(message);
    altered[999_999] = 8;
    assert.equal(await keystore.verify(publicKey, algorithm, { message: altered, signature }), false);
    if (spec === "EC_SM2") continue;
    const key = createPublicKey({ key: Buffer.from(publicKey.spki), format: "der", type: "spki" });
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const hash = spec === "EC_P384" ? "sha384" : "sha256";
    const options = spec === "RSA_2048" ? padding : {};
    assert.equal(verify(hash, message, { key, ...options }, signature), true, "OpenSSL hashes the message itself");
  }
});

test("an account has ten pairs of RSA_2048 made at once, which take as long as few of RSA_4096", async () => {
  const slow = new SlowCryptography();
  const pairs = Array.from({ length: 10 }, () => slow.generate("one", "RSA_2048"));
  assert.throws(() => slow.generate("one", "RSA_4096"), TooBusyError);
  pairs.push(slow.generate("other", "RSA_2048"));
  const keys = (await Promise.all(pairs)).map(({ publicKey }) => Buffer.from(publicKey).toString("hex"));
  assert.equal(new Set(keys).size, pairs.length);
});

test("takes so much slow work of an account and no more, and others' meanwhile", async () => {
  const limits = { concurrency: 1, length: 2 };
  const slow = new SlowCryptography({ "private-key": limits, "key-generation": limits });
  const keystore = new SoftwareKeystore({ slow });
  const { version } = await newPair(keystore, "EC_P384");
  const other = await newPair(keystore, "EC_P384");
  const quick = await newPair(keystore, "EC_P256");
  const begin = ({ identity, ...rest }: StoredKeyVersion) =>
    keystore.sign({ identity, ...rest }, "ECDSA_SHA_384", { digest: Buffer.alloc(48) });
  const works = [begin(version), begin(version), begin(other.version)];
  for (const next of [version, other.version]) assert.throws(() => begin(next), TooBusyError);
  const unread = {
    get digest(): Uint8Array {
      return assert.fail("what is not taken is not copied");
    },
  };
  assert.throws(() => keystore.sign(version, "ECDSA_SHA_384", unread), TooBusyError);
  // What is quick waits for nothing.
  await keystore.sign(quick.version, "ECDSA_SHA_256", { digest: DIGEST });
  await Promise.all(works.map((work) => Promise.resolve(work)));
  await begin(version);
});
