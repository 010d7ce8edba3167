import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertFresh,
  encodeError,
  encodeResult,
  formatTimestamp,
  MAX_CLOCK_SKEW_MILLIS,
  parseRequest,
  parseUnsignedRequest,
  SigningSecret,
} from "../src/index.ts";
import { parseTimestamp } from "../src/timestamp.ts";
import { bareV1, COMMON_V1, PROTOCOLS, sign, throwsWireError } from "./support.ts";

test("refuses methods other than GET and POST, and paths other than /", () => {
  for (const method of ["PUT", "DELETE", "HEAD", "OPTIONS", "get", ""]) {
    throwsWireError("UnsupportedHTTPMethod", /POST or GET/, () => parseRequest(bareV1(COMMON_V1, { method })));
  }
  for (const url of ["", "*", "/kms", "//", "/%2F", "http://127.0.0.1/", `/x?${COMMON_V1}`]) {
    throwsWireError("InvalidApi.NotFound", /path must be \//, () => parseRequest(bareV1("", { url })));
  }
});

test("names the common parameter that is missing or empty", () => {
  for (const [name, code] of [
    ["Action", "MissingAction"],
    ["Version", "MissingVersion"],
    ["AccessKeyId", "MissingAccessKeyId"],
    ["SignatureMethod", "MissingSignatureMethod"],
    ["SignatureVersion", "MissingSignatureVersion"],
    ["Timestamp", "MissingTimestamp"],
    ["Signature", "MissingSignature"],
  ] as const) {
    const without = COMMON_V1.replace(new RegExp(`(^|&)${name}=[^&]*`), "");
    for (const query of [without, `${without}&${name}=`]) {
      throwsWireError(code, new RegExp(`^${name} is mandatory for this action\\.`), () => parseRequest(bareV1(query)));
    }
  }
  throwsWireError("MissingSignature", /Sign the request/, () => parseRequest(bareV1("")));
});

test("reads what is asked without a signature, and nothing that was to be signed", () => {
  const query = "Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=xml&RoleArn=r";
  const expected = {
    action: "AssumeRoleWithOIDC",
    version: "2015-04-01",
    format: "XML",
    parameters: new Map([["RoleArn", "r"]]),
  };
  throwsWireError("MissingSignature", /Sign the request/, () => parseRequest(bareV1(query)));
  assert.deepEqual(parseUnsignedRequest(bareV1(query)), expected);
  const headers = { "x-acs-action": "AssumeRoleWithOIDC", "x-acs-version": "2015-04-01" };
  assert.deepEqual(parseUnsignedRequest(bareV1("Format=xml&RoleArn=r", { headers })), expected);
  for (const other of ["Action=A", "Version=1", "Action=A&Version=1&AccessKeyId=", "Action=&Version=1", ""]) {
    assert.equal(parseUnsignedRequest(bareV1(other)), undefined, other);
  }
  throwsWireError("InvalidParameter", /"Format"/, () => parseUnsignedRequest(bareV1(query.replace("xml", "yaml"))));
});

test("refuses other signature methods, versions, types and formats", () => {
  const changed = (from: string, to: string) => () => parseRequest(bareV1(COMMON_V1.replace(from, to)));
  throwsWireError("InvalidSignatureMethod", /HMAC-SHA1/, changed("HMAC-SHA1", "HMAC-SHA256"));
  throwsWireError("InvalidParameter", /"SignatureVersion"/, changed("SignatureVersion=1.0", "SignatureVersion=2.0"));
  throwsWireError("InvalidParameter", /"SignatureType"/, changed("Action=", "SignatureType=PRIVATEKEY&Action="));
  throwsWireError("InvalidSignatureMethod", /Bearer/, changed("Action=", "SignatureType=BEARERTOKEN&Action="));
  throwsWireError("InvalidParameter", /"Format"/, changed("Action=", "Format=yaml&Action="));
  throwsWireError("InvalidSignatureMethod", /Bearer/, () =>
    parseRequest(bareV1("", { headers: { "x-acs-bearer-token": "token" } })),
  );
});

test("reads the format in any case, JSON unless asked otherwise", () => {
  for (const [format, expected] of [
    ["json", "JSON"],
    ["JSON", "JSON"],
    ["", "JSON"],
    ["xml", "XML"],
    ["Xml", "XML"],
  ] as const) {
    assert.equal(parseRequest(bareV1(`${COMMON_V1}&Format=${format}`)).format, expected);
  }
  assert.equal(parseRequest(bareV1(COMMON_V1)).format, "JSON");
  for (const protocol of PROTOCOLS) {
    assert.equal(parseRequest(sign(protocol)).format, "JSON");
    assert.equal(parseRequest(sign(protocol, { format: "XML", form: new Map([["KeyId", "k"]]) })).format, "XML");
  }
});

test("refuses a request signed in both ways, and a body that no signature or reader covers", () => {
  const signed = sign("ACS3-HMAC-SHA256", { query: new Map([["Signature", "x"]]) });
  throwsWireError("IncompleteSignature", /not both/, () => parseRequest(signed));
  const body = Buffer.from('{"KeyId":"k"}');
  for (const headers of [{}, { "content-type": "application/json" }, { "content-type": "multipart/form-data" }]) {
    throwsWireError("ParseRequestParameterException", /x-www-form-urlencoded/, () =>
      parseRequest(bareV1(COMMON_V1, { method: "POST", headers, body })),
    );
  }
});

test("reads a view of a larger buffer", () => {
  const body = Buffer.from("xxKeyId=kxx").subarray(2, -2);
  const headers = { "content-type": "Application/X-WWW-Form-URLEncoded;charset=UTF-8" };
  const request = parseRequest(
    bareV1(COMMON_V1, { method: "POST", headers, body: new Uint8Array(body.buffer, body.byteOffset, body.length) }),
  );
  assert.deepEqual(request.parameters, new Map([["KeyId", "k"]]));
});

test("reads only real instants, in UTC", () => {
  assert.equal(parseTimestamp("2024-02-29T23:59:59Z"), Date.UTC(2024, 1, 29, 23, 59, 59));
  for (const text of [
    "2026-02-29T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+08:00",
    "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00.1Z",
    "2026-01-01T00:00:00Z\n",
    "1767225600",
  ]) {
    throwsWireError("InvalidTimeStamp.Format", /yyyy-MM-ddTHH:mm:ssZ/, () => parseTimestamp(text));
  }
  assert.equal(formatTimestamp(Date.UTC(2026, 10, 21, 20, 36, 39, 999)), "2026-11-21T20:36:39Z");
});

test("takes a request within 15 minutes of the server's clock, either way", () => {
  const nowMillis = Date.UTC(2026, 0, 1);
  for (const skew of [0, MAX_CLOCK_SKEW_MILLIS, -MAX_CLOCK_SKEW_MILLIS]) {
    assertFresh({ timestampMillis: nowMillis + skew, nowMillis });
  }
  throwsWireError("InvalidTimeStamp.Expired", /901 seconds behind .* 900 are allowed/, () =>
    assertFresh({ timestampMillis: nowMillis - MAX_CLOCK_SKEW_MILLIS - 1000, nowMillis }),
  );
  throwsWireError("InvalidTimeStamp.Expired", /901 seconds ahead of/, () =>
    assertFresh({ timestampMillis: nowMillis + MAX_CLOCK_SKEW_MILLIS + 1000, nowMillis }),
  );
});

test("refuses an empty secret and leaves the caller's bytes alone", () => {
  assert.throws(() => new SigningSecret(""), RangeError);
  const bytes = Buffer.from("SK");
  const fromBytes = new SigningSecret(bytes);
  assert.equal(bytes.toString(), "SK");
  assert.equal(fromBytes.sign("RPC-V1", "x"), new SigningSecret("SK").sign("RPC-V1", "x"));
});

test("writes answers with the RequestId first, errors with what clients read", () => {
  assert.equal(encodeResult("R", { KeyId: "k", Gone: undefined }), '{"RequestId":"R","KeyId":"k"}');
  const answer = { requestId: "R", hostId: "h", code: "Rejected.Disabled", message: "no", httpStatus: 409 };
  assert.equal(
    encodeError(answer),
    '{"RequestId":"R","HostId":"h","Code":"Rejected.Disabled","Message":"no","HttpStatus":409}',
  );
  assert.match(encodeError({ ...answer, recommend: "read" }), /"Recommend":"read"/);
});
