import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { computeMac, computeMacInTurns, MAC_HASHES, type MacHash } from "../src/index.ts";
import { wycheproof } from "./wycheproof.ts";

const HASHES = Object.keys(MAC_HASHES) as MacHash[];

for (const hash of HASHES) {
  const file = `hmac_${hash.toLowerCase().replace("_", "")}_test.json`;
  test(`HMAC agrees with ${file}`, (t) => {
    for (const vector of wycheproof(t, file) ?? []) {
      const what = `${vector.tcId}: ${vector.comment}`;
      const key = createSecretKey(vector.bytes("key"));
      const [message, tag] = [vector.bytes("msg"), vector.bytes("tag")];
      const isValid = vector.result === "valid";
      const computed = computeMac({ hash, key, message });
      assert.equal(computed.length, MAC_HASHES[hash].tagBytes, what);
      assert.equal(computed.subarray(0, tag.length).equals(tag), isValid, what);
    }
  });
}

test("the HMAC of a long message, made in turns, is the one made at once", async () => {
  const key = createSecretKey(randomBytes(32));
  for (const bytes of [0, 1, 128 * 1024, 128 * 1024 + 1, 400_000]) {
    const message = randomBytes(bytes);
    for (const hash of HASHES) {
      const made = await computeMacInTurns({ whose: "somebody", hash, key, message });
      assert.deepEqual(made, computeMac({ hash, key, message }));
    }
  }
});
