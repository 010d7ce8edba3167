import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type HttpRequest,
  parseRequest,
  readList,
  readMap,
  readRecords,
  SigningSecret,
  verifySignature,
  WireError,
} from "../src/index.ts";
import { admit, anyParameters, bareV1, call, COMMON_V1, PROTOCOLS, secret, sign, throwsWireError } from "./support.ts";

const method = fc.constantFrom("GET", "POST");

for (const protocol of PROTOCOLS) {
  test(`verifies whatever it has signed with ${protocol}, in query, form and both`, () => {
    fc.assert(
      fc.property(
        anyParameters,
        anyParameters,
        method,
        fc.option(fc.base64String({ minLength: 4 })),
        (query, form, verb, token) => {
          for (const name of form.keys()) query.delete(name);
          for (const parts of [{ query }, { form }, { query, form }, {}]) {
            const request = admit(sign(protocol, { ...parts, method: verb, securityToken: token ?? undefined }));
            assert.equal(request.protocol, protocol);
            assert.equal(request.securityToken, token ?? undefined);
            assert.deepEqual(request.parameters, new Map([...(parts.query ?? []), ...(parts.form ?? [])]));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test(`refuses every change of one byte of a request signed with ${protocol}`, () => {
    const query = new Map([
      ["KeyId", "alias/a b"],
      ["EncryptionContext.tenant", "acme"],
    ]);
    const signed = sign(protocol, { query, form: new Map([["Plaintext", "aGVsbG8="]]), securityToken: "token" });
    const meaning = describe(admit(signed));
    for (const changed of singleByteChanges(signed)) {
      let request;
      try {
        request = admit(changed);
      } catch (error) {
        assert(error instanceof WireError, `${String(error)} for ${changed.url}`);
        continue;
      }
      // %3a for %3A means the same; another AccessKeyId has another secret.
      if (request.accessKeyId === call.accessKeyId) assert.equal(describe(request), meaning, JSON.stringify(changed));
    }
  });

  test(`refuses a ${protocol} request sent with another method or signed with another secret`, () => {
    const signed = sign(protocol, { query: new Map([["KeyId", "k"]]) });
    throwsWireError("SignatureDoesNotMatch", /./, () => admit({ ...signed, method: "GET" }));
    throwsWireError("SignatureDoesNotMatch", /./, () =>
      verifySignature(parseRequest(signed), new SigningSecret("SK2")),
    );
  });
}

test("answers any bytes with a request or a WireError, and never another error", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc
      .array(fc.constantFrom("%", "%4", "%ff", "=", "&", "+", ".", "1", "__proto__", "\ud800", "\n", ";", ","), {
        maxLength: 12,
      })
      .map((parts) => parts.join("")),
  );
  const pieces = fc.array(fc.oneof(text, fc.constantFrom(...COMMON_V1.split("&"), "&")), { maxLength: 20 });
  const query = new Map([["KeyId", "k"]]);
  const [signed, signedAcs4] = [sign("ACS3-HMAC-SHA256", { query }), sign("ACS4-HMAC-SHA256", { query })];
  const headers = fc.dictionary(
    fc.constantFrom(...Object.keys(signed.headers), "content-type", "x-acs-security-token", "x-acs-bearer-token"),
    fc.oneof(text, fc.array(text, { maxLength: 2 }), fc.constant(undefined)),
    { maxKeys: 3 },
  );
  const http = fc.record({
    method: fc.oneof({ weight: 9, arbitrary: method }, text),
    url: fc.oneof(
      pieces.map((parts) => `/?${parts.join("&")}`),
      pieces.map((parts) => `/?${COMMON_V1}&${parts.join("&")}`),
      text,
    ),
    headers: fc.oneof(
      headers,
      fc.tuple(fc.constantFrom(signed, signedAcs4), headers).map(([request, changes]) => ({
        ...request.headers,
        "content-type": "application/x-www-form-urlencoded",
        ...changes,
      })),
    ),
    body: fc.oneof(
      fc.constant(new Uint8Array()),
      fc.uint8Array({ maxLength: 60 }),
      pieces.map((parts) => Buffer.from(parts.join("&"))),
    ),
  });
  fc.assert(
    fc.property(http, (request) => onlyWireErrors(request)),
    { numRuns: 3000 },
  );
});

test("answers large hostile requests quickly", { timeout: 20_000 }, () => {
  const size = 300_000;
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const { headers } = sign("ACS4-HMAC-SHA256");
  const authorization = headers["authorization"] ?? "";
  for (const text of ["&", "a", "=", "%", "+", "a&", "=&", "%41", "a=b&", "M.", "\ud800", "L.1.", "[", '{"a":'].map(
    (part) => part.repeat(size / part.length),
  )) {
    onlyWireErrors(bareV1(`${COMMON_V1}&${text}`));
    onlyWireErrors(bareV1(`${COMMON_V1}&M=${text}`));
    onlyWireErrors(bareV1(COMMON_V1, { method: "POST", headers: form, body: Buffer.from(text) }));
    onlyWireErrors({ ...bareV1(""), headers: { ...headers, authorization: `${authorization}${text}` } });
    const credential = authorization.replace("AK/", `AK/${text}/`);
    onlyWireErrors({ ...bareV1(""), headers: { ...headers, authorization: credential } });
  }
  for (const names of ["host;", "a;", ";", "x-acs-date;"].map((part) => part.repeat(size / part.length))) {
    const changed = authorization.replace("SignedHeaders=", `SignedHeaders=${names}`);
    throwsWireError("IncompleteSignature", /each header once/, () =>
      parseRequest({ ...bareV1(""), headers: { ...headers, authorization: changed } }),
    );
  }
});

function describe(request: ReturnType<typeof parseRequest>): string {
  return JSON.stringify({ ...request, parameters: [...request.parameters] });
}

function* singleByteChanges(http: HttpRequest): Generator<HttpRequest> {
  for (const url of changesOf(http.url)) yield { ...http, url };
  for (const body of changesOf(Buffer.from(http.body).toString("latin1")))
    yield { ...http, body: Buffer.from(body, "latin1") };
  for (const [name, value] of Object.entries(http.headers)) {
    if (name === "accept" || name === "content-type" || typeof value !== "string") continue;
    for (const changed of changesOf(value)) yield { ...http, headers: { ...http.headers, [name]: changed } };
  }
}

function* changesOf(text: string): Generator<string> {
  for (let index = 0; index < text.length; index++) {
    for (const mask of [1, 4, 32, 128]) {
      yield text.slice(0, index) + String.fromCharCode(text.charCodeAt(index) ^ mask) + text.slice(index + 1);
    }
    yield text.slice(0, index) + text.slice(index + 1);
  }
}

function onlyWireErrors(http: HttpRequest): void {
  try {
    const request = parseRequest(http);
    readMap(request.parameters, "M");
    readList(request.parameters, "L");
    readRecords(request.parameters, "L");
    verifySignature(request, secret);
  } catch (error) {
    assert(error instanceof WireError, error instanceof Error ? error.stack : String(error));
  }
}
