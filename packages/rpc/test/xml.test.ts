import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeError, encodeXmlError, encodeXmlResult, XML_CONTENT_TYPE } from "../src/index.ts";
import { readXml, type XmlElement } from "./read-xml.ts";
import { throwsWireError } from "./support.ts";

const XML = '<?xml version="1.0" encoding="UTF-8"?>';
const error = { requestId: "R", hostId: "kms.test", code: "Rejected.Disabled", message: "no", httpStatus: 409 };

function encode(result: Readonly<Record<string, unknown>>): string {
  return encodeXmlResult({ action: "ListKeys", requestId: "R", result });
}

test("writes a result under the operation's name, the RequestId first", () => {
  assert.equal(
    encodeXmlResult({
      action: "Encrypt",
      requestId: "R",
      result: { KeyId: "k", CiphertextBlob: "YWJj+/==", Gone: undefined, Nothing: null, Empty: "" },
    }),
    `${XML}<EncryptResponse><RequestId>R</RequestId><KeyId>k</KeyId><CiphertextBlob>YWJj+/==</CiphertextBlob><Empty></Empty></EncryptResponse>`,
  );
  assert.equal(XML_CONTENT_TYPE, "text/xml;charset=utf-8");
});

test("writes lists as their element again and again, with numbers and booleans as in JSON", () => {
  assert.equal(
    encode({
      Keys: { Key: [{ KeyId: "a", Tags: [] }, { KeyId: "b" }] },
      TotalCount: 2,
      PageSize: 1e21,
      IsTruncated: false,
      Names: ["x", "y"],
      Nested: [["1", "2"], []],
      None: { Key: [] },
    }),
    `${XML}<ListKeysResponse><RequestId>R</RequestId>` +
      "<Keys><Key><KeyId>a</KeyId></Key><Key><KeyId>b</KeyId></Key></Keys>" +
      "<TotalCount>2</TotalCount><PageSize>1e+21</PageSize><IsTruncated>false</IsTruncated>" +
      "<Names>x</Names><Names>y</Names>" +
      "<Nested><Nested>1</Nested><Nested>2</Nested></Nested><Nested></Nested>" +
      "<None></None></ListKeysResponse>",
  );
});

test("writes a key that is no name of an element as an entry", () => {
  assert.equal(
    encode({
      events: [{ "Context.a": "1", "a b": "2", '"<&>\t\r\n': "3", "": "4", xmlns: "5", "a:b": "6", 标签: "7" }],
    }),
    `${XML}<ListKeysResponse><RequestId>R</RequestId><events><Context.a>1</Context.a>` +
      '<entry key="a b">2</entry><entry key="&quot;&lt;&amp;&gt;&#9;&#13;&#10;">3</entry><entry key="">4</entry>' +
      '<entry key="xmlns">5</entry><entry key="a:b">6</entry><entry key="标签">7</entry></events></ListKeysResponse>',
  );
});

test("keeps white space and markup in texts as they are for whoever reads them", () => {
  const text = ' \t<a href="x">&amp;\'\r\n\r]]>\u0085\u2028\ud83d\udd11 ';
  assert.match(encode({ Plaintext: text }), /&lt;a href="x"&gt;&amp;amp;'&#13;\n&#13;]]&gt;/);
  assert.equal(readXml(encode({ Plaintext: text })).children[1]?.text, text);
});

test("refuses to write what XML cannot hold, and asks for JSON to be asked for", () => {
  for (const text of ["\0", "a\u0008b", "\u000b", "\u001f", "\ufffe", "\uffff", "\ud800", "a\udc00b"]) {
    throwsWireError("InvalidParameter", /"Format".*Ask for JSON/, () => encode({ Plaintext: text }));
    throwsWireError("InvalidParameter", /"Format"/, () => encode({ Map: { [text]: "x" } }));
  }
  for (const text of ["\u007f", "\u0080", "\ud7ff", "\ue000", "\ufffd", "\u{10ffff}"]) {
    assert.equal(readXml(encode({ Plaintext: text })).children[1]?.text, text);
  }
  for (const value of [1n, Symbol("x"), () => 1]) assert.throws(() => encode({ Value: value }), TypeError);
});

test("writes an error with the members of the JSON error, whatever its message holds", () => {
  assert.equal(
    encodeXmlError(error),
    `${XML}<Error><RequestId>R</RequestId><HostId>kms.test</HostId><Code>Rejected.Disabled</Code><Message>no</Message>` +
      "<HttpStatus>409</HttpStatus></Error>",
  );
  const odd = { ...error, message: "a\0b\ud800c\uffff<", recommend: "https://x/?a=1&b=2" };
  const { children } = readXml(encodeXmlError(odd));
  assert.deepEqual(
    children.map(({ name }) => name),
    Object.keys(JSON.parse(encodeError(odd)) as object),
  );
  assert.equal(children[3]?.text, "a\ufffdb\ufffdc\ufffd<");
  assert.equal(children[5]?.text, odd.recommend);
});

test("writes any answer so that it reads back as what it was", () => {
  const holdable = (text: string): boolean =>
    /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(text);
  const text = fc
    .oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.array(fc.constantFrom("<", ">", "&", '"', "'", "\r", "\n", "\t", " ", "]]>", "&lt;", "&#0;"), {
        maxLength: 6,
      }),
    )
    .map((parts) => (typeof parts === "string" ? parts : parts.join("")))
    .filter(holdable);
  const { members } = fc.letrec<{ value: unknown; members: Record<string, unknown> }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.boolean(),
      tie("members"),
      fc.array(tie("value"), { maxLength: 3 }),
    ),
    members: fc.dictionary(fc.oneof(text, fc.constantFrom("Key", "Tag", "TotalCount", "__proto__")), tie("value"), {
      maxKeys: 4,
    }),
  }));
  fc.assert(
    fc.property(members, (result) => {
      assert.deepEqual(readXml(encode(result)), {
        ...element("ListKeysResponse", ""),
        children: expected({ RequestId: "R", ...result }),
      });
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (hostId, message) => {
      readXml(encodeXmlError({ ...error, hostId, message: `${message}\ud800` }));
    }),
  );
});

function element(key: string, text: string, children: readonly XmlElement[] = []): XmlElement {
  const isName = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(key) && !/^xml/i.test(key);
  return { name: isName ? key : "entry", attributes: isName ? {} : { key }, text, children };
}

/** What the documentation says of the members of an answer. */
function expected(members: object): XmlElement[] {
  return Object.entries(members).flatMap(([key, value]: [string, unknown]) =>
    Array.isArray(value) ? value.map((item: unknown) => asElement(key, item)) : [asElement(key, value)],
  );
}

function asElement(key: string, value: unknown): XmlElement {
  if (Array.isArray(value))
    return element(
      key,
      "",
      value.map((item: unknown) => asElement(key, item)),
    );
  if (typeof value === "object" && value !== null) return element(key, "", expected(value));
  return element(key, String(value));
}
