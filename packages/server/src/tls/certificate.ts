import { createPublicKey, hash, type KeyObject, sign } from "node:crypto";
import { isIP, isIPv4 } from "node:net";

import { newCertificateSerial } from "@cinnabar/crypto";
import * as asn1js from "asn1js";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  Extension,
  GeneralName,
  GeneralNames,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
} from "pkijs";

// Object identifiers: RFC 5280, section 4.2.1; RFC 5758, section 3.2; RFC 5480; X.520.
const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** KeyUsage (RFC 5280, section 4.2.1.3): bytes of the bit string, and how many of the last byte's bits are unused. */
const CA_KEY_USAGE = { bits: 0b0000_0110, unused: 1 };
const SERVER_KEY_USAGE = { bits: 0b1000_0000, unused: 7 };

const DNS_NAME = 2;
const IP_ADDRESS = 7;
/** A commonName ends at 64 characters (RFC 5280, appendix A.1, ub-common-name). */
const MAX_COMMON_NAME = 64;

export interface Validity {
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly from: number;
  readonly until: number;
}

/** A CA that can sign: both halves of its P-256 key and the name it signs under. */
export interface Issuer {
  readonly commonName: string;
  readonly privateKey: KeyObject;
}

/** Makes the certificate of a CA that signs server certificates and no further CA, in DER. */
export function issueCaCertificate(issuer: Issuer, validity: Validity): Buffer {
  const publicKey = createPublicKey(issuer.privateKey);
  return issue({
    issuer,
    commonName: issuer.commonName,
    publicKey,
    validity,
    extensions: [
      extension(OID.basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(), "critical"),
      keyUsage(CA_KEY_USAGE),
      subjectKeyIdentifier(publicKey),
    ],
  });
}

/**
 * Makes the certificate of a server, in DER.
 *
 * @param options.names - host names and IP addresses, at least one.
 */
export function issueServerCertificate(
  issuer: Issuer,
  options: { readonly publicKey: KeyObject; readonly names: readonly string[]; readonly validity: Validity },
): Buffer {
  const { publicKey, names, validity } = options;
  return issue({
    issuer,
    commonName: names.find((name) => isIP(name) === 0 && name.length <= MAX_COMMON_NAME) ?? "Cinnabar",
    publicKey,
    validity,
    extensions: [
      extension(OID.basicConstraints, new BasicConstraints({ cA: false }).toSchema(), "critical"),
      keyUsage(SERVER_KEY_USAGE),
      extension(OID.extKeyUsage, new ExtKeyUsage({ keyPurposes: [OID.serverAuth] }).toSchema()),
      extension(OID.subjectAltName, new GeneralNames({ names: names.map(generalName) }).toSchema()),
      subjectKeyIdentifier(publicKey),
      authorityKeyIdentifier(createPublicKey(issuer.privateKey)),
    ],
  });
}

function issue(options: {
  issuer: Issuer;
  commonName: string;
  publicKey: KeyObject;
  validity: Validity;
  extensions: Extension[];
}): Buffer {
  const { issuer, validity } = options;
  const algorithm = new AlgorithmIdentifier({ algorithmId: OID.ecdsaWithSha256 });
  const certificate = new Certificate({
    version: 2,
    serialNumber: new asn1js.Integer({ valueHex: newCertificateSerial() }),
    signature: algorithm,
    signatureAlgorithm: algorithm,
    issuer: distinguishedName(issuer.commonName),
    subject: distinguishedName(options.commonName),
    notBefore: time(validity.from),
    notAfter: time(validity.until),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(options.publicKey.export({ type: "spki", format: "der" })),
    extensions: options.extensions,
  });
  const toBeSigned = new Uint8Array(certificate.encodeTBS().toBER());
  certificate.tbsView = toBeSigned;
  certificate.signatureValue = new asn1js.BitString({ valueHex: sign("sha256", toBeSigned, issuer.privateKey) });
  return Buffer.from(certificate.toSchema().toBER());
}

function distinguishedName(commonName: string): RelativeDistinguishedNames {
  const value = new asn1js.Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: OID.commonName, value })],
  });
}

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, section 4.1.2.5). */
function time(millis: number): Time {
  const value = new Date(Math.floor(millis / 1000) * 1000);
  return new Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

function extension(extnID: string, value: asn1js.BaseBlock, critical?: "critical"): Extension {
  return new Extension({ extnID, critical: critical !== undefined, extnValue: value.toBER() });
}

function keyUsage({ bits, unused }: { bits: number; unused: number }): Extension {
  const value = new asn1js.BitString({ valueHex: Uint8Array.of(bits), unusedBits: unused });
  return extension(OID.keyUsage, value, "critical");
}

function subjectKeyIdentifier(key: KeyObject): Extension {
  return extension(OID.subjectKeyIdentifier, new asn1js.OctetString({ valueHex: keyIdentifier(key) }));
}

function authorityKeyIdentifier(key: KeyObject): Extension {
  const identifier = new asn1js.OctetString({ valueHex: keyIdentifier(key) });
  return extension(OID.authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: identifier }).toSchema());
}

/** RFC 7093, section 2, method 1: the leftmost 160 bits of SHA-256 of the public key's bits. */
function keyIdentifier(key: KeyObject): Buffer {
  const info = PublicKeyInfo.fromBER(key.export({ type: "spki", format: "der" }));
  return hash("sha256", info.subjectPublicKey.valueBlock.valueHexView, "buffer").subarray(0, 20);
}

function generalName(name: string): GeneralName {
  if (isIP(name) === 0) return new GeneralName({ type: DNS_NAME, value: name });
  return new GeneralName({ type: IP_ADDRESS, value: new asn1js.OctetString({ valueHex: addressBytes(name) }) });
}

/** @param address - in the form of RFC 5952, without an embedded IPv4 address. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail ? tail.split(":") : [];
  const groups = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
