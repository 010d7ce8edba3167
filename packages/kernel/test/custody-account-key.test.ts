import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthenticationError } from "@cinnabar/crypto";

import { createAccountKey, openAccountKey, RootKey } from "../src/custody/index.ts";
import { newAccountId } from "../src/platform/index.ts";

const wrappingKey = new RootKey(Buffer.alloc(32, 1)).derive("accountKeyWrap");
const accountId = newAccountId();

test("opens an account key as the key that was made", () => {
  const { wrapped, key } = createAccountKey({ wrappingKey, accountId, version: 1 });
  const opened = openAccountKey({ wrappingKey, accountId, version: 1, wrapped });
  assert.ok(opened.equals(key));
  assert.equal(key.symmetricKeySize, 32);
  assert.ok(!wrapped.includes(key.export()));
});

test("makes every account key anew", () => {
  const first = createAccountKey({ wrappingKey, accountId, version: 1 });
  assert.ok(!first.key.equals(createAccountKey({ wrappingKey, accountId, version: 1 }).key));
});

test("opens no account key of another account, version or root key, or one that was altered", () => {
  const { wrapped } = createAccountKey({ wrappingKey, accountId, version: 1 });
  const right = { wrappingKey, accountId, version: 1, wrapped };
  const altered = Buffer.from(wrapped);
  altered.writeUInt8(altered.readUInt8(20) ^ 1, 20);
  for (const wrong of [
    { accountId: newAccountId() },
    { version: 2 },
    { version: 11 },
    { wrappingKey: new RootKey(Buffer.alloc(32, 2)).derive("accountKeyWrap") },
    { wrapped: altered },
    { wrapped: wrapped.subarray(1) },
    { wrapped: Buffer.alloc(0) },
  ]) {
    assert.throws(() => openAccountKey({ ...right, ...wrong }), AuthenticationError);
  }
});
