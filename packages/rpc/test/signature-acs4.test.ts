import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertFresh,
  assertSignedFor,
  type HttpRequest,
  parseRequest,
  signAcs4,
  SigningSecret,
  verifySignature,
} from "../src/index.ts";
import { admit, call, secret, sign, throwsWireError, withAuthorization } from "./support.ts";

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SIGNED_HEADERS = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";

/** Requests of @alicloud/gateway-pop 0.0.6, as captured on loopback. */
const captured: HttpRequest = {
  method: "POST",
  url: "/?KeyId=k&Plaintext=aGVsbG8%3D&EncryptionContext=%7B%22a%22%3A%221%20~*%22%7D",
  headers: {
    host: "127.0.0.1:33463",
    accept: "application/json",
    "x-acs-action": "Encrypt",
    "x-acs-version": "2016-01-20",
    "x-acs-date": "2026-11-21T20:36:39Z",
    "x-acs-signature-nonce": "c040737e2e1c90288b28cc6e61d7da8f",
    "x-acs-content-sha256": EMPTY_SHA256,
    authorization:
      `ACS4-HMAC-SHA256 Credential=AK/20261121/center/Kms/aliyun_v4_request,SignedHeaders=${SIGNED_HEADERS},` +
      "Signature=69f61a05baac76d39d1a9a3823b820a331db8619c58d06df7eb0d1e96c9ced80",
  },
  body: new Uint8Array(),
};

const capturedForm: HttpRequest = {
  method: "POST",
  url: "/",
  headers: {
    ...captured.headers,
    host: "127.0.0.1:42355",
    "content-type": "application/x-www-form-urlencoded",
    "x-acs-date": "2026-11-22T03:17:20Z",
    "x-acs-signature-nonce": "36922ce719082641ec3bc117bb63d475",
    "x-acs-content-sha256": "04e3da82311140cfaf86905d5b0e1d3101bb751c520be619f810253335495020",
    authorization:
      "ACS4-HMAC-SHA256 Credential=AK/20261122/center/Kms/aliyun_v4_request," +
      `SignedHeaders=content-type;${SIGNED_HEADERS},` +
      "Signature=43ec4ef0bd5a29d0bd8f8dddbb663a98d0cb9cdb6f6b162168c0310dde8b251c",
  },
  body: Buffer.from("KeyId=a*b*'()!~%20%C3%A9&Empty="),
};

/** With an empty parameter, and the characters that this client leaves unencoded. */
const capturedOddly: HttpRequest = {
  ...captured,
  url: "/?KeyId=a*b*%27()!~%20%C3%A9&Empty=",
  headers: {
    ...captured.headers,
    host: "127.0.0.1:42355",
    "x-acs-date": "2026-11-22T03:17:20Z",
    "x-acs-signature-nonce": "b23033630014937da84487b804263f0f",
    authorization:
      `ACS4-HMAC-SHA256 Credential=AK/20261122/center/Kms/aliyun_v4_request,SignedHeaders=${SIGNED_HEADERS},` +
      "Signature=54232e7021ea6af025cb23c020748fe7704ad9efe191f21e3eb1f664c1f0815f",
  },
};

test("verifies the requests of the Node.js client, in query and form", () => {
  const request = admit(captured);
  assert.equal(request.protocol, "ACS4-HMAC-SHA256");
  assert.equal(request.accessKeyId, "AK");
  assert.equal(request.action, "Encrypt");
  assert.equal(request.nonce, "c040737e2e1c90288b28cc6e61d7da8f");
  assert.equal(request.timestampMillis, Date.UTC(2026, 10, 21, 20, 36, 39));
  assert.equal(request.parameters.get("EncryptionContext"), '{"a":"1 ~*"}');
  assert.deepEqual(request.protocol === "ACS4-HMAC-SHA256" && request.scope, {
    date: "20261121",
    region: "center",
    product: "Kms",
  });
  const odd = new Map([
    ["KeyId", "a*b*'()!~ é"],
    ["Empty", ""],
  ]);
  assert.deepEqual(admit(capturedOddly).parameters, odd);
  assert.deepEqual(admit(capturedForm).parameters, odd);
});

test("verifies what the specification says, computed here by itself: bytes for keys, RFC 3986, no = for an empty value", () => {
  const lines = [
    "POST",
    "/",
    "Empty&KeyId=a%2Ab%2A%27%28%29%21~%20%C3%A9",
    "host:127.0.0.1:42355",
    "x-acs-action:Encrypt",
    `x-acs-content-sha256:${EMPTY_SHA256}`,
    "x-acs-date:2026-11-22T03:17:20Z",
    "x-acs-signature-nonce:b23033630014937da84487b804263f0f",
    "x-acs-version:2016-01-20",
    "",
    SIGNED_HEADERS,
    EMPTY_SHA256,
  ];
  const stringToSign = `ACS4-HMAC-SHA256\n${createHash("sha256").update(lines.join("\n")).digest("hex")}`;
  const scope = ["20261122", "center", "Kms", "aliyun_v4_request"];
  const signature = signWith(
    chain("SK", scope, (key) => key),
    stringToSign,
  );
  admit(withSignature(capturedOddly, signature));
  const asText = signWith(
    chain("SK", scope, (key) => Buffer.from(key.toString())),
    stringToSign,
  );
  assert.notEqual(asText, signature);
  admit(withSignature(capturedOddly, asText));
  assert.equal(parseRequest(capturedOddly).stringsToSign[0], stringToSign);
  // The example of docs/formats/wire.md.
  admit(withSignature(captured, "3cd06b5ecafd0a713dc223cc82ff721c7e74d9c8b11670be519dda9b98b91b3d"));
});

test("derives keys as the specification and as the Node.js client do, for any secret and scope", () => {
  const name = fc.stringMatching(/^[!-+.0-~-]{1,64}$/);
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), name, name, (text, region, product) => {
      const steps = ["20261121", region, product, "aliyun_v4_request"];
      const scope = { date: "20261121", region, product };
      const any = new SigningSecret(text);
      assert.equal(
        any.signAcs4(scope, "x"),
        signWith(
          chain(text, steps, (key) => key),
          "x",
        ),
      );
      assert.equal(
        any.signAcs4(scope, "x", "text"),
        signWith(
          chain(text, steps, (key) => Buffer.from(key.toString())),
          "x",
        ),
      );
    }),
    { numRuns: 300 },
  );
});

test("takes no key that reading it as text has left next to nothing of", () => {
  // Found by trying: of the key of the first region, as text, 5 characters are left, and 4 of that of the second.
  for (const [region, isTaken] of [
    ["r224806", true],
    ["r1087689", false],
  ] as const) {
    const steps = ["20261121", region, "Kms", "aliyun_v4_request"];
    const key = chain("SK", steps, (bytes) => Buffer.from(bytes.toString()));
    const scope = { date: "20261121", region, product: "Kms" };
    assert.equal(secret.signAcs4(scope, "x", "text") === signWith(key, "x"), isTaken);
    // The specified key is as good as any.
    assert.equal(
      secret.signAcs4(scope, "x"),
      signWith(
        chain("SK", steps, (bytes) => bytes),
        "x",
      ),
    );
  }
});

test("keeps derived keys, and signs the same when they have been dropped", () => {
  const scopes = Array.from({ length: 40 }, (_, index) => ({ date: "20261121", region: `r${index}`, product: "Kms" }));
  const first = scopes.map((scope) => secret.signAcs4(scope, "x"));
  assert.equal(new Set(first).size, scopes.length);
  for (const derivation of ["bytes", "text"] as const) {
    for (const [index, scope] of scopes.entries()) {
      const signature = secret.signAcs4(scope, "x", derivation);
      assert.equal(signature === first[index], derivation === "bytes");
      assert.equal(secret.signAcs4(scope, "x", derivation), signature);
    }
  }
});

test("covers the query by itself and the form by its digest", () => {
  const signed = sign("ACS4-HMAC-SHA256", { query: new Map([["a", ""]]), form: new Map([["b", "2"]]) });
  assert.deepEqual(
    admit(signed).parameters,
    new Map([
      ["a", ""],
      ["b", "2"],
    ]),
  );
  throwsWireError("InvalidParameter", /x-acs-content-sha256/, () => admit({ ...signed, body: Buffer.from("b=3") }));
  throwsWireError("SignatureDoesNotMatch", /./, () => admit({ ...signed, url: "/?a=x" }));
});

test("refuses a change of any part of the scope, of each signed header, and of the host", () => {
  const scope = "/20261121/center/Kms/";
  for (const changed of ["/20261121/cn-hangzhou/Kms/", "/20261121/center/kms/", "/20261121/center/Ram/"]) {
    throwsWireError("SignatureDoesNotMatch", /./, () =>
      admit(withAuthorization(captured, (text) => text.replace(scope, changed))),
    );
  }
  for (const changed of ["/20261120/center/Kms/", "/20261122/center/Kms/", "/20251121/center/Kms/"]) {
    throwsWireError("IncompleteSignature", /day of x-acs-date/, () =>
      admit(withAuthorization(captured, (text) => text.replace(scope, changed))),
    );
  }
  for (const [name, value] of [
    ["host", "127.0.0.1:33464"],
    ["x-acs-action", "Decrypt"],
    ["x-acs-version", "2016-01-21"],
    ["x-acs-date", "2026-11-21T20:36:40Z"],
    ["x-acs-signature-nonce", "c040737e2e1c90288b28cc6e61d7da80"],
  ] as const) {
    throwsWireError("SignatureDoesNotMatch", /./, () =>
      admit({ ...captured, headers: { ...captured.headers, [name]: value } }),
    );
  }
  throwsWireError("SignatureDoesNotMatch", /./, () => admit({ ...captured, url: `${captured.url}&DryRun=true` }));
  throwsWireError("SignatureDoesNotMatch", /./, () => admit({ ...captured, method: "GET" }));
  throwsWireError("SignatureDoesNotMatch", /./, () =>
    verifySignature(parseRequest(captured), new SigningSecret("SK2")),
  );
});

test("takes no signature of one protocol for one of the other", () => {
  const { headers } = sign("ACS3-HMAC-SHA256");
  throwsWireError("IncompleteSignature", /aliyun_v4_request/, () =>
    parseRequest(
      withAuthorization({ ...captured, headers }, (text) => text.replace("ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256")),
    ),
  );
  const asAcs3 = withAuthorization(captured, (text) => text.replace("ACS4-", "ACS3-").replace(/AK\/[^,]+/, "AK"));
  throwsWireError("SignatureDoesNotMatch", /./, () => admit(asAcs3));
});

test("takes the day on either side of midnight for 15 minutes, and no other", () => {
  const midnight = Date.UTC(2026, 10, 22);
  const signedAt = (millis: number): HttpRequest => sign("ACS4-HMAC-SHA256", { timestampMillis: millis });
  for (const [millis, own, other] of [
    [midnight - 1000, "20261121", "20261122"],
    [midnight + 899_000, "20261122", "20261121"],
  ] as const) {
    const signed = signedAt(millis);
    admit(signed);
    // Passes the day, and then is the signature of another key.
    throwsWireError("SignatureDoesNotMatch", /./, () =>
      admit(withAuthorization(signed, (text) => text.replace(own, other))),
    );
  }
  throwsWireError("IncompleteSignature", /day of x-acs-date/, () =>
    admit(withAuthorization(signedAt(midnight + 901_000), (text) => text.replace("20261122", "20261121"))),
  );
  throwsWireError("InvalidTimeStamp.Expired", /./, () =>
    assertFresh({ timestampMillis: parseRequest(captured).timestampMillis, nowMillis: midnight }),
  );
});

test("knows a key that was derived for another product", () => {
  const request = parseRequest(captured);
  assertSignedFor(request, "Kms");
  assertSignedFor(request, "KMS");
  throwsWireError("SignatureDoesNotMatch", /the product "Kms".*"Ram"/, () => assertSignedFor(request, "Ram"));
  for (const protocol of ["RPC-V1", "ACS3-HMAC-SHA256"] as const) assertSignedFor(parseRequest(sign(protocol)), "Ram");
});

test("carries a session's token, which must be signed", () => {
  const signed = sign("ACS4-HMAC-SHA256", { securityToken: "token" });
  assert.equal(admit(signed).securityToken, "token");
  throwsWireError("IncompleteSignature", /x-acs-security-token/, () =>
    parseRequest({ ...captured, headers: { ...captured.headers, "x-acs-security-token": "added" } }),
  );
});

test("refuses a malformed Credential", () => {
  for (const credential of [
    "AK",
    "AK/",
    "AK/20261121/center/Kms",
    "AK/20261121/center/Kms/",
    "AK/20261121/center/Kms/aws4_request",
    "AK/20261121/center/Kms/aliyun_v4_request/",
    "AK/20261121/center/Kms/aliyun_v4_request/more/and/more",
    "/20261121/center/Kms/aliyun_v4_request",
    "AK/2026-11-21/center/Kms/aliyun_v4_request",
    "AK/2026112/center/Kms/aliyun_v4_request",
    "AK/20261121//Kms/aliyun_v4_request",
    "AK/20261121/center//aliyun_v4_request",
    "AK/20261121/cen ter/Kms/aliyun_v4_request",
    `AK/20261121/${"r".repeat(65)}/Kms/aliyun_v4_request`,
    "AK/20261121/center/K\u00e9/aliyun_v4_request",
  ]) {
    throwsWireError("IncompleteSignature", /must read "ACS4-HMAC-SHA256 Credential=<AccessKeyId>\/<yyyymmdd>/, () =>
      parseRequest(withAuthorization(captured, (text) => text.replace(/Credential=[^,]*/, `Credential=${credential}`))),
    );
  }
});

test("tells a caller whose signature is wrong the string to sign and the canonical request", () => {
  throwsWireError(
    "SignatureDoesNotMatch",
    /server string to sign is:ACS4-HMAC-SHA256\n[0-9a-f]{64}:.*canonical request:POST\n\/\nEmpty&KeyId=other\nhost:127/,
    () => admit({ ...captured, url: "/?KeyId=other&Empty=" }),
  );
});

test("signs for any region and product", () => {
  const signed = signAcs4({ ...call, host: "kms.local:8080", region: "local:8080", product: "Kms" });
  assert.match(signed.headers["authorization"] ?? "", /^ACS4-HMAC-SHA256 Credential=AK\/20261121\/local:8080\/Kms\/a/);
  admit(signed);
});

/** The key of a scope by the steps of the specification, each key passed through `read`. */
function chain(text: string, steps: readonly string[], read: (key: Buffer) => Buffer): Buffer {
  return steps.reduce<Buffer>(
    (key, step) => read(createHmac("sha256", key).update(step).digest()),
    Buffer.from(`aliyun_v4${text}`),
  );
}

function signWith(key: Buffer, stringToSign: string): string {
  return createHmac("sha256", key).update(stringToSign).digest("hex");
}

function withSignature(http: HttpRequest, signature: string): HttpRequest {
  return withAuthorization(http, (text) => text.replace(/Signature=[0-9a-f]{64}/, `Signature=${signature}`));
}
