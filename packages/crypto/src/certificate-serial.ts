import { randomBytes } from "node:crypto";

const SERIAL_BYTES = 16;

/**
 * A serial number for a certificate, at random: 16 bytes of a positive INTEGER (RFC 5280, section 4.1.2.2) that is never
 * shorter than it looks, since the first byte is neither 0 nor has its highest bit set.
 */
export function newCertificateSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}
