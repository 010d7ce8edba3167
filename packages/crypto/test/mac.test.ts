import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { computeMac, MAC_HASHES, type MacHash, verifyMac } from "../src/index.ts";
import { wycheproof } from "./wycheproof.ts";

const HASHES = Object.keys(MAC_HASHES) as MacHash[];

for (const hash of HASHES) {
  const file = `hmac_${hash.toLowerCase().replace("_", "")}_test.json`;
  test(`HMAC agrees with ${file}, and takes no truncated tag`, (t) => {
    for (const vector of wycheproof(t, file) ?? []) {
      const what = `${vector.tcId}: ${vector.comment}`;
      const key = createSecretKey(vector.bytes("key"));
      const [message, tag] = [vector.bytes("msg"), vector.bytes("tag")];
      const isWhole = tag.length === MAC_HASHES[hash].tagBytes;
      const isValid = vector.result === "valid";
      assert.equal(verifyMac({ hash, key, message, tag }), isValid && isWhole, what);
      const computed = computeMac({ hash, key, message });
      assert.equal(computed.length, MAC_HASHES[hash].tagBytes, what);
      assert.equal(computed.subarray(0, tag.length).equals(tag), isValid, what);
    }
  });
}

test("HMACs of different hash functions are no tags of each other", () => {
  const key = createSecretKey(randomBytes(32));
  const message = Buffer.from("message");
  for (const made of HASHES) {
    const tag = computeMac({ hash: made, key, message });
    for (const hash of HASHES) assert.equal(verifyMac({ hash, key, message, tag }), hash === made);
  }
});
