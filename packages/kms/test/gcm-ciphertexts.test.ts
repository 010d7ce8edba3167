import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import { wrapKey } from "@cinnabar/crypto";
import {
  keyMaterialIdentity,
  type KeyVersionIdentity,
  newAccountId,
  newKeyId,
  parseId,
  SoftwareKeystore,
  type SymmetricSpec,
} from "@cinnabar/kernel";
import { decodeCiphertextBlob } from "../src/cryptography/ciphertext-blob.ts";
import { associatedData } from "../src/cryptography/encryption-context.ts";
import { decodeAdvanceBlob } from "../src/instance-protocol/advance-blob.ts";
import vectors from "./vectors/gcm-ciphertexts.json" with { type: "json" };

const SPECS: readonly SymmetricSpec[] = ["Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4"];

test("ciphertexts that were computed from the description of the formats open", async () => {
  const keystore = new SoftwareKeystore();
  const accountKey = createSecretKey(randomBytes(32));
  const [iv, aad] = [Buffer.from(vectors.iv, "hex"), Buffer.from(vectors.aad)];
  assert.deepEqual(
    vectors.keys.map(({ keySpec }) => keySpec),
    SPECS,
  );
  for (const [i, vector] of vectors.keys.entries()) {
    const identity: KeyVersionIdentity = {
      accountId: newAccountId(),
      keyId: newKeyId(),
      versionId: parseId("KeyVersion", vectors.keyVersionId),
      spec: SPECS[i] ?? assert.fail(),
      origin: "EXTERNAL",
    };
    const wrapped = { material: Buffer.from(vector.material, "hex"), identity: keyMaterialIdentity(identity) };
    const version = { identity, accountKey, material: wrapKey({ wrappingKey: accountKey, ...wrapped }) };
    const open = async (ivSource: "random" | "caller", box: Uint8Array) =>
      String(await keystore.openGcm(version, { iv, ivSource, box, aad }));

    assert.equal(await open("random", Buffer.from(vector.randomIv, "hex")), vectors.plaintext, identity.spec);
    assert.equal(await open("caller", Buffer.from(vector.givenIv, "hex")), vectors.plaintext);
    const advance = decodeAdvanceBlob(Buffer.from(vector.advance, "hex"));
    assert.deepEqual([advance?.versionId, advance?.iv], [identity.versionId, iv]);
    assert.equal(await open("random", advance?.box ?? assert.fail()), vectors.plaintext);

    // What XAES-256-GCM seals has a vector of its own.
    if (vector.ciphertextBlob === undefined) continue;
    const blob = decodeCiphertextBlob(vector.ciphertextBlob);
    const context = associatedData(identity.versionId, new Map(Object.entries(vectors.encryptionContext)));
    assert.equal(context.toString("hex"), vectors.associatedData);
    const opened = keystore.open(version, blob?.box ?? assert.fail(), context);
    assert.equal(opened.toString(), Buffer.from(vectors.plaintext).toString("base64"));
  }
});
