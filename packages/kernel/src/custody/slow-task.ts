import { createSecretKey, type KeyObject } from "node:crypto";

import {
  decryptRsaOaep,
  generateKeyPair,
  type ImportWrapping,
  type KeyPairBytes,
  type KeyPairSpec,
  parsePrivateKey,
  SecretBytes,
  Sm2PrivateKey,
  Sm2PublicKey,
  unwrapForImport,
} from "@cinnabar/crypto";

import type { AsymmetricSpec, EncryptionAlgorithm, SigningAlgorithm, ToSign } from "./key-spec.ts";
import { signWith, verifyWith } from "./signing.ts";

/** The hash function of each algorithm of RSAES-OAEP. */
export const OAEP_HASHES = { RSAES_OAEP_SHA_1: "SHA_1", RSAES_OAEP_SHA_256: "SHA_256" } as const;

/**
 * Cryptography that takes milliseconds or more, as data that a thread can be given. What is secret is in key objects: threads
 * share them without a copy, and OpenSSL clears them when nobody holds them any longer.
 */
export type SlowTask = GenerateTask | ParseTask | UnwrapTask | SignTask | VerifyTask | DecryptTask | EncryptTask;

interface GenerateTask {
  readonly kind: "generate";
  readonly spec: KeyPairSpec;
}

interface ParseTask {
  readonly kind: "parse";
  readonly spec: KeyPairSpec;
  /** A secret key that holds the DER. */
  readonly pkcs8: KeyObject;
}

interface UnwrapTask {
  readonly kind: "unwrap";
  readonly wrapping: ImportWrapping;
  /** A secret key that holds the DER of the private one's PKCS #8. */
  readonly wrappingKey: KeyObject;
  readonly wrapped: Uint8Array;
  readonly materialBytes: number;
}

interface SignTask {
  readonly kind: "sign";
  readonly spec: AsymmetricSpec;
  /** The private key; of SM2, a secret key that holds its PKCS #8. */
  readonly key: KeyObject;
  readonly algorithm: SigningAlgorithm;
  readonly signed: ToSign;
}

interface VerifyTask {
  readonly kind: "verify";
  readonly spec: AsymmetricSpec;
  readonly spki: Uint8Array;
  readonly algorithm: SigningAlgorithm;
  readonly signed: ToSign;
  readonly signature: Uint8Array;
}

interface DecryptTask {
  readonly kind: "decrypt";
  /** As of a signature. */
  readonly key: KeyObject;
  readonly algorithm: EncryptionAlgorithm;
  readonly ciphertext: Uint8Array;
}

/** With SM2: RSA's public keys encrypt at once. */
interface EncryptTask {
  readonly kind: "encrypt";
  readonly spki: Uint8Array;
  /** A secret key that holds it. */
  readonly plaintext: KeyObject;
}

/** What came of a task. Bytes that are secret are the receiver's to clear. */
export type SlowOutcome = KeyPairBytes | Buffer | boolean;

/** Does a task, for as long as it takes. Throws what the functions of `@cinnabar/crypto` throw. */
export function doSlowTask(task: SlowTask): SlowOutcome {
  switch (task.kind) {
    case "generate":
      return generateKeyPair(task.spec);
    case "parse": {
      using pkcs8 = new SecretBytes(task.pkcs8.export());
      return parsePrivateKey(task.spec, pkcs8.bytes);
    }
    case "unwrap": {
      using wrappingKey = new SecretBytes(task.wrappingKey.export());
      return unwrapForImport({ ...task, wrappingKey: wrappingKey.bytes });
    }
    case "sign":
      return signWith(task, task.algorithm, task.signed);
    case "verify":
      return verifyWith(task, task.algorithm, { ...task.signed, signature: task.signature });
    case "decrypt":
      return decrypt(task);
    case "encrypt": {
      using plaintext = new SecretBytes(task.plaintext.export());
      return Sm2PublicKey.fromSpki(task.spki).encrypt(plaintext.bytes, "raw");
    }
  }
}

function decrypt({ key, algorithm, ciphertext }: DecryptTask): Buffer {
  if (algorithm !== "SM2PKE") return decryptRsaOaep({ privateKey: key, hash: OAEP_HASHES[algorithm], ciphertext });
  using pkcs8 = new SecretBytes(key.export());
  using privateKey = Sm2PrivateKey.fromPkcs8(pkcs8.bytes);
  return privateKey.decrypt(ciphertext);
}

/** Holds secret bytes as a task has them. `bytes` stay the caller's to clear. */
export function toSecretKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}
