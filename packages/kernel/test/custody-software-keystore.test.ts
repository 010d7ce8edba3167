import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";
import { queryObjects } from "node:v8";

import { AuthenticationError, deriveKey, TURN_BYTES, unwrapKey, wrapKey, Xaes256Gcm } from "@cinnabar/crypto";
import * as fc from "fast-check";

import { type KeyVersionIdentity, SoftwareKeystore, type StoredKeyVersion } from "../src/custody/index.ts";
import { newAccountId, newKeyId, newKeyVersionId } from "../src/platform/index.ts";

const accountKey = createSecretKey(Buffer.alloc(32, 1));
const AAD = Buffer.from("context");

function newVersion(keystore: SoftwareKeystore, changes: Partial<KeyVersionIdentity> = {}): StoredKeyVersion {
  const identity: KeyVersionIdentity = {
    accountId: newAccountId(),
    keyId: newKeyId(),
    versionId: newKeyVersionId(),
    spec: "Aliyun_AES_256",
    origin: "Aliyun_KMS",
    ...changes,
  };
  const made = keystore.generate({ identity, accountKey });
  assert.ok(!(made instanceof Promise));
  return { identity, accountKey, material: made.material };
}

test("opens what it sealed, of any length and with any associated data", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6144 }), fc.uint8Array({ maxLength: 100 }), (plaintext, aad) => {
      const box = keystore.seal(version, plaintext, aad);
      assert.equal(box.length, 24 + plaintext.length + 16);
      assert.deepEqual(keystore.open(version, box, aad), Buffer.from(plaintext));
    }),
  );
});

test("seals as nonce, ciphertext and tag of XAES-256-GCM under HKDF of the wrapped material", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  const { accountId, keyId, versionId, spec, origin } = version.identity;
  const material = unwrapKey({
    wrappingKey: accountKey,
    wrapped: version.material,
    identity: ["key version", accountId, keyId, versionId, spec, origin],
  });
  assert.equal(material.length, 32);
  const key = deriveKey({ key: createSecretKey(material), label: "cinnabar key version v1: XAES-256-GCM encrypt" });
  const box = keystore.seal(version, Buffer.from("hello"), AAD);
  const opened = new Xaes256Gcm(key).open({ nonce: box.subarray(0, 24), box: box.subarray(24), aad: AAD });
  assert.equal(opened.toString(), "hello");
});

test("accounts take turns where messages are long", async () => {
  const keystore = new SoftwareKeystore();
  const [much, little] = [
    newVersion(keystore, { spec: "HMAC_SHA_256" }),
    newVersion(keystore, { spec: "HMAC_SHA_256" }),
  ];
  const message = Buffer.alloc(3 * TURN_BYTES);
  let ended = 0;
  const crowd = Array.from({ length: 20 }, async () => {
    await keystore.mac(much, message);
    ended++;
  });
  await keystore.mac(little, message);
  assert.equal(ended, 0);
  await Promise.all(crowd);
});

test("seals the same plaintext differently each time", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  assert.notDeepEqual(keystore.seal(version, AAD, AAD), keystore.seal(version, AAD, AAD));
});

test("opens no box that was altered, cut short, or comes with other associated data", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  const box = keystore.seal(version, Buffer.from("hello"), AAD);
  for (let i = 0; i < box.length; i++) {
    const altered = Buffer.from(box);
    altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
    assert.throws(() => keystore.open(version, altered, AAD), AuthenticationError);
    assert.throws(() => keystore.open(version, box.subarray(0, i), AAD), AuthenticationError);
  }
  assert.throws(() => keystore.open(version, box, Buffer.from("contexu")), AuthenticationError);
});

test("opens no box of another version", () => {
  const keystore = new SoftwareKeystore();
  const box = keystore.seal(newVersion(keystore), Buffer.from("hello"), AAD);
  assert.throws(() => keystore.open(newVersion(keystore), box, AAD), AuthenticationError);
});

test("opens no material under another identity, with the right key in its cache too", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  const other = newVersion(keystore);
  const box = keystore.seal(version, Buffer.from("hello"), AAD);
  keystore.seal(other, Buffer.from("hello"), AAD);
  const { identity } = version;
  const swapped: StoredKeyVersion[] = [
    { ...version, material: other.material },
    { ...version, accountKey: createSecretKey(Buffer.alloc(32, 2)) },
    { ...version, identity: { ...identity, accountId: newAccountId() } },
    { ...version, identity: { ...identity, keyId: newKeyId() } },
    { ...version, identity: { ...identity, versionId: newKeyVersionId() } },
    { ...version, identity: { ...identity, versionId: other.identity.versionId } },
    { ...version, identity: { ...identity, origin: "EXTERNAL" } },
  ];
  for (const wrong of swapped) {
    assert.throws(() => keystore.open(wrong, box, AAD), AuthenticationError);
    assert.throws(() => keystore.seal(wrong, AAD, AAD), AuthenticationError);
  }
  assert.equal(keystore.open(version, box, AAD).toString(), "hello");
});

test("refuses wrapped material of a length that its spec does not have", () => {
  const keystore = new SoftwareKeystore();
  const { identity } = newVersion(keystore);
  const { accountId, keyId, versionId, spec, origin } = identity;
  const material = wrapKey({
    wrappingKey: accountKey,
    material: Buffer.alloc(16),
    identity: ["key version", accountId, keyId, versionId, spec, origin],
  });
  assert.throws(() => keystore.seal({ identity, accountKey, material }, AAD, AAD), AuthenticationError);
});

test("takes a version read from the store again for the one it knows", () => {
  const keystore = new SoftwareKeystore();
  const version = newVersion(keystore);
  const box = keystore.seal(version, Buffer.from("hello"), AAD);
  const again: StoredKeyVersion = {
    identity: { ...version.identity },
    accountKey: createSecretKey(accountKey.export()),
    material: Uint8Array.from(version.material),
  };
  assert.equal(keystore.open(again, box, AAD).toString(), "hello");
});

test("works on with more versions than its cache holds, and after it was told to forget one", () => {
  const keystore = new SoftwareKeystore({ cachedVersions: 2 });
  const sealed = Array.from({ length: 5 }, () => {
    const version = newVersion(keystore);
    return { version, box: keystore.seal(version, Buffer.from("hello"), AAD) };
  });
  for (const { version, box } of [...sealed, ...sealed.toReversed()]) {
    assert.equal(keystore.open(version, box, AAD).toString(), "hello");
    keystore.forget(version.identity.versionId);
    assert.equal(keystore.open(version, box, AAD).toString(), "hello");
    keystore.forgetAll();
    assert.equal(keystore.open(version, box, AAD).toString(), "hello");
  }
});

/** A row that can be found in memory as long as anybody keeps it. */
class FoundVersion implements StoredKeyVersion {
  readonly identity: StoredKeyVersion["identity"];
  readonly accountKey: StoredKeyVersion["accountKey"];
  readonly material: StoredKeyVersion["material"];

  constructor({ identity, accountKey, material }: StoredKeyVersion) {
    this.identity = identity;
    this.accountKey = accountKey;
    this.material = Uint8Array.from(material);
  }
}

/** Whoever keeps what was opened of a row keeps the row. */
function keptRows(): number {
  return queryObjects(FoundVersion, { format: "count" });
}

test("keeps nothing of a version that a call under way still uses after it was told to forget it", () => {
  const keystore = new SoftwareKeystore();
  const use = (version: StoredKeyVersion) => {
    const found = new FoundVersion(version);
    const box = keystore.seal(found, Buffer.from("hello"), AAD);
    assert.equal(keystore.open(found, box, AAD).toString(), "hello");
    return box;
  };
  const [erased, other] = [newVersion(keystore), newVersion(keystore)];
  const box = use(erased);
  use(other);
  assert.equal(keptRows(), 2);
  keystore.forget(erased.identity.versionId);
  use(erased);
  assert.equal(keptRows(), 1);

  // The same material, imported again.
  const { accountId, keyId, versionId, spec, origin } = erased.identity;
  const identity = ["key version", accountId, keyId, versionId, spec, origin];
  const material = unwrapKey({ wrappingKey: accountKey, wrapped: erased.material, identity });
  const again = { ...erased, material: wrapKey({ wrappingKey: accountKey, material, identity }) };
  assert.notDeepEqual(again.material, erased.material);
  assert.equal(keystore.open(again, box, AAD).toString(), "hello");
  assert.equal(keystore.open(erased, use(again), AAD).toString(), "hello");
  assert.throws(() => keystore.open({ ...again, material: other.material }, box, AAD), AuthenticationError);
});
