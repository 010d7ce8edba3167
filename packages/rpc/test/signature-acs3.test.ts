import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type HttpRequest, parseRequest, verifySignature } from "../src/index.ts";
import { digestBody, stringToSignAcs } from "../src/signature-acs.ts";
import { admit, secret, sign, throwsWireError, withAuthorization } from "./support.ts";

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const captured: HttpRequest = {
  method: "POST",
  url: "/?KeyId=k",
  headers: {
    host: "127.0.0.1:33463",
    accept: "application/json",
    "x-acs-action": "Encrypt",
    "x-acs-version": "2016-01-20",
    "x-acs-date": "2026-11-21T20:36:39Z",
    "x-acs-signature-nonce": "3ef48bf5f5e395203b818d9529689c20",
    "x-acs-credentials-provider": "static_ak",
    "x-acs-content-sha256": EMPTY_SHA256,
    authorization:
      "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;" +
      "x-acs-date;x-acs-signature-nonce;x-acs-version," +
      "Signature=0549e8f2fe2c6060ddf4f3e4e1c5703c1a329a6377944cb1c9e1e51dfedc0a0c",
  },
  body: new Uint8Array(),
};

test("verifies the request of a Node.js client, signed with ACS3-HMAC-SHA256", () => {
  const request = admit(captured);
  assert.equal(request.protocol, "ACS3-HMAC-SHA256");
  assert.equal(request.action, "Encrypt");
  assert.equal(request.version, "2016-01-20");
  assert.equal(request.nonce, "3ef48bf5f5e395203b818d9529689c20");
  assert.equal(request.timestampMillis, Date.UTC(2026, 10, 21, 20, 36, 39));
  assert.deepEqual(request.parameters, new Map([["KeyId", "k"]]));
});

test("digests the empty body as published, for SHA-256 and SM3 (GB/T 32905)", () => {
  assert.equal(digestBody("ACS3-HMAC-SHA256", new Uint8Array()), EMPTY_SHA256);
  assert.equal(
    digestBody("ACS3-HMAC-SM3", new Uint8Array()),
    "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
  );
  assert.equal(
    digestBody("ACS3-HMAC-SM3", Buffer.from("abc")),
    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
  );
});

test("covers the query by itself and the form by its digest", () => {
  const signed = sign("ACS3-HMAC-SM3", { query: new Map([["a", "1"]]), form: new Map([["b", "2"]]) });
  assert.deepEqual(
    admit(signed).parameters,
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
  );
  throwsWireError("InvalidParameter", /x-acs-content-sha256/, () => admit({ ...signed, body: Buffer.from("b=3") }));
  throwsWireError("InvalidParameter", /x-acs-content-sha256/, () => admit({ ...signed, body: new Uint8Array() }));
});

test("leaves RPC-V1's own parameters without effect", () => {
  const query = new Map([
    ["Action", "Decrypt"],
    ["AccessKeyId", "other"],
    ["Format", "xml"],
    ["KeyId", "k"],
  ]);
  const request = admit(sign("ACS3-HMAC-SHA256", { query }));
  assert.equal(request.action, "Encrypt");
  assert.equal(request.accessKeyId, "AK");
  assert.equal(request.format, "XML");
  assert.deepEqual(request.parameters, new Map([["KeyId", "k"]]));
});

test("carries a session's token", () => {
  assert.equal(admit(sign("ACS3-HMAC-SHA256", { securityToken: "token" })).securityToken, "token");
});

test("tells a caller whose signature is wrong the string to sign and the canonical request", () => {
  throwsWireError(
    "SignatureDoesNotMatch",
    /server string to sign is:ACS3-HMAC-SHA256\n[0-9a-f]{64}:.*canonical request:POST\n\/\nKeyId=other\nhost:127/,
    () => admit({ ...captured, url: "/?KeyId=other" }),
  );
});

test("takes names in the query that the client signed without encoding them", () => {
  const signed = signPlainNames("标签 1=x", [["标签 1", "x"]]);
  assert.equal(admit(signed).parameters.get("标签 1"), "x");
});

test("takes no unencoded name that could hide another parameter", () => {
  const honest = signPlainNames("DryRun=true&KeyId=k", [
    ["DryRun", "true"],
    ["KeyId", "k"],
  ]);
  assert.equal(admit(honest).parameters.get("DryRun"), "true");
  for (const url of ["/?DryRun%3Dtrue%26KeyId=k", "/?DryRun%3Dtrue%26%E4%B8%AD%26KeyId=k"]) {
    throwsWireError("SignatureDoesNotMatch", /./, () => admit({ ...honest, url }));
  }
});

test("refuses a signature that does not cover what decides the meaning of the request", () => {
  const token = "x-acs-security-token";
  const signed = sign("ACS3-HMAC-SHA256", { securityToken: "token" });
  for (const name of [
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
    token,
  ]) {
    throwsWireError("IncompleteSignature", new RegExp(`must include ${name}\\.`), () =>
      parseRequest(
        withAuthorization(signed, (text) => text.replace(new RegExp(`(?<=[=;])${name}(?=[;,])`), "x-other")),
      ),
    );
  }
  const added = { ...captured, headers: { ...captured.headers, [token]: "added" } };
  throwsWireError("IncompleteSignature", /x-acs-security-token/, () => parseRequest(added));
});

test("takes a security token as a signed parameter too, but not another one than the header's", () => {
  const token = new Map([["SecurityToken", "token"]]);
  for (const place of ["query", "form"] as const) {
    const request = admit(sign("ACS3-HMAC-SHA256", { [place]: token }));
    assert.equal(request.securityToken, "token");
    assert.equal(request.parameters.has("SecurityToken"), false);
    assert.equal(admit(sign("ACS3-HMAC-SHA256", { [place]: token, securityToken: "token" })).securityToken, "token");
    const both = sign("ACS3-HMAC-SHA256", { [place]: token, securityToken: "another" });
    throwsWireError("IncompleteSignature", /the same in both/, () => parseRequest(both));
  }
});

test("says which mandatory header is missing", () => {
  const without = (name: string): HttpRequest => ({ ...captured, headers: { ...captured.headers, [name]: undefined } });
  throwsWireError("MissingAction", /x-acs-action/, () => parseRequest(without("x-acs-action")));
  throwsWireError("MissingVersion", /x-acs-version/, () => parseRequest(without("x-acs-version")));
  throwsWireError("MissingTimestamp", /x-acs-date/, () => parseRequest(without("x-acs-date")));
  throwsWireError("MissingSignatureNonce", /x-acs-signature-nonce/, () =>
    parseRequest(without("x-acs-signature-nonce")),
  );
  throwsWireError("InvalidParameter", /x-acs-content-sha256/, () => parseRequest(without("x-acs-content-sha256")));
  throwsWireError("IncompleteSignature", /does not have/, () => parseRequest(without("host")));
  throwsWireError("IncompleteSignature", /does not have/, () => parseRequest(without("x-acs-credentials-provider")));
});

test("refuses a malformed Authorization header", () => {
  for (const change of [
    (text: string) => text.replace("Credential=AK,", ""),
    (text: string) => text.replace("Credential=AK,", "Credential=,"),
    (text: string) => text.replace("Credential=AK,", "Credential=AK,Credential=other,"),
    (text: string) => text.replace("Credential=AK,", "Credential=AK,Signature=x,"),
    (text: string) => text.replace(/,Signature=.*/, ""),
    (text: string) => text.replace("SignedHeaders=", "Headers="),
    () => "ACS3-HMAC-SHA256",
  ]) {
    throwsWireError("IncompleteSignature", /must read/, () => parseRequest(withAuthorization(captured, change)));
  }
  for (const change of [
    (text: string) => text.replace("host;", "host;host;"),
    (text: string) => text.replace("host;", `host;${Array.from({ length: 64 }, (_, index) => `x-${index};`).join("")}`),
  ]) {
    throwsWireError("IncompleteSignature", /each header once/, () => parseRequest(withAuthorization(captured, change)));
  }
});

test("refuses other schemes, names of inherited properties as headers, and headers given twice", () => {
  for (const authorization of [
    "ACS4-HMAC-SM3 x",
    "ACS3-RSA-SHA256 x",
    "Bearer x",
    "OSS AK:x",
    "",
    "acs3-hmac-sha256 x",
  ]) {
    throwsWireError("InvalidSignatureMethod", /ACS3-HMAC-SHA256/, () =>
      parseRequest(withAuthorization(captured, () => authorization)),
    );
  }
  for (const name of ["constructor", "__proto__", "toString"]) {
    throwsWireError("IncompleteSignature", /does not have/, () =>
      parseRequest(withAuthorization(captured, (text) => text.replace("host;", `host;${name};`))),
    );
  }
  const twice = { ...captured, headers: { ...captured.headers, "x-acs-action": ["Encrypt", "Decrypt"] } };
  throwsWireError("InvalidParameter", /x-acs-action.*more than once/, () => parseRequest(twice));
});

test("refuses upper-case hexadecimal, so that a request has one signature only", () => {
  const request = parseRequest(captured);
  throwsWireError("SignatureDoesNotMatch", /./, () =>
    verifySignature({ ...request, signature: request.signature.toUpperCase() }, secret),
  );
});

/** Signs as the Node.js clients do, which encode the values of the query and not its names. */
function signPlainNames(canonicalQuery: string, query: [string, string][]): HttpRequest {
  const signed = sign("ACS3-HMAC-SHA256", { query: new Map(query) });
  const { canonicalRequest } = parseRequest(signed);
  assert(canonicalRequest !== undefined);
  const lines = canonicalRequest.split("\n");
  lines[2] = canonicalQuery;
  const stringToSign = stringToSignAcs("ACS3-HMAC-SHA256", lines.join("\n"));
  assert.equal(stringToSign.split("\n")[1], createHash("sha256").update(lines.join("\n")).digest("hex"));
  const signature = secret.sign("ACS3-HMAC-SHA256", stringToSign);
  return withAuthorization(signed, (text) => text.replace(/Signature=.*/, `Signature=${signature}`));
}
