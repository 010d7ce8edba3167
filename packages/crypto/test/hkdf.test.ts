import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { deriveBytes, deriveKey } from "../src/index.ts";

const range = (first: number, last: number) =>
  Buffer.from(Array.from({ length: last - first + 1 }, (_, i) => first + i));

// RFC 5869, appendix A.1 to A.3.
const vectors = [
  {
    ikm: Buffer.alloc(22, 0x0b),
    salt: range(0x00, 0x0c),
    label: range(0xf0, 0xf9),
    okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  },
  {
    ikm: range(0x00, 0x4f),
    salt: range(0x60, 0xaf),
    label: range(0xb0, 0xff),
    okm:
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
      "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
  },
  {
    ikm: Buffer.alloc(22, 0x0b),
    salt: Buffer.alloc(0),
    label: "",
    okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  },
];

for (const [index, { ikm, salt, label, okm }] of vectors.entries()) {
  test(`HKDF-SHA256 agrees with RFC 5869 test case ${index + 1}`, () => {
    const key = createSecretKey(ikm);
    const bytes = okm.length / 2;
    assert.equal(deriveBytes({ key, label, salt, bytes }).toString("hex"), okm);
    assert.equal(deriveKey({ key, label, salt, bytes }).export().toString("hex"), okm);
  });
}

test("deriveKey gives 32 bytes without salt by default, different for every label", () => {
  const key = createSecretKey(randomBytes(32));
  const derived = deriveKey({ key, label: "one" });
  assert.equal(derived.symmetricKeySize, 32);
  assert(derived.equals(deriveKey({ key, label: "one", salt: Buffer.alloc(0), bytes: 32 })));
  assert(!derived.equals(deriveKey({ key, label: "two" })));
});

test("deriveBytes refuses lengths that HKDF cannot give", () => {
  const key = createSecretKey(randomBytes(32));
  for (const bytes of [0, -1, 1.5, 255 * 32 + 1])
    assert.throws(() => deriveBytes({ key, label: "x", bytes }), RangeError);
  assert.throws(() => deriveBytes({ key, label: "x".repeat(1025) }), RangeError);
});
