import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import { wrapKey } from "@cinnabar/crypto";
import {
  type KeyVersionIdentity,
  newAccountId,
  newKeyId,
  newKeyVersionId,
  parseId,
  SoftwareKeystore,
} from "@cinnabar/kernel";
import * as fc from "fast-check";
import { decodeCiphertextBlob, encodeCiphertextBlob } from "../src/cryptography/ciphertext-blob.ts";
import { associatedData } from "../src/cryptography/encryption-context.ts";
import vector from "./vectors/ciphertext-blob.json" with { type: "json" };

const VERSION = newKeyVersionId();
const MIN_BOX_BYTES = 12 + 16;
const MAX_BOX_BYTES = 24 + 16 + 8192;

test("decodes what it encoded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: MIN_BOX_BYTES, maxLength: MIN_BOX_BYTES + 200 }), (box) => {
      const blob = decodeCiphertextBlob(encodeCiphertextBlob(VERSION, box));
      assert.deepEqual(blob, { versionId: VERSION, box: Buffer.from(box) });
    }),
  );
});

test("decodes boxes of the shortest and the longest length, and no others", () => {
  const decode = (bytes: number) => decodeCiphertextBlob(encodeCiphertextBlob(VERSION, Buffer.alloc(bytes)));
  assert.ok(decode(MIN_BOX_BYTES));
  assert.equal(decode(MIN_BOX_BYTES - 1), undefined);
  assert.ok(decode(MAX_BOX_BYTES));
  assert.equal(decode(MAX_BOX_BYTES + 3), undefined);
});

test("every blob has one text only", () => {
  const text = encodeCiphertextBlob(VERSION, Buffer.alloc(MIN_BOX_BYTES, 0xff));
  assert.match(text, /w==$/);
  const others = [
    text.slice(0, -1),
    text.slice(0, -2),
    `${text}=`,
    ` ${text}`,
    `${text}\n`,
    `${text.slice(0, 40)}\n${text.slice(40)}`,
    text.replace(/w==$/, "x=="),
    text.replaceAll("/", "_"),
  ];
  assert.ok(decodeCiphertextBlob(text));
  for (const other of others) assert.equal(decodeCiphertextBlob(other), undefined, other);
});

test("reads any text without failing", () => {
  fc.assert(
    fc.property(fc.base64String({ maxLength: 300 }), (text) => {
      const blob = decodeCiphertextBlob(text);
      assert.ok(blob === undefined || blob.box.length >= MIN_BOX_BYTES);
    }),
  );
});

test("a ciphertext that was computed from the description of the format opens", () => {
  const identity: KeyVersionIdentity = {
    accountId: newAccountId(),
    keyId: newKeyId(),
    versionId: parseId("KeyVersion", vector.keyVersionId),
    spec: "Aliyun_AES_256",
    origin: "Aliyun_KMS",
  };
  const { accountId, keyId, versionId, spec, origin } = identity;
  const accountKey = createSecretKey(randomBytes(32));
  const material = wrapKey({
    wrappingKey: accountKey,
    material: Buffer.from(vector.material, "hex"),
    identity: ["key version", accountId, keyId, versionId, spec, origin],
  });
  const blob = decodeCiphertextBlob(vector.ciphertextBlob);
  assert.equal(blob?.versionId, vector.keyVersionId);
  assert.equal(Buffer.from(blob.box.subarray(0, 24)).toString("hex"), vector.nonce);
  const aad = associatedData(versionId, new Map(Object.entries(vector.encryptionContext).toReversed()));
  assert.equal(aad.toString("hex"), vector.associatedData);
  const version = { identity, material, accountKey };
  assert.equal(new SoftwareKeystore().open(version, blob.box, aad).toString(), vector.plaintext);
});
