import assert from "node:assert/strict";
import { test } from "node:test";

import { SecretBytes } from "../src/index.ts";

test("SecretBytes zeroes its bytes at the end of the block, also when the block throws", () => {
  const bytes = Buffer.from("secret");
  const work = () => {
    using secret = new SecretBytes(bytes);
    assert.equal(secret.bytes, bytes);
    throw new Error("failed");
  };
  assert.throws(work, /failed/);
  assert.deepEqual(bytes, Buffer.alloc(6));
});
