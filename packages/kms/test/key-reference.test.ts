import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { keyReference, parseKeyReference } from "../src/key/key-reference.ts";

const place = { region: "cn-hangzhou", accountId: "1234567890123456" };

test("reads an id, an alias and the ARN of either", () => {
  assert.deepEqual(parseKeyReference("a-key"), { names: "key", name: "a-key", place: undefined });
  assert.deepEqual(parseKeyReference("alias/a/b"), { names: "alias", name: "alias/a/b", place: undefined });
  assert.deepEqual(parseKeyReference("acs:kms:cn-hangzhou:1234567890123456:key/a-key"), {
    names: "key",
    name: "a-key",
    place,
  });
  assert.deepEqual(parseKeyReference("acs:kms:cn-hangzhou:1234567890123456:alias/a/b"), {
    names: "alias",
    name: "alias/a/b",
    place,
  });
});

test("takes what has no such form for an id, which then does not exist", () => {
  for (const text of [
    "acs:kms:cn-hangzhou:1:secret/x",
    "acs:oss:cn-hangzhou:1:key/x",
    "ALIAS/x",
    "acs:kms:key/x",
    "\0",
  ]) {
    assert.deepEqual(parseKeyReference(text), { names: "key", name: text, place: undefined });
  }
});

test("reads every text somehow, and back from its parts", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom("", "alias/", "acs:kms:r:1:key/", "acs:kms:r:1:alias/"),
      (text, prefix) => {
        const { names, name, place } = parseKeyReference(prefix + text);
        const head = place === undefined ? "" : `acs:kms:${place.region}:${place.accountId}:`;
        assert.equal(`${head}${place !== undefined && names === "key" ? "key/" : ""}${name}`, prefix + text);
      },
    ),
  );
});

test("refuses what is too long for any id or alias", () => {
  const isTaken = (text: string): boolean => keyReference.safeParse(text).success;
  assert.equal(isTaken("x".repeat(256)), true);
  assert.equal(isTaken("x".repeat(257)), false);
  assert.equal(isTaken(`alias/${"x".repeat(255)}`), true);
  assert.equal(isTaken(`alias/${"x".repeat(256)}`), false);
  assert.equal(isTaken(`acs:kms:cn-hangzhou:1234567890123456:alias/${"x".repeat(255)}`), true);
  assert.equal(isTaken(`acs:kms:cn-hangzhou:1234567890123456:key/${"x".repeat(257)}`), false);
});
