import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import {
  ClientKeyVerifier,
  decodeMessage,
  encodeInstanceError,
  encodeInstanceResult,
  type HttpRequest,
  INSTANCE_APIS,
  parseRequest,
  readMessage,
  signInstance,
  SigningSecret,
  verifySignature,
  WireError,
} from "../src/index.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const verifier = new ClientKeyVerifier(publicKey.export({ type: "spki", format: "der" }));
const AT = Date.parse("2026-11-22T11:30:00Z");
const PLAINTEXT = Buffer.from("plaintext");

function signed(headers: Readonly<Record<string, string>> = {}): HttpRequest {
  const fields = new Map<string, string | Uint8Array>([
    ["KeyId", "key-1"],
    ["Plaintext", PLAINTEXT],
  ]);
  return signInstance({ apiName: "Encrypt", clientKeyId: "KAAP.1", privateKey, fields, timestampMillis: AT, headers });
}

function changed(change: Readonly<Record<string, string | undefined>>): HttpRequest {
  const request = signed();
  return { ...request, headers: { ...request.headers, ...change } };
}

suite("the instance protocol", () => {
  test("a signed request is read and verified", () => {
    const unread = parseRequest(signed({ "x-kms-migrationkeyversionid": " v " }));
    verifySignature(unread, verifier);
    const request = readMessage(unread);
    assert.deepEqual(
      [request.action, request.version, request.accessKeyId, request.timestampMillis, request.format],
      ["Encrypt", "dkms-gcs-0.2", "KAAP.1", AT, "PROTOBUF"],
    );
    assert.deepEqual(
      request.parameters,
      new Map([
        ["KeyVersionId", "v"],
        ["KeyId", "key-1"],
        ["Plaintext", PLAINTEXT.toString("base64")],
      ]),
    );
    const [stringToSign] = request.stringsToSign;
    const digest = createHash("sha256").update(signed().body).digest("hex").toUpperCase();
    assert.equal(
      stringToSign,
      [
        `POST\n${digest}\napplication/x-protobuf\nSun, 22 Nov 2026 11:30:00 GMT`,
        "x-kms-acccesskeyid:KAAP.1",
        "x-kms-apiname:Encrypt",
        "x-kms-apiversion:dkms-gcs-0.2",
        "x-kms-migrationkeyversionid:v",
        "x-kms-signaturemethod:RSA_PKCS1_SHA_256",
        "/",
      ].join("\n"),
    );
  });

  test("what is not signed so is refused by its own code", () => {
    for (const [code, request] of [
      ["UnsupportedHTTPMethod", { ...signed(), method: "GET" }],
      ["InvalidApi.NotFound", { ...signed(), url: "/?a=b" }],
      ["InvalidApiName", changed({ "x-kms-apiname": undefined })],
      ["InvalidApiVersion", changed({ "x-kms-apiversion": undefined })],
      ["InvalidApiVersion", changed({ "x-kms-apiversion": "2016-01-20" })],
      ["InvalidParam", changed({ "x-kms-signaturemethod": "HMAC-SHA1" })],
      ["InvalidParam", changed({ date: "2026-11-22T11:30:00Z" })],
      ["InvalidParam", changed({ date: "Mon, 22 Nov 2026 11:30:00 GMT" })],
      ["InvalidParam", changed({ "content-sha256": "00" })],
      ["InvalidParam", { ...signed(), body: Buffer.from("x") }],
      ["MissingParameter", changed({ "x-kms-acccesskeyid": undefined })],
      ["MissingParameter", changed({ authorization: undefined })],
      ["InvalidParam", changed({ authorization: "Basic YQ==" })],
      ["InvalidParam", changed({ authorization: "Bearer YR==" })],
    ] as const) {
      assert.throws(
        () => parseRequest(request),
        (error) => error instanceof WireError && error.code === code,
        code,
      );
    }
  });

  test("what clients know by its very words has no others", () => {
    for (const [name, request] of [
      ["Date", changed({ date: "yesterday" })],
      ["Authorization", changed({ authorization: "Basic YQ==" })],
    ] as const) {
      assert.throws(() => parseRequest(request), { code: "InvalidParam", message: `The Param ${name} is invalid.` });
    }
    const digest = changed({ "content-sha256": "00" });
    assert.throws(() => parseRequest(digest), { message: /^The Param Content-SHA256 is invalid\. / });
  });

  test("a key version in a header is a parameter like the message's fields, an empty one is none", () => {
    const version = (value: string) =>
      readMessage(parseRequest(changed({ "x-kms-migrationkeyversionid": value }))).parameters.get("KeyVersionId");
    assert.deepEqual([version("v"), version(" v "), version(""), version("  ")], ["v", "v", undefined, undefined]);
    assert.equal(readMessage(parseRequest(changed({ "x-kms-apiname": "Nothing" }))).parameters.get("KeyId"), undefined);
  });

  test("a request proves itself with its client key only, and every header of the protocol's own is signed", () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const stranger = new ClientKeyVerifier(other.export({ type: "spki", format: "der" }));
    const request = parseRequest(signed());
    for (const secret of [stranger, new SigningSecret("secret")]) {
      assert.throws(() => verifySignature(request, secret), { code: "SignatureNotMatch" });
    }
    for (const header of [{ "x-kms-apiname": "Decrypt" }, { "x-kms-more": "1" }, { "x-kms-acccesskeyid": "KAAP.2" }]) {
      assert.throws(() => verifySignature(parseRequest(changed(header)), verifier), { code: "SignatureNotMatch" });
    }
  });

  test("repeats no more than 16,384 characters of a long string to sign", () => {
    const request = parseRequest(changed({ "x-kms-more": "m".repeat(200_000) }));
    assert.throws(
      () => verifySignature(request, verifier),
      ({ message }: Error) => message.length < 16_500 && message.includes("mmm"),
    );
  });

  test("a body that is no message is refused without what stands in it, once its signature is verified", () => {
    const body = Buffer.from("0a0561", "hex");
    const digest = createHash("sha256").update(body).digest("hex");
    const request = { ...changed({ "content-sha256": digest }), body };
    const unread = parseRequest(request);
    assert.equal(unread.parameters.size, 0);
    assert.throws(() => verifySignature(unread, verifier), { code: "SignatureNotMatch" });
    assert.throws(() => readMessage(unread), { code: "InvalidParam", message: /a field is cut off/ });
  });

  test("every answer has its message, with the RequestId", () => {
    for (const [action, { response }] of Object.entries(INSTANCE_APIS)) {
      const body = encodeInstanceResult({ action, requestId: "R", result: {} });
      assert.deepEqual(decodeMessage(response, body), new Map([["RequestId", "R"]]), action);
    }
    const error = encodeInstanceError({ httpStatus: 404, code: "C", message: "M", requestId: "R", hostId: "" });
    assert.equal(error.toString("hex"), "0894031201431a014d220152");
  });
});
