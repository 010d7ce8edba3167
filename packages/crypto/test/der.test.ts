import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { derBitString, derElement, derInteger, DerReader, encodeDer } from "../src/der.ts";
import { KeyFormatError } from "../src/index.ts";
import { hex } from "./hex.ts";

const OCTETS = 0x04;

test("what DER is written of is read again", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, bytes, (octets, integer, bits) => {
      const element = derElement(
        0x30,
        derElement(OCTETS, octets),
        derElement(0x30, derInteger(integer)),
        derBitString(bits),
      );
      const reader = DerReader.sequence(encodeDer(element));
      assert.deepEqual(Buffer.from(reader.read(OCTETS)), Buffer.from(octets));
      const first = integer.findIndex((byte) => byte !== 0);
      const shortest = first === -1 ? Buffer.alloc(0) : Buffer.from(integer.subarray(first));
      assert.deepEqual(Buffer.from(reader.sequence().unsignedInteger()), shortest);
      assert.deepEqual(Buffer.from(reader.bitString()), Buffer.from(bits));
      reader.end();
    }),
  );
});

test("lengths are written in the shortest form, at every boundary", () => {
  for (const [length, header] of [
    [0, "0400"],
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [65_536, "0483010000"],
  ] as const) {
    const der = encodeDer(derElement(OCTETS, Buffer.alloc(length)));
    assert.deepEqual(der.subarray(0, header.length / 2), hex(header));
    assert.equal(DerReader.only(der, (reader) => reader.read(OCTETS)).length, length);
  }
});

test("other encodings of the same value are refused", () => {
  const refuses = (text: string, read: (reader: DerReader) => unknown) =>
    assert.throws(() => DerReader.only(hex(text), read), KeyFormatError, text);
  const octets = (reader: DerReader) => reader.read(OCTETS);
  const integer = (reader: DerReader) => reader.unsignedInteger();
  const bits = (reader: DerReader) => reader.bitString();
  for (const text of [
    "",
    "04",
    "0401",
    "048101 00",
    "04820001 00",
    "0480 00 0000",
    "0485 0000000001 00",
    "040100 00",
    "0500",
  ]) {
    refuses(text, octets);
  }
  for (const text of ["0200", "020180", "02020001", "0201ff", "0202ffff", "0203000001"]) refuses(text, integer);
  for (const text of ["0300", "030107", "0302 0780"]) refuses(text, bits);
});
