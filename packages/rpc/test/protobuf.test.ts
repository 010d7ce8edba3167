import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  decodeMessage,
  encodeMessage,
  type FieldKind,
  type FieldValue,
  type Message,
  ProtobufError,
} from "../src/index.ts";

const MESSAGE = {
  Text: { number: 1, kind: "string" },
  Bytes: { number: 2, kind: "bytes" },
  Number: { number: 3, kind: "int32" },
  Flag: { number: 16, kind: "bool" },
  Texts: { number: 1000, kind: "strings" },
} as const satisfies Message;

/** Values that are not the default ones, which an encoder leaves out. */
const VALUES: Readonly<Record<FieldKind, fc.Arbitrary<FieldValue>>> = {
  string: fc.string({ unit: "grapheme", minLength: 1 }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((value) => value !== 0),
  bool: fc.constant(true),
  strings: fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }),
};

const anyMessage: fc.Arbitrary<ReadonlyMap<string, FieldValue>> = fc
  .record(Object.fromEntries(Object.entries(MESSAGE).map(([name, { kind }]) => [name, VALUES[kind]])), {
    requiredKeys: [],
  })
  .map((fields) => {
    const values = new Map<string, FieldValue>();
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) values.set(name, value);
    return values;
  });

suite("Protocol Buffers", () => {
  test("decoding is the inverse of encoding", () => {
    fc.assert(
      fc.property(anyMessage, (values) => {
        const decoded = decodeMessage(MESSAGE, encodeMessage(MESSAGE, values));
        assert.deepEqual(plain(decoded), plain(values));
      }),
    );
  });

  // Protocol Buffers, "Encoding": the examples of the page.
  test("writes and reads the published examples", () => {
    const one: Message = { a: { number: 1, kind: "int32" } };
    const two: Message = { b: { number: 2, kind: "string" } };
    const negative = "08feffffffffffffffff01";
    for (const [message, name, value, hex] of [
      [one, "a", 150, "089601"],
      [one, "a", -2, negative],
      [two, "b", "testing", "120774657374696e67"],
    ] as const) {
      assert.equal(encodeMessage(message, new Map([[name, value]])).toString("hex"), hex);
      assert.deepEqual(decodeMessage(message, Buffer.from(hex, "hex")), new Map([[name, value]]));
    }
  });

  test("passes over what it does not know, and the last of a field holds", () => {
    const hex = [
      "2a0161", // 5: a text
      "309601", // 6: a number
      "390102030405060708", // 7: 64 bits
      "4501020304", // 8: 32 bits
      "0a0161", // Text: a
      "0a0162", // Text: b
    ].join("");
    assert.deepEqual(decodeMessage(MESSAGE, Buffer.from(hex, "hex")), new Map([["Text", "b"]]));
    // The default value is the same as none.
    assert.deepEqual(decodeMessage(MESSAGE, Buffer.from("0a01610a00", "hex")), new Map());
  });

  test("refuses what no encoder writes", () => {
    for (const [why, hex] of [
      ["a text that is cut off", "0a0561"],
      ["a number that is cut off", "1896"],
      ["a number of more than 64 bits", `18${"ff".repeat(9)}02`],
      ["a number of more bytes", `18${"80".repeat(10)}01`],
      ["an int32 of more than 32 bits", "1880808080108001"],
      ["a field of another type", "0801"],
      ["no field's number", "0001"],
      ["a group", "2b2c"],
      ["a type that there is not", "2f"],
      ["text that is not UTF-8", "0a01ff"],
      ["a length beyond all", `0a${"ff".repeat(8)}7f`],
    ] as const) {
      assert.throws(() => decodeMessage(MESSAGE, Buffer.from(hex, "hex")), ProtobufError, why);
    }
  });

  test("takes 64 fields, known and unknown ones, and no more", () => {
    for (const field of ["0a0161", "0a00", "2a00", "3001"]) {
      assert.equal(decodeMessage(MESSAGE, Buffer.from(field.repeat(64), "hex")).size <= 1, true);
      assert.throws(() => decodeMessage(MESSAGE, Buffer.from(field.repeat(65), "hex")), /more than 64 fields/);
    }
  });

  test("whatever the bytes are, it is a message or refused, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (encoded) => {
        try {
          const decoded = decodeMessage(MESSAGE, encoded);
          assert.deepEqual(plain(decodeMessage(MESSAGE, encodeMessage(MESSAGE, decoded))), plain(decoded));
        } catch (error) {
          assert(error instanceof ProtobufError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("no field takes what it cannot hold", () => {
    for (const [name, value] of [
      ["Number", 2 ** 31],
      ["Number", 0.5],
      ["Text", 1],
      ["Flag", "true"],
    ] as const) {
      assert.throws(() => encodeMessage(MESSAGE, new Map([[name, value]])), RangeError, name);
    }
  });
});

/** Bytes as arrays that compare, whatever class they are of. */
function plain(values: ReadonlyMap<string, FieldValue>): object {
  return Object.fromEntries(
    [...values].map(([name, value]) => [name, value instanceof Uint8Array ? [...value] : value]),
  );
}
