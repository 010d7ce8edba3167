import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Call,
  type HttpRequest,
  parseRequest,
  type RpcProtocol,
  type RpcRequest,
  signAcs3,
  signAcs4,
  type SignedRequest,
  SigningSecret,
  signV1,
  verifySignature,
  WireError,
  type WireErrorCode,
} from "../src/index.ts";

export const PROTOCOLS = ["RPC-V1", "ACS3-HMAC-SHA256", "ACS3-HMAC-SM3", "ACS4-HMAC-SHA256"] as const;

export const secret = new SigningSecret("SK");

export const call = {
  method: "POST",
  action: "Encrypt",
  version: "2016-01-20",
  accessKeyId: "AK",
  secret,
  timestampMillis: Date.parse("2026-11-21T20:36:39Z"),
  nonce: "4112b9fdc4bd2d74dfce0783ef50aecb",
} as const satisfies Call;

export function sign(protocol: RpcProtocol, changes: Partial<Call> = {}): SignedRequest {
  const changed = { ...call, ...changes };
  const host = "127.0.0.1:8080";
  if (protocol === "RPC-V1") return signV1(changed);
  if (protocol === "ACS4-HMAC-SHA256") return signAcs4({ ...changed, host, region: "center", product: "Kms" });
  return signAcs3({ ...changed, protocol, host });
}

/** What a server does with a request before it looks at the time. */
export function admit(http: HttpRequest): RpcRequest {
  const request = parseRequest(http);
  verifySignature(request, secret);
  return request;
}

/** A V1 request whose parameters are written out, to be parsed but not verified. */
export function bareV1(query: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url: `/?${query}`, headers: {}, body: new Uint8Array(), ...changes };
}

export const COMMON_V1 =
  "Action=Encrypt&Version=2016-01-20&AccessKeyId=AK&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0" +
  "&Timestamp=2026-11-21T20%3A36%3A39Z&Signature=x";

/** A header-signed request with another Authorization header. */
export function withAuthorization(http: HttpRequest | SignedRequest, change: (text: string) => string): HttpRequest {
  const authorization: unknown = http.headers["authorization"];
  assert(typeof authorization === "string");
  return { ...http, headers: { ...http.headers, authorization: change(authorization) } };
}

export function throwsWireError(code: WireErrorCode, message: RegExp, act: () => unknown): void {
  assert.throws(act, (error) => {
    assert(error instanceof WireError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

const RESERVED_NAMES = new Set([
  "AccessKeyId",
  "Action",
  "Format",
  "SecurityToken",
  "Signature",
  "SignatureMethod",
  "SignatureNonce",
  "SignatureType",
  "SignatureVersion",
  "Timestamp",
  "Version",
]);

const name = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
    fc.constantFrom("__proto__", "constructor", "a&b=c", "~!*'()", "a b+%"),
  )
  .filter((text) => !RESERVED_NAMES.has(text));

/** Random parameters of a call: any Unicode text but the protocol's own names. */
export const anyParameters: fc.Arbitrary<Map<string, string>> = fc
  .array(fc.tuple(name, fc.string({ unit: "binary", maxLength: 40 })), { maxLength: 12 })
  .map((entries) => new Map(entries));
