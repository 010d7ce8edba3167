import { DER_TAG, type DerElement, derElement } from "./der.ts";

/** An OBJECT IDENTIFIER, written as `1.2.840.113549` (ITU-T X.690, section 8.19). */
export function derObjectIdentifier(dotted: string): DerElement {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => base128(arc));
  return derElement(DER_TAG.objectIdentifier, Buffer.from(bytes));
}

function base128(arc: number): number[] {
  const digits = [arc % 0x80];
  for (let high = Math.floor(arc / 0x80); high > 0; high = Math.floor(high / 0x80))
    digits.unshift((high % 0x80) | 0x80);
  return digits;
}
