import { timingSafeEqual } from "node:crypto";
import type { RpcRequest } from "./rpc-request.ts";
import type { SigningSecret } from "./signing-secret.ts";
import { WireError } from "./wire-error.ts";

/** Most characters of the string to sign that an answer repeats. */
const MAX_ECHO_LENGTH = 16_384;

/**
 * Checks that whoever made the request holds the secret of its access key. The time and the nonce are not looked at.
 *
 * The signature is compared as text, in constant time: other spellings of the same bytes (upper-case hexadecimal,
 * stray base64 bits) do not pass, so a request has one signature only.
 *
 * @throws WireError `SignatureDoesNotMatch`, whose message gives the caller the string that should have been signed
 * after its first colon, where Alibaba's clients look for it.
 */
export function verifySignature(request: RpcRequest, secret: SigningSecret): void {
  const received = Buffer.from(request.signature);
  for (const stringToSign of request.stringsToSign) {
    const expected = Buffer.from(secret.sign(request.protocol, stringToSign));
    if (expected.length === received.length && timingSafeEqual(expected, received)) return;
  }
  throw new WireError("SignatureDoesNotMatch", mismatchMessage(request));
}

function mismatchMessage({ stringsToSign: [stringToSign], canonicalRequest }: RpcRequest): string {
  const message =
    "Specified signature is not matched with our calculation. server string to sign is:" +
    stringToSign.slice(0, MAX_ECHO_LENGTH);
  if (canonicalRequest === undefined) return message;
  return `${message}:its last line is the digest of this canonical request:${canonicalRequest.slice(0, MAX_ECHO_LENGTH)}`;
}
