import { timingSafeEqual } from "node:crypto";
import { assertScopeDate, assertScopeProduct } from "./acs4-scope.ts";
import { ClientKeyVerifier } from "./instance-signature.ts";
import type { Acs4Request, InstanceRequest, RpcRequest } from "./rpc-request.ts";
import type { SigningSecret } from "./signing-secret.ts";
import { WireError } from "./wire-error.ts";

/** Most characters of the string to sign that an answer repeats. */
const MAX_ECHO_LENGTH = 16_384;

/**
 * Checks that whoever made the request holds the secret of its access key, or in ACS4 a key derived from it for the
 * request's scope. The time and the nonce are not looked at, but for the day of the scope.
 *
 * The signature is compared as text, in constant time: other spellings of the same bytes (upper-case hexadecimal,
 * stray base64 bits) do not pass, so a client's request has one signature only.
 *
 * @param secret - that of an AccessKey, or the public half of a client key for requests of the instance protocol.
 * @throws WireError `SignatureDoesNotMatch`, whose message gives the caller the string that should have been signed
 * after its first colon, where Alibaba's clients look for it; `IncompleteSignature` if the scope is of another day;
 * `SignatureNotMatch` in the instance protocol.
 */
export function verifySignature(request: RpcRequest, secret: SigningSecret | ClientKeyVerifier): void {
  if (request.protocol === "RSA_PKCS1_SHA_256") return verifyInstance(request, secret);
  // A client key is good for the instance protocol alone.
  if (secret instanceof ClientKeyVerifier) throw new WireError("SignatureDoesNotMatch", mismatchMessage(request));
  const received = Buffer.from(request.signature);
  if (request.protocol === "ACS4-HMAC-SHA256") {
    assertScopeDate(request.scope, request.timestampMillis);
    if (isSignedAcs4(request, secret, received)) return;
  } else {
    for (const stringToSign of request.stringsToSign) {
      if (isEqual(received, secret.sign(request.protocol, stringToSign))) return;
    }
  }
  throw new WireError("SignatureDoesNotMatch", mismatchMessage(request));
}

/**
 * Checks that the key which signed a request is good for the product that it calls: one that was derived for another
 * product, and perhaps given away, is not. Every key but those of ACS4 is good for all.
 *
 * @param product - its name in any case.
 * @throws WireError `SignatureDoesNotMatch`.
 */
export function assertSignedFor(request: RpcRequest, product: string): void {
  if (request.protocol === "ACS4-HMAC-SHA256") assertScopeProduct(request.scope, product);
}

function verifyInstance(
  { signature, stringsToSign: [stringToSign] }: InstanceRequest,
  secret: SigningSecret | ClientKeyVerifier,
): void {
  const bytes = Buffer.from(signature, "base64");
  if (secret instanceof ClientKeyVerifier && secret.verify(stringToSign, bytes)) return;
  const told = stringToSign.slice(0, MAX_ECHO_LENGTH);
  throw new WireError("SignatureNotMatch", `The signature does not match. String to sign: ${told}`);
}

function isSignedAcs4({ scope, stringsToSign }: Acs4Request, secret: SigningSecret, received: Buffer): boolean {
  for (const derivation of ["bytes", "text"] as const) {
    for (const stringToSign of stringsToSign) {
      if (isEqual(received, secret.signAcs4(scope, stringToSign, derivation))) return true;
    }
  }
  return false;
}

function isEqual(received: Buffer, signature: string): boolean {
  const expected = Buffer.from(signature);
  return expected.length === received.length && timingSafeEqual(expected, received);
}

function mismatchMessage({ stringsToSign: [stringToSign], canonicalRequest }: RpcRequest): string {
  const message =
    "Specified signature is not matched with our calculation. server string to sign is:" +
    stringToSign.slice(0, MAX_ECHO_LENGTH);
  if (canonicalRequest === undefined) return message;
  return `${message}:its last line is the digest of this canonical request:${canonicalRequest.slice(0, MAX_ECHO_LENGTH)}`;
}
