import assert from "node:assert/strict";
import { createHmac, createSecretKey } from "node:crypto";
import { test } from "node:test";

import { AuthenticationError } from "@cinnabar/crypto";
import * as fc from "fast-check";

import {
  isIssuedAccessKeyId,
  isIssuedSessionKeyId,
  issueAccessKeyId,
  issueSessionKeyId,
  newAccessKeySecret,
  openAccessKeySecret,
  RootKey,
  sealAccessKeySecret,
} from "../src/custody/index.ts";
import { newAccountId } from "../src/platform/index.ts";

const rootKey = new RootKey(Buffer.alloc(32, 1));
const tagKey = rootKey.derive("accessKeyTag");
const wrappingKey = rootKey.derive("accessKeySecretWrap");
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

test("issues AccessKey ids of 24 characters that begin as Alibaba Cloud's do, and knows them again", () => {
  const ids = new Set(Array.from({ length: 200 }, () => issueAccessKeyId(tagKey)));
  assert.equal(ids.size, 200);
  for (const id of ids) {
    assert.match(id, /^LTAI5t[A-Za-z0-9]{18}$/);
    assert.ok(isIssuedAccessKeyId(tagKey, id));
  }
});

test("tags an AccessKey id with 48 bits of HMAC-SHA256 in base 62", () => {
  const key = createSecretKey(Buffer.alloc(32, 7));
  const body = "LTAI5tABCDEFGHIJKL";
  let number = BigInt(`0x${createHmac("sha256", key).update(body).digest("hex").slice(0, 12)}`);
  let tag = "";
  for (let i = 0; i < 6; i++) {
    tag += ALPHABET.charAt(Number(number % 62n));
    number /= 62n;
  }
  assert.ok(isIssuedAccessKeyId(key, body + tag));
});

test("knows no AccessKey id of another deployment", () => {
  const id = issueAccessKeyId(rootKey.derive("rowMac"));
  assert.ok(!isIssuedAccessKeyId(tagKey, id));
});

test("knows no AccessKey id with one character changed", () => {
  const id: string = issueAccessKeyId(tagKey);
  for (let i = 0; i < id.length; i++) {
    const other = id[i] === "x" ? "y" : "x";
    assert.ok(!isIssuedAccessKeyId(tagKey, id.slice(0, i) + other + id.slice(i + 1)));
  }
});

test("issues ids for the AccessKeys of sessions that hold for one account and one version of its key", () => {
  const source = { accountId: newAccountId(), keyVersion: 12 };
  const isIssued = (text: string, from = source): boolean => isIssuedSessionKeyId(tagKey, text, from);
  const id: string = issueSessionKeyId(tagKey, source);
  assert.match(id, /^STS\.[A-Za-z0-9]{24}$/);
  assert.ok(isIssued(id));
  assert.ok(!isIssued(id, { ...source, keyVersion: 2 }));
  assert.ok(!isIssued(id, { ...source, accountId: newAccountId() }));
  assert.ok(!isIssued(issueSessionKeyId(rootKey.derive("rowMac"), source)));
  assert.ok(!isIssued(issueAccessKeyId(tagKey)));
  assert.equal(isIssuedAccessKeyId(tagKey, id), false);
  for (let i = 0; i < id.length; i++) {
    const other = id[i] === "x" ? "y" : "x";
    assert.ok(!isIssued(id.slice(0, i) + other + id.slice(i + 1)));
  }
});

test("knows no invented AccessKey id, of any length and alphabet", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^LTAI5t[A-Za-z0-9]{18}$/)), (text) => {
      assert.ok(!isIssuedAccessKeyId(tagKey, text));
    }),
  );
});

test("makes AccessKey secrets of 30 letters and digits, each equally likely", () => {
  const counts = new Map<number, number>();
  for (let i = 0; i < 2000; i++) {
    const secret = newAccessKeySecret();
    assert.match(secret.toString("latin1"), /^[A-Za-z0-9]{30}$/);
    for (const character of secret) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  // 60,000 characters over 62: 968 each, with a standard deviation of 31.
  assert.equal(counts.size, 62);
  for (const count of counts.values()) assert.ok(Math.abs(count - 968) < 250);
});

test("opens the secret that was sealed, for its own account and AccessKey alone", () => {
  const accountId = newAccountId();
  const accessKeyId = issueAccessKeyId(tagKey);
  const secret = newAccessKeySecret();
  const wrapped = sealAccessKeySecret({ wrappingKey, accountId, accessKeyId, secret });
  assert.ok(!wrapped.includes(secret));
  const right = { wrappingKey, accountId, accessKeyId, wrapped };
  assert.deepEqual(openAccessKeySecret(right), secret);
  for (const wrong of [
    { accountId: newAccountId() },
    { accessKeyId: issueAccessKeyId(tagKey) },
    { wrappingKey: tagKey },
    { wrapped: wrapped.subarray(0, -1) },
  ]) {
    assert.throws(() => openAccessKeySecret({ ...right, ...wrong }), AuthenticationError);
  }
});
