import {
  DecryptionError,
  IMPORT_WRAPPINGS,
  type ImportWrapping,
  KeyFormatError,
  type KeyPairBytes,
  parsePrivateKey,
  parsePublicKey,
  Sm2PrivateKey,
  unwrapForImport,
  wrapForImport,
} from "@cinnabar/crypto";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedBytes } from "./fixed-keys.ts";
import { fixedRsaKey } from "./fixed-rsa-key.ts";

const MATERIAL_BYTES = 32;

/** For each spec the DER of a PKCS #8 key up to its private number or seed, and how long that is. */
const PREFIXES = {
  EC_P256: { der: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", bytes: 32 },
  EC_P256K: { der: "303e020100301006072a8648ce3d020106052b8104000a042730250201010420", bytes: 32 },
  EC_P384: { der: "304e020100301006072a8648ce3d020106052b81040022043730350201010430", bytes: 48 },
  EC_P521: { der: "3060020100301006072a8648ce3d020106052b81040023044930470201010442", bytes: 66 },
  EC_SM2: { der: "3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420", bytes: 32 },
  ED25519: { der: "302e020100300506032b657004220420", bytes: 32 },
  ML_DSA_65: { der: "3034020100300b060960864801650304031204228020", bytes: 32 },
} as const;

const SPECS = ["RSA_2048", ...Object.keys(PREFIXES)] as readonly (keyof typeof PREFIXES | "RSA_2048")[];

/** A key pair that is the same in every run. */
function fixedPair(spec: (typeof SPECS)[number]): KeyPairBytes {
  if (spec === "RSA_2048") return parsePrivateKey(spec, fixedRsaKey);
  const { der, bytes } = PREFIXES[spec];
  const number = Buffer.alloc(bytes);
  number.set(fixedBytes(spec), bytes - MATERIAL_BYTES);
  return parsePrivateKey(spec, Buffer.concat([Buffer.from(der, "hex"), number]));
}

/** What is tried stands in the first byte, the spec or the form's place in its list in the second. */
const KINDS = { privateKey: "p", publicKey: "q" } as const;
const HEADER_BYTES = 2;

/** Private and public keys in DER: what is read is a whole key, and is read as the same again. */
export const keysTarget: TargetDeclaration = {
  name: "keys",
  what: "private keys in PKCS #8, public keys in SubjectPublicKeyInfo",
  group: "process",
  weight: 60,
  open: async () => openKeys(),
};

function openKeys(): Target {
  const pairs = SPECS.map(fixedPair);
  return {
    seeds: pairs.flatMap(({ privateKey, publicKey }, i) => [
      Buffer.concat([Buffer.from(KINDS.privateKey), Buffer.of(i), privateKey]),
      Buffer.concat([Buffer.from(KINDS.publicKey), Buffer.of(i), publicKey]),
    ]),
    fixedBytes: () => HEADER_BYTES,
    attempt(input) {
      const spec = SPECS[(input[1] ?? 0) % SPECS.length] ?? "EC_P256";
      const der = input.subarray(HEADER_BYTES);
      try {
        if (String.fromCharCode(input[0] ?? 0) === KINDS.publicKey) {
          const read = parsePublicKey(spec, der);
          if (!parsePublicKey(spec, read).equals(read)) throw new Violation(`a ${spec} public key is read differently`);
        } else {
          const read = parsePrivateKey(spec, der);
          const again = parsePrivateKey(spec, read.privateKey);
          const isSame = again.privateKey.equals(read.privateKey) && again.publicKey.equals(read.publicKey);
          if (!isSame || !parsePublicKey(spec, read.publicKey).equals(read.publicKey)) {
            throw new Violation(`a ${spec} private key is read differently`);
          }
        }
        return "read";
      } catch (error) {
        return refusal(error, KeyFormatError);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const WRAPPINGS = Object.keys(IMPORT_WRAPPINGS) as ImportWrapping[];
/** Wrapped key material, under keys that are the same in every run: what is altered does not unwrap, or not to what was wrapped. */
export const wrappedKeysTarget: TargetDeclaration = {
  name: "wrapped-keys",
  what: "wrapped key material for import",
  group: "process",
  weight: 4,
  open: async () => openWrappedKeys(),
};

function openWrappedKeys(): Target {
  const wrappingKeys = { RSA_2048: fixedPair("RSA_2048"), EC_SM2: fixedPair("EC_SM2") };
  const imported = fixedPair("EC_P256");
  const raw = fixedBytes("material");
  const materials = { raw, pkcs8: imported.privateKey, scalar: raw };
  const seeds = WRAPPINGS.map((wrapping, i) => {
    const { wrappingKeySpec, carries } = IMPORT_WRAPPINGS[wrapping];
    const wrappingKey = wrappingKeys[wrappingKeySpec].publicKey;
    return Buffer.concat([Buffer.of(i), wrapForImport({ wrapping, wrappingKey, material: materials[carries] })]);
  });
  return {
    seeds,
    fixedBytes: () => 1,
    attempt(input) {
      const wrapping = WRAPPINGS[(input[0] ?? 0) % WRAPPINGS.length] ?? "RSAES_OAEP_SHA_256";
      const { wrappingKeySpec, carries } = IMPORT_WRAPPINGS[wrapping];
      const wrappingKey = wrappingKeys[wrappingKeySpec].privateKey;
      try {
        const wrapped = input.subarray(1);
        const material = unwrapForImport({ wrapping, wrappingKey, wrapped, materialBytes: MATERIAL_BYTES });
        const isSame = material.equals(materials[carries]);
        // Without a checksum: PKCS #1 v1.5 by its implicit rejection, and the blocks of the second stage.
        const isAuthentic = carries === "raw" && wrapping !== "RSAES_PKCS1_V1_5";
        if (isAuthentic && !isSame) throw new Violation(`${wrapping} unwraps what nobody wrapped`);
        if (carries === "pkcs8") parsePrivateKey("EC_P256", material);
        if (carries === "scalar") Sm2PrivateKey.fromScalar(material)[Symbol.dispose]();
        return isSame ? "opened" : "opened: something else";
      } catch (error) {
        return refusal(error, [DecryptionError, KeyFormatError]);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
