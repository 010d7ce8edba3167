import { createHmac, timingSafeEqual } from "node:crypto";

/** Time steps of the codes, in seconds (RFC 6238, section 4.1). */
export const STEP_SECONDS = 30;
/** Digits of a code. */
export const CODE_DIGITS = 6;
/** Steps that a device's clock may be ahead or behind (RFC 6238, section 5.2 and 6). */
const TOLERATED_STEPS = 1;

/**
 * The code of a time step: HOTP (RFC 4226, section 5.3) of HMAC-SHA-1 over the step's number, which is what apps for
 * second factors reckon.
 *
 * @param step - counts {@link STEP_SECONDS} since 1970.
 */
export function totpCode(seed: Uint8Array, step: number, digits: number = CODE_DIGITS): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", seed).update(message).digest();
  const offset = (mac[mac.length - 1] ?? 0) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/**
 * Whether two codes are those of two steps that follow one another, the second one being now or a step away from it.
 *
 * @param codes.at - store time in milliseconds since 1970.
 */
export function areConsecutiveCodes(
  seed: Uint8Array,
  codes: { readonly first: string; readonly second: string; readonly at: number },
): boolean {
  const now = Math.floor(codes.at / 1000 / STEP_SECONDS);
  let found = false;
  for (let step = now - TOLERATED_STEPS; step <= now + TOLERATED_STEPS; step++) {
    const isFirst = equal(totpCode(seed, step - 1), codes.first);
    const isSecond = equal(totpCode(seed, step), codes.second);
    found = (isFirst && isSecond) || found;
  }
  return found;
}

function equal(code: string, claimed: string): boolean {
  const [a, b] = [Buffer.from(code), Buffer.from(claimed)];
  return a.length === b.length && timingSafeEqual(a, b);
}
