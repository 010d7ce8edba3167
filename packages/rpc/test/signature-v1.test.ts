import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequest, SigningSecret, signV1, verifySignature } from "../src/index.ts";
import { stringToSignV1 } from "../src/signature-v1.ts";
import { admit, bareV1, call, secret, sign, throwsWireError } from "./support.ts";

test("verifies the request of a Node.js KMS client, everything in the query of a POST", () => {
  const request = admit({
    method: "POST",
    url:
      "/?Action=ListKeys&Format=json&Timestamp=2026-11-21T20%3A36%3A39Z&Version=2016-01-20" +
      "&SignatureNonce=4112b9fdc4bd2d74dfce0783ef50aecb&PageNumber=1&PageSize=10&SignatureMethod=HMAC-SHA1" +
      "&SignatureVersion=1.0&AccessKeyId=AK&Signature=3vwIjMU9dAaO9%2BsZ4YBxAoU%2BUwI%3D",
    headers: { "x-acs-action": "ListKeys", "x-acs-version": "2016-01-20" },
    body: new Uint8Array(),
  });
  assert.deepEqual(
    request.parameters,
    new Map([
      ["PageNumber", "1"],
      ["PageSize", "10"],
    ]),
  );
  assert.deepEqual(
    { ...request, parameters: undefined, stringsToSign: undefined },
    {
      protocol: "RPC-V1",
      action: "ListKeys",
      version: "2016-01-20",
      format: "JSON",
      accessKeyId: "AK",
      securityToken: undefined,
      nonce: "4112b9fdc4bd2d74dfce0783ef50aecb",
      timestampMillis: Date.UTC(2026, 10, 21, 20, 36, 39),
      signature: "3vwIjMU9dAaO9+sZ4YBxAoU+UwI=",
      parameters: undefined,
      stringsToSign: undefined,
      canonicalRequest: undefined,
    },
  );
});

test("verifies the example of the KMS documentation, which has no nonce, with its StringToSign put right", () => {
  const query =
    "Action=CreateKey&Version=2016-01-20&Format=json&AccessKeyId=testid&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0" +
    "&Timestamp=2016-03-28T03:13:08Z";
  const testSecret = new SigningSecret("testsecret");
  const request = parseRequest(bareV1(`${query}&Signature=41wk2SSX1GJh7fwnc5eqOfiJPFg=`));
  verifySignature(request, testSecret);
  assert.equal(request.nonce, undefined);
  const asPrinted = parseRequest(bareV1(`${query}&Signature=s/OdVWMTmNGagvWlljdAJ7Itsew=`));
  throwsWireError("SignatureDoesNotMatch", /^Specified signature/, () => verifySignature(asPrinted, testSecret));
});

test("encodes names and values twice, empty values and the characters that encodeURIComponent leaves included", () => {
  const parameters = new Map([
    ["b", ""],
    ["a", "!'()*~ +中"],
    ["B", "&="],
  ]);
  assert.equal(
    stringToSignV1("GET", parameters),
    "GET&%2F&B%3D%2526%253D%26a%3D%2521%2527%2528%2529%252A~%2520%252B%25E4%25B8%25AD%26b%3D",
  );
});

test("signs over query and form together", () => {
  const signed = sign("RPC-V1", { query: new Map([["RoleArn", "r"]]), form: new Map([["DurationSeconds", "900"]]) });
  assert.equal(admit(signed).parameters.get("DurationSeconds"), "900");
  throwsWireError("SignatureDoesNotMatch", /DurationSeconds/, () =>
    admit({ ...signed, body: Buffer.from("DurationSeconds=901") }),
  );
});

test("verifies a request whose parameters are all in the form", () => {
  const { url } = sign("RPC-V1", { query: new Map([["KeyId", "k"]]) });
  const request = admit({
    method: "POST",
    url: "/",
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: Buffer.from(url.slice(2)),
  });
  assert.deepEqual(request.parameters, new Map([["KeyId", "k"]]));
});

test("accepts the empty SignatureType that the Python client signs", () => {
  const signed = sign("RPC-V1", {
    query: new Map([
      ["SignatureType", ""],
      ["RegionId", "cn-hangzhou"],
    ]),
  });
  assert.deepEqual(admit(signed).parameters, new Map([["RegionId", "cn-hangzhou"]]));
});

test("accepts a Timestamp with milliseconds and a fraction as nonce", () => {
  const query = new Map([["Timestamp", "2026-11-21T20:36:39.123Z"]]);
  const parameters = new Map([
    ...query,
    ...[
      "Action=Encrypt",
      "Version=2016-01-20",
      "AccessKeyId=AK",
      "SignatureMethod=HMAC-SHA1",
      "SignatureVersion=1.0",
      "SignatureNonce=0.123",
    ].map((pair): [string, string] => {
      const [name = "", value = ""] = pair.split("=");
      return [name, value];
    }),
  ]);
  const signature = secret.sign("RPC-V1", stringToSignV1("GET", parameters));
  const url = `/?${new URLSearchParams([...parameters, ["Signature", signature]]).toString()}`;
  const request = admit({ method: "GET", url, headers: {}, body: new Uint8Array() });
  assert.equal(request.timestampMillis, Date.parse("2026-11-21T20:36:39.123Z"));
  assert.equal(request.nonce, "0.123");
});

test("carries a session's token and leaves out a nonce that the caller does not give", () => {
  const { nonce: _, ...withoutNonce } = call;
  const request = admit(signV1({ ...withoutNonce, securityToken: "token+/=" }));
  assert.equal(request.securityToken, "token+/=");
  assert.equal(request.nonce, undefined);
});

test("tells a caller whose signature is wrong the string to sign, after the first colon", () => {
  const signed = sign("RPC-V1", { query: new Map([["Plaintext", "a:b"]]), secret: new SigningSecret("other") });
  const request = parseRequest(signed);
  assert.throws(
    () => verifySignature(request, secret),
    (error) => error instanceof Error && error.message.split(":")[1] === request.stringsToSign[0],
  );
});

test("repeats no more than 16,384 characters of a long string to sign", () => {
  const signed = sign("RPC-V1", {
    query: new Map([["Plaintext", "x".repeat(100_000)]]),
    secret: new SigningSecret("other"),
  });
  assert.throws(
    () => admit(signed),
    (error) => error instanceof Error && error.message.length < 17_000,
  );
});

test("refuses another spelling of the right signature", () => {
  const request = parseRequest(sign("RPC-V1"));
  const last = request.signature.at(-2) ?? "";
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const sameBytes = `${request.signature.slice(0, -2)}${alphabet[alphabet.indexOf(last) ^ 1]}=`;
  assert.deepEqual(Buffer.from(sameBytes, "base64"), Buffer.from(request.signature, "base64"));
  for (const signature of [sameBytes, request.signature.slice(0, -1), `${request.signature} `]) {
    throwsWireError("SignatureDoesNotMatch", /./, () => verifySignature({ ...request, signature }, secret));
  }
});
