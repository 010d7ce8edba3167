import type { KeyObject } from "node:crypto";

import { AES_GCM, openAesGcm, sealAesGcm } from "./aes-gcm.ts";
import { lengthPrefixed } from "./encoding.ts";
import { AuthenticationError } from "./errors.ts";

const VERSION = 0x01;
const LABEL = "cinnabar key wrap v1";
const HEADER_BYTES = 1 + AES_GCM.nonceBytes;
const WRAPPING_KEY_BYTES = 32;

/**
 * Wraps key material under another key: version byte 0x01 ‖ 12-byte random nonce ‖ AES-256-GCM ciphertext ‖ 16-byte
 * tag. The associated data is the {@link lengthPrefixed} list of a fixed label and the parts of `identity`, so what was
 * wrapped as one thing never unwraps as another. `material` stays the caller's to clear.
 *
 * @param input.wrappingKey - a secret key of 32 bytes, which may wrap at most 2^32 times (NIST SP 800-38D, section 8.3).
 * @throws RangeError if the wrapping key has another length, or an identity part has a lone surrogate.
 */
export function wrapKey(input: {
  readonly wrappingKey: KeyObject;
  readonly material: Uint8Array;
  readonly identity: readonly string[];
}): Buffer {
  const { wrappingKey, material, identity } = input;
  assertWrappingKey(wrappingKey);
  const { nonce, box } = sealAesGcm({ key: wrappingKey, plaintext: material, aad: associatedData(identity) });
  return Buffer.concat([Buffer.of(VERSION), nonce, box]);
}

/**
 * Unwraps what {@link wrapKey} wrapped. The caller clears the result.
 *
 * @throws AuthenticationError if it was wrapped under another key or identity, was altered, or is of no known version.
 * @throws RangeError as {@link wrapKey}.
 */
export function unwrapKey(input: {
  readonly wrappingKey: KeyObject;
  readonly wrapped: Uint8Array;
  readonly identity: readonly string[];
}): Buffer {
  const { wrappingKey, wrapped, identity } = input;
  assertWrappingKey(wrappingKey);
  if (wrapped[0] !== VERSION) throw new AuthenticationError();
  return openAesGcm({
    key: wrappingKey,
    nonce: wrapped.subarray(1, HEADER_BYTES),
    box: wrapped.subarray(HEADER_BYTES),
    aad: associatedData(identity),
  });
}

function associatedData(identity: readonly string[]): Buffer {
  return lengthPrefixed([LABEL, ...identity]);
}

function assertWrappingKey(key: KeyObject): void {
  if (key.symmetricKeySize !== WRAPPING_KEY_BYTES) throw new RangeError("a wrapping key is a secret key of 32 bytes");
}
