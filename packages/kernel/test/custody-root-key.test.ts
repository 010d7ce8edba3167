import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { test } from "node:test";

import { RootKey, type RootKeyUse } from "../src/custody/index.ts";
import { newRootKeyMaterial } from "../src/custody/root-key.ts";

const MATERIAL = Buffer.from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "hex");

function hkdf(label: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", MATERIAL, Buffer.alloc(0), label, bytes));
}

// Stored data depends on these labels: a change here is a change of format.
const LABELS: Readonly<Record<RootKeyUse, string>> = {
  rowMac: "cinnabar root v1: row mac",
  setHashElement: "cinnabar root v1: set hash element",
  setHashMask: "cinnabar root v1: set hash mask",
  checkpointKeyWrap: "cinnabar root v1: checkpoint key wrap",
  deploymentKeyWrap: "cinnabar root v1: deployment key wrap",
  accountKeyWrap: "cinnabar root v1: account key wrap",
  accessKeyTag: "cinnabar root v1: access key tag",
  accessKeySecretWrap: "cinnabar root v1: access key secret wrap",
};

for (const [use, label] of Object.entries(LABELS)) {
  test(`derives the root key's key for ${use} by HKDF-SHA256 with its own label`, () => {
    assert.ok(isUse(use));
    assert.deepEqual(new RootKey(MATERIAL).derive(use).export(), hkdf(label, 32));
  });
}

function isUse(text: string): text is RootKeyUse {
  return Object.hasOwn(LABELS, text);
}

test("gives a root key a check value that is derived and not part of it", () => {
  const { checkValue } = new RootKey(MATERIAL);
  assert.equal(checkValue, hkdf("cinnabar root v1: check value", 16).toString("base64url"));
  assert.equal(checkValue.length, 22);
  assert.notEqual(new RootKey(Buffer.alloc(32)).checkValue, checkValue);
});

test("refuses root key material of another length and leaves the caller's bytes alone", () => {
  assert.throws(() => new RootKey(Buffer.alloc(31)), RangeError);
  assert.throws(() => new RootKey(Buffer.alloc(33)), RangeError);
  const material = Buffer.from(MATERIAL);
  const rootKey = new RootKey(material);
  assert.deepEqual(material, MATERIAL);
  material.fill(0);
  assert.equal(rootKey.checkValue, new RootKey(MATERIAL).checkValue);
});

test("shows nothing of a root key but its check value when it is printed", () => {
  const rootKey = new RootKey(MATERIAL);
  assert.deepEqual(JSON.parse(JSON.stringify(rootKey)), { checkValue: rootKey.checkValue });
});

test("clears fresh root key material at the end of its block", () => {
  let bytes: Buffer;
  {
    using material = newRootKeyMaterial();
    bytes = material.bytes;
    assert.equal(bytes.length, 32);
    assert.notDeepEqual(bytes, Buffer.alloc(32));
  }
  assert.deepEqual(bytes, Buffer.alloc(32));
});
