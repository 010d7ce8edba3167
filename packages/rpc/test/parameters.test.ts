import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_PARAMETER_NAME_LENGTH, MAX_PARAMETERS, readList, readMap, readRecords } from "../src/index.ts";
import { decodeParameters, encodeParameters } from "../src/parameters.ts";
import { anyParameters, throwsWireError } from "./support.ts";

function decode(...texts: string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const text of texts) decodeParameters(text, parameters);
  return parameters;
}

test("decodes percent-encoded names and values, plus signs as spaces, and reserved characters left as they are", () => {
  assert.deepEqual(
    decode("a%20b=1%2B2+3&c&d=&e=x=y&&f={\"k\":'~!*()'}&__proto__=p"),
    new Map([
      ["a b", "1+2 3"],
      ["c", ""],
      ["d", ""],
      ["e", "x=y"],
      ["f", "{\"k\":'~!*()'}"],
      ["__proto__", "p"],
    ]),
  );
  assert.deepEqual(decode("", "&"), new Map());
});

test("reads back whatever it encodes", () => {
  fc.assert(
    fc.property(anyParameters, (parameters) => assert.deepEqual(decode(encodeParameters(parameters)), parameters)),
  );
});

test("agrees with URLSearchParams on well-formed text", () => {
  fc.assert(
    fc.property(anyParameters, (parameters) => {
      assert.deepEqual(decode(new URLSearchParams([...parameters]).toString()), parameters);
    }),
  );
});

test("refuses text that is not percent-encoded UTF-8", () => {
  for (const text of ["a=%", "a=%4", "a=%zz", "a=%ff", "%c0%80=x", "a=%ed%a0%80", "a=%F4%90%80%80", "a=%e4%b8"]) {
    throwsWireError("ParseRequestParameterException", /cut short or is not UTF-8/, () => decode(text));
  }
  for (const text of ["a=中", "ä=1", "a=\ud800"]) {
    throwsWireError("ParseRequestParameterException", /outside ASCII/, () => decode(text));
  }
});

test("refuses a parameter given twice with different values, in one text or across two", () => {
  throwsWireError("InvalidParameter", /"KeyId".*twice/, () => decode("KeyId=a&KeyId=b"));
  throwsWireError("InvalidParameter", /"KeyId".*twice/, () => decode("KeyId=a", "KeyId="));
  assert.deepEqual(decode("KeyId=a&KeyId=%61", "KeyId=a"), new Map([["KeyId", "a"]]));
});

test("refuses too many parameters, too long names and empty ones", () => {
  const many = Array.from({ length: MAX_PARAMETERS }, (_, index) => `p${index}`).join("&");
  assert.equal(decode(many).size, MAX_PARAMETERS);
  throwsWireError("ParseRequestParameterException", /more than 1000/, () => decode(many, "one=more"));
  assert.equal(decode("n".repeat(MAX_PARAMETER_NAME_LENGTH)).size, 1);
  throwsWireError("ParseRequestParameterException", /longer than 256/, () =>
    decode("n".repeat(MAX_PARAMETER_NAME_LENGTH + 1)),
  );
  throwsWireError("ParseRequestParameterException", /no name/, () => decode("=x"));
});

test("reads a map from JSON and from flattened parameters alike", () => {
  const map = new Map([
    ["tenant", "acme"],
    ["a.b", "1"],
    ["__proto__", "p"],
    ["", "empty"],
  ]);
  const json = '{"tenant": "acme", "a.b":"1", "__proto__":"p", "":"empty"}';
  assert.deepEqual(readMap(new Map([["EncryptionContext", json]]), "EncryptionContext"), map);
  const flattened = new Map([...map].map(([key, value]) => [`EncryptionContext.${key}`, value]));
  assert.deepEqual(readMap(flattened, "EncryptionContext"), map);
  assert.deepEqual(readMap(new Map([["EncryptionContext", "{}"]]), "EncryptionContext"), new Map());
});

test("finds no map where there is none", () => {
  const parameters = new Map([
    ["EncryptionContextX.a", "1"],
    ["Empty", ""],
  ]);
  assert.equal(readMap(parameters, "EncryptionContext"), undefined);
  assert.equal(readMap(parameters, "Empty"), undefined);
});

test("refuses a map that is not a JSON object of strings, or has both forms", () => {
  for (const json of ["x", "null", "[]", '["a"]', '"a"', "1", "{", '{"a":1}', '{"a":null}', '{"a":{}}']) {
    throwsWireError("InvalidParameter", /"M".*JSON object/, () => readMap(new Map([["M", json]]), "M"));
  }
  throwsWireError("InvalidParameter", /surrogates/, () => readMap(new Map([["M", '{"a":"\\ud800"}']]), "M"));
  throwsWireError("InvalidParameter", /surrogates/, () => readMap(new Map([["M", '{"\\udc00":"a"}']]), "M"));
  throwsWireError("InvalidParameter", /not both/, () =>
    readMap(
      new Map([
        ["M", "{}"],
        ["M.a", "1"],
      ]),
      "M",
    ),
  );
  const many = Object.fromEntries(Array.from({ length: MAX_PARAMETERS + 1 }, (_, index) => [`k${index}`, ""]));
  throwsWireError("InvalidParameter", /1000 entries/, () => readMap(new Map([["M", JSON.stringify(many)]]), "M"));
});

test("reads any map of strings back from both of its forms", () => {
  fc.assert(
    fc.property(anyParameters, (map) => {
      const json = `{${[...map].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
      assert.deepEqual(readMap(new Map([["M", json]]), "M"), map);
      const flattened = new Map([...map].map(([key, value]) => [`M.${key}`, value]));
      assert.deepEqual(readMap(flattened, "M"), map.size === 0 ? undefined : map);
    }),
  );
});

test("reads numbered values in the order of their numbers", () => {
  const parameters = decode(
    `${Array.from({ length: 11 }, (_, index) => `ResourceId.${11 - index}=${11 - index}`).join("&")}&Other=x`,
  );
  assert.deepEqual(readList(parameters, "ResourceId"), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
  assert.equal(readList(parameters, "Resource"), undefined);
});

test("reads numbered records", () => {
  assert.deepEqual(readRecords(decode("Tag.2.Key=b&Tag.1.Key=a&Tag.1.Value=1&Tag.1.__proto__=p"), "Tag"), [
    new Map([
      ["Key", "a"],
      ["Value", "1"],
      ["__proto__", "p"],
    ]),
    new Map([["Key", "b"]]),
  ]);
  assert.equal(readRecords(decode("Tags=x"), "Tag"), undefined);
});

test("refuses lists with gaps, other numbers, or items of the other kind", () => {
  throwsWireError("InvalidParameter", /"L\.2".*left out/, () => readList(decode("L.1=a&L.3=c"), "L"));
  throwsWireError("InvalidParameter", /"L\.1".*left out/, () => readRecords(decode("L.9999.Key=a"), "L"));
  for (const name of ["L.0", "L.01", "L.x", "L.1.", "L.", "L.-1", "L.1e1", "L.99999", "L.1x"]) {
    throwsWireError("InvalidParameter", /numbered from 1/, () => readList(decode(`${name}=a`), "L"));
  }
  throwsWireError("InvalidParameter", /one value/, () => readList(decode("L.1.Key=a"), "L"));
  throwsWireError("InvalidParameter", /one value/, () => readList(decode("L.1=a&L.1.Key=a"), "L"));
  throwsWireError("InvalidParameter", /by its fields/, () => readRecords(decode("L.1.Key=a&L.2=a"), "L"));
});
