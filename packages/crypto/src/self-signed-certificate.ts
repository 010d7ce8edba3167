import { createPrivateKey, createPublicKey, hash, sign } from "node:crypto";
import {
  contextTag,
  DER_TAG,
  derBitString,
  type DerElement,
  derElement,
  derInteger,
  derSequence,
  encodeDer,
} from "./der.ts";
import { derObjectIdentifier } from "./object-identifier.ts";

// Object identifiers: RFC 4055, section 5; X.520; RFC 5280, section 4.2.1.
const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
const COMMON_NAME = "2.5.4.3";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";

const TAG = { boolean: 0x01, utf8String: 0x0c, utcTime: 0x17, generalizedTime: 0x18, set: 0x31 } as const;
/** The bit string with digitalSignature alone: 7 bits of its byte are not used (RFC 5280, section 4.2.1.3). */
const DIGITAL_SIGNATURE = Buffer.of(7, 0x80);
const KEY_IDENTIFIER_BYTES = 20;
/** A year that UTCTime does not have any more (RFC 5280, section 4.1.2.5). */
const FIRST_GENERALIZED_YEAR = 2050;

/**
 * Makes an X.509 certificate of an RSA key that the key itself signs (RFC 5280): it carries the public key to whom it is given
 * with the private one, and proves nothing more. It is for signatures and for TLS clients.
 *
 * @param certificate.privateKey - DER PKCS #8. Stays the caller's to clear.
 * @param certificate.commonName - of subject and issuer.
 * @param certificate.serial - a positive INTEGER, at most 20 bytes.
 * @param certificate.validity - milliseconds since 1970; cut to whole seconds.
 * @returns DER.
 */
export function selfSignedCertificate(certificate: {
  readonly privateKey: Buffer;
  readonly commonName: string;
  readonly serial: Uint8Array;
  readonly validity: { readonly from: number; readonly until: number };
}): Buffer {
  const { commonName, serial, validity } = certificate;
  const privateKey = createPrivateKey({ key: certificate.privateKey, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const name = distinguishedName(commonName);
  const toBeSigned = encodeDer(
    derSequence(
      derElement(contextTag(0, "constructed"), derInteger(Buffer.of(2))),
      derInteger(serial),
      signatureAlgorithm(),
      name,
      derSequence(time(validity.from), time(validity.until)),
      name,
      // Whole already.
      spki,
      derElement(
        contextTag(3, "constructed"),
        derSequence(
          extension(KEY_USAGE, derElement(DER_TAG.bitString, DIGITAL_SIGNATURE), "critical"),
          extension(EXTENDED_KEY_USAGE, derSequence(derObjectIdentifier(CLIENT_AUTHENTICATION))),
          extension(SUBJECT_KEY_IDENTIFIER, derElement(DER_TAG.octetString, keyIdentifier(spki))),
        ),
      ),
    ),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  return encodeDer(derSequence(toBeSigned, signatureAlgorithm(), derBitString(signature)));
}

function signatureAlgorithm(): DerElement {
  return derSequence(derObjectIdentifier(SHA256_WITH_RSA), derElement(DER_TAG.null));
}

function distinguishedName(commonName: string): DerElement {
  const value = derElement(TAG.utf8String, Buffer.from(commonName));
  return derSequence(derElement(TAG.set, derSequence(derObjectIdentifier(COMMON_NAME), value)));
}

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, section 4.1.2.5). */
function time(millis: number): DerElement {
  const digits = new Date(millis).toISOString().replaceAll(/\.\d+|[-:T]/g, "");
  return new Date(millis).getUTCFullYear() < FIRST_GENERALIZED_YEAR
    ? derElement(TAG.utcTime, Buffer.from(digits.slice(2)))
    : derElement(TAG.generalizedTime, Buffer.from(digits));
}

function extension(id: string, value: DerElement, critical?: "critical"): DerElement {
  const flag = critical === undefined ? [] : [derElement(TAG.boolean, Buffer.of(0xff))];
  return derSequence(derObjectIdentifier(id), ...flag, derElement(DER_TAG.octetString, value));
}

/** RFC 7093, section 2, method 4: the leftmost 160 bits of SHA-256 of the SubjectPublicKeyInfo. */
function keyIdentifier(spki: Uint8Array): Buffer {
  return hash("sha256", spki, "buffer").subarray(0, KEY_IDENTIFIER_BYTES);
}
