import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  type ED25519KeyPairOptions,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

import { type CurveEncoding, encodeEcSpki, readEcSpki } from "./ec-key.ts";
import { EC_CURVES } from "./elliptic-curve.ts";
import { DerReader } from "./der.ts";
import { KeyFormatError } from "./errors.ts";
import { encodeEcPkcs8, readEcPkcs8, readPkcs8 } from "./pkcs8.ts";
import { assertRsaAlgorithm, assertRsaPrivateKey, assertRsaPublicKey, RSA_PUBLIC_EXPONENT } from "./rsa-key.ts";
import { SM2_CURVE } from "./sm2-curve.ts";
import { Sm2PrivateKey, Sm2PublicKey } from "./sm2.ts";

/** What is fixed about a key pair, by the names of the published key specs; the last ones are extensions. */
const SPECS = {
  RSA_2048: { kind: "rsa", modulusBits: 2048 },
  RSA_3072: { kind: "rsa", modulusBits: 3072 },
  RSA_4096: { kind: "rsa", modulusBits: 4096 },
  EC_P256: { kind: "ec", curve: EC_CURVES.EC_P256 },
  EC_P256K: { kind: "ec", curve: EC_CURVES.EC_P256K },
  EC_P384: { kind: "ec", curve: EC_CURVES.EC_P384 },
  EC_P521: { kind: "ec", curve: EC_CURVES.EC_P521 },
  EC_SM2: { kind: "sm2" },
  // Object identifiers: RFC 8410, section 3; NIST, id-ml-dsa-65.
  ED25519: { kind: "plain", type: "ed25519", oid: Buffer.from("2b6570", "hex") },
  ML_DSA_65: { kind: "plain", type: "ml-dsa-65", oid: Buffer.from("608648016503040312", "hex") },
} as const;

export type KeyPairSpec = keyof typeof SPECS;

/** A key pair in DER. */
export interface KeyPairBytes {
  /** PKCS #8 PrivateKeyInfo (RFC 5958). Its owner clears it. */
  readonly privateKey: Buffer;
  /** SubjectPublicKeyInfo (RFC 5280, section 4.1). */
  readonly publicKey: Buffer;
}

const ENCODINGS: ED25519KeyPairOptions<"der", "der"> = {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "der" },
};

/** Makes a key pair: takes 0.1 s to some seconds for RSA, a few milliseconds at most for the others. */
export function generateKeyPair(spec: KeyPairSpec): KeyPairBytes {
  const known = SPECS[spec];
  switch (known.kind) {
    case "rsa": {
      const { modulusBits: modulusLength } = known;
      return generateKeyPairSync("rsa", { modulusLength, publicExponent: RSA_PUBLIC_EXPONENT, ...ENCODINGS });
    }
    case "ec":
      return generateKeyPairSync("ec", { namedCurve: known.curve.openssl, ...ENCODINGS });
    case "sm2":
      return generateKeyPairSync("ec", { namedCurve: SM2_CURVE.openssl, ...ENCODINGS });
    case "plain":
      return generatePlainPair(known.type);
  }
}

/** One call for each type: their declarations are overloads. */
function generatePlainPair(type: "ed25519" | "ml-dsa-65"): KeyPairBytes {
  return type === "ed25519" ? generateKeyPairSync(type, ENCODINGS) : generateKeyPairSync(type, ENCODINGS);
}

/**
 * Reads a private key that comes from elsewhere: DER PKCS #8 and nothing behind it, of exactly this spec, whole and
 * consistent in itself. RSA keys have two primes of equal length and an odd public exponent above 2^16 and below 2^32;
 * EC keys name their curve. Where the input names a public key, it must be that of the private key.
 *
 * @returns the same key in the form that {@link generateKeyPair} gives. `pkcs8` stays the caller's to clear.
 * @throws KeyFormatError if anything is wrong with it.
 */
export function parsePrivateKey(spec: KeyPairSpec, pkcs8: Uint8Array): KeyPairBytes {
  const known = SPECS[spec];
  switch (known.kind) {
    case "rsa": {
      const { algorithm, privateKey } = readPkcs8(pkcs8);
      assertRsaAlgorithm(algorithm);
      assertRsaPrivateKey(privateKey, known.modulusBits);
      return exported(openedPrivateKey(pkcs8, "rsa"));
    }
    case "ec":
      return parseEcPrivateKey(pkcs8, known.curve);
    case "sm2": {
      using key = Sm2PrivateKey.fromPkcs8(pkcs8);
      return { privateKey: key.toPkcs8(), publicKey: key.publicKey.toSpki() };
    }
    case "plain": {
      const { algorithm, publicKey } = readPkcs8(pkcs8);
      assertPlainAlgorithm(algorithm, known);
      const pair = exported(openedPrivateKey(pkcs8, known.type));
      if (publicKey !== undefined && Buffer.compare(publicKey, readPlainSpki(pair.publicKey, known)) !== 0) {
        pair.privateKey.fill(0);
        throw new KeyFormatError("The public key in it is not that of the private key.");
      }
      return pair;
    }
  }
}

/**
 * Reads a public key that comes from elsewhere: a DER SubjectPublicKeyInfo and nothing behind it, of exactly this spec.
 * Of EC keys the point is one of the curve; the rules of {@link parsePrivateKey} hold for the rest.
 *
 * @returns the same key as OpenSSL writes it.
 * @throws KeyFormatError if anything is wrong with it.
 */
export function parsePublicKey(spec: KeyPairSpec, spki: Uint8Array): Buffer {
  const known = SPECS[spec];
  switch (known.kind) {
    case "rsa": {
      const reader = DerReader.sequence(spki);
      assertRsaAlgorithm(reader.sequence());
      assertRsaPublicKey(reader.bitString(), known.modulusBits);
      reader.end();
      break;
    }
    case "ec":
      readEcSpki(spki, known.curve);
      break;
    case "sm2":
      return Sm2PublicKey.fromSpki(spki).toSpki();
    case "plain":
      readPlainSpki(spki, known);
  }
  return openedPublicKey(spki).export({ type: "spki", format: "der" });
}

function parseEcPrivateKey(pkcs8: Uint8Array, curve: CurveEncoding & { readonly openssl: string }): KeyPairBytes {
  const { scalar, point: claimed } = readEcPkcs8(pkcs8, curve);
  const ecdh = createECDH(curve.openssl);
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    throw new KeyFormatError("The private key is not below the order of the curve, or is zero.");
  }
  const point = ecdh.getPublicKey();
  if (claimed !== undefined && Buffer.compare(point, claimed) !== 0) {
    throw new KeyFormatError("The public key in it is not that of the private key.");
  }
  return { privateKey: encodeEcPkcs8({ scalar, point }, curve), publicKey: encodeEcSpki(point, curve) };
}

interface PlainSpec {
  readonly oid: Uint8Array;
}

/** Algorithms whose AlgorithmIdentifier is an OBJECT IDENTIFIER and nothing more. */
function assertPlainAlgorithm(algorithm: DerReader, { oid }: PlainSpec): void {
  if (Buffer.compare(algorithm.objectIdentifier(), oid) !== 0) {
    throw new KeyFormatError("The key is one of another algorithm.");
  }
  algorithm.end();
}

function readPlainSpki(spki: Uint8Array, spec: PlainSpec): Uint8Array {
  const reader = DerReader.sequence(spki);
  assertPlainAlgorithm(reader.sequence(), spec);
  const key = reader.bitString();
  reader.end();
  return key;
}

function openedPrivateKey(pkcs8: Uint8Array, type: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({
      key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length),
      format: "der",
      type: "pkcs8",
    });
  } catch {
    throw new KeyFormatError("The private key cannot be read.");
  }
  if (key.asymmetricKeyType !== type) throw new KeyFormatError("The key is one of another algorithm.");
  return key;
}

function openedPublicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({
      key: Buffer.from(spki.buffer, spki.byteOffset, spki.length),
      format: "der",
      type: "spki",
    });
  } catch {
    throw new KeyFormatError("The public key cannot be read.");
  }
}

function exported(key: KeyObject): KeyPairBytes {
  return {
    privateKey: key.export({ type: "pkcs8", format: "der" }),
    publicKey: createPublicKey(key).export({ type: "spki", format: "der" }),
  };
}
