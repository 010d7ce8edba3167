import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isId,
  newAccountId,
  newInstanceId,
  newInstanceKeyId,
  newKeyId,
  newKeyVersionId,
  newKeyVersionIdOf,
  newRequestId,
  newResourceShareId,
  parseId,
} from "../src/platform/index.ts";

test("makes identifiers of their documented shapes, each one anew", () => {
  const cases = [
    ["Key", newKeyId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ["KeyVersion", newKeyVersionId, /^[0-9a-f-]{36}$/],
    ["Key", newInstanceKeyId, /^key-[a-z0-9]{21}$/],
    ["KeyVersion", () => newKeyVersionIdOf(newKeyId()), /^[0-9a-f-]{36}$/],
    ["KeyVersion", () => newKeyVersionIdOf(newInstanceKeyId()), /^key-[a-z0-9]{21}-[a-z0-9]{10}$/],
    ["Instance", newInstanceId, /^kst-[a-z0-9]{21}$/],
    ["ResourceShare", newResourceShareId, /^rs-[A-Za-z0-9]{12}$/],
    ["Request", newRequestId, /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/],
    ["Account", newAccountId, /^1[0-9]{15}$/],
  ] as const;
  for (const [kind, make, shape] of cases) {
    const made = new Set(Array.from({ length: 500 }, () => make()));
    assert.equal(made.size, 500);
    for (const id of made) {
      assert.match(id, shape);
      assert.ok(isId(kind, id));
      assert.equal(parseId(kind, id), id);
    }
  }
});

test("takes no other text for an identifier, and does not repeat it", () => {
  const id = newKeyId();
  for (const text of [
    "",
    id.toUpperCase(),
    `${id}\n`,
    ` ${id}`,
    id.replaceAll("-", ""),
    `${id}0`,
    "key-hzz62f1cb66fa42qo",
    `key-${"a".repeat(22)}`,
    `key-${"A".repeat(21)}`,
  ]) {
    assert.ok(!isId("Key", text));
    assert.throws(() => parseId("Key", text), { name: "RangeError", message: "not an identifier of the kind Key" });
  }
  for (const text of ["0234567890123456", "123456789012345", "12345678901234567", "123456789012345a"]) {
    assert.ok(!isId("Account", text));
  }
  for (const text of [
    "LTAI5t",
    "LTAI5tABCDEFGHIJKLMNOPQ",
    "LTAI5tABCDEFGHIJKLMNOPQRS",
    "LTAI4tABCDEFGHIJKLMNOPQR",
    "LTAI5tABCDEFGHIJKLMNOPQ-",
  ]) {
    assert.ok(!isId("AccessKey", text));
  }
  assert.ok(!isId("Request", id));
});
