import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { test } from "node:test";

import { DecryptionError } from "../src/index.ts";
import { padPkcs7, unpadPkcs7 } from "../src/pkcs7.ts";
import { wycheproof } from "./wycheproof.ts";

test("PKCS #7 padding agrees with aes_cbc_pkcs5_test.json", (t) => {
  for (const vector of wycheproof(t, "aes_cbc_pkcs5_test.json") ?? []) {
    const what = `${vector.tcId}: ${vector.comment}`;
    const key = vector.bytes("key");
    // CBC itself is not ours, only what is done with its padding.
    const decipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, vector.bytes("iv")).setAutoPadding(false);
    const padded = decipher.update(vector.bytes("ct"));
    if (vector.result === "valid") {
      assert.deepEqual(Buffer.from(unpadPkcs7(padded, 16)), vector.bytes("msg"), what);
      assert.deepEqual(padPkcs7(vector.bytes("msg"), 16), padded, what);
    } else {
      assert.throws(() => unpadPkcs7(padded, 16), DecryptionError, what);
    }
  }
});

test("PKCS #7 padding is refused on what is not whole blocks", () => {
  for (const length of [0, 1, 15, 17]) assert.throws(() => unpadPkcs7(Buffer.alloc(length, 1), 16), DecryptionError);
});
