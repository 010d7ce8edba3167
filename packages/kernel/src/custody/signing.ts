import { createPublicKey, hash, type KeyObject } from "node:crypto";

import {
  type EcCurve,
  EC_CURVES,
  hashInTurns,
  SecretBytes,
  signEcdsa,
  signEcdsaMessage,
  signEd25519,
  signMlDsa65,
  signRsa,
  sm2Digest,
  sm2DigestInTurns,
  Sm2PrivateKey,
  Sm2PublicKey,
  verifyEcdsa,
  verifyEd25519,
  verifyMlDsa65,
  verifyRsa,
} from "@cinnabar/crypto";

import type { AsymmetricSpec, KeySpec, SigningAlgorithm, ToSign } from "./key-spec.ts";
import type { PublicKey } from "./keystore.ts";

/** How an algorithm signs, and the hash function whose digests it signs, if it signs digests. */
const ALGORITHMS = {
  RSA_PSS_SHA_256: { kind: "rsa", padding: "PSS", hash: "sha256" },
  RSA_PKCS1_SHA_256: { kind: "rsa", padding: "PKCS1", hash: "sha256" },
  ECDSA_SHA_256: { kind: "ecdsa", hash: "sha256" },
  ECDSA_SHA_384: { kind: "ecdsa", hash: "sha384" },
  ECDSA_SHA_512: { kind: "ecdsa", hash: "sha512" },
  SM2DSA: { kind: "sm2" },
  ED25519: { kind: "ed25519" },
  ML_DSA_65: { kind: "ml-dsa" },
} as const satisfies Readonly<Record<SigningAlgorithm, object>>;

/** The longest message that is signed as it is where the algorithm signs digests, in bytes. */
const MAX_SHORT_MESSAGE_BYTES = 65_536;

/** Whether a signature takes so little that it is made at once. */
export function signsAtOnce(spec: KeySpec): boolean {
  return spec === "EC_P256" || spec === "ED25519";
}

/**
 * Signs with a private key.
 *
 * @param key - of SM2, a secret key that holds its PKCS #8; else the private key.
 * @throws RangeError if the key does not sign so, or the digest has another length.
 */
export function signWith(
  { spec, key }: { readonly spec: KeySpec; readonly key: KeyObject },
  algorithm: SigningAlgorithm,
  signed: ToSign,
): Buffer {
  const how = ALGORITHMS[algorithm];
  switch (how.kind) {
    case "rsa":
      return signRsa({ privateKey: key, padding: how.padding, digest: toDigest(signed, how.hash) });
    case "ecdsa": {
      const curve = toCurve(spec, how.hash);
      return "digest" in signed
        ? signEcdsa({ curve, privateKey: key, digest: signed.digest })
        : signEcdsaMessage({ curve, privateKey: key, message: signed.message });
    }
    case "sm2":
      return signSm2(key, signed);
    case "ed25519":
      return signEd25519({ privateKey: key, message: toMessage(signed) });
    case "ml-dsa":
      return signMlDsa65({ privateKey: key, message: toMessage(signed) });
  }
}

/**
 * Whether a signature is that of the public key's owner.
 *
 * @throws RangeError as {@link signWith}.
 */
export function verifyWith(
  { spec, spki }: Pick<PublicKey, "spec" | "spki">,
  algorithm: SigningAlgorithm,
  { signature, ...signed }: ToSign & { readonly signature: Uint8Array },
): boolean {
  const how = ALGORITHMS[algorithm];
  switch (how.kind) {
    case "rsa": {
      const digest = toDigest(signed, how.hash);
      return verifyRsa({ publicKey: openPublicKey(spki), padding: how.padding, digest, signature });
    }
    case "ecdsa": {
      const digest = toDigest(signed, how.hash);
      const curve = toCurve(spec, how.hash);
      return verifyEcdsa({ curve, publicKey: openPublicKey(spki), digest, signature });
    }
    case "sm2": {
      const publicKey = Sm2PublicKey.fromSpki(spki);
      return publicKey.verify(toSm2Digest(publicKey, signed), signature);
    }
    case "ed25519":
      return verifyEd25519({ publicKey: openPublicKey(spki), message: toMessage(signed), signature });
    case "ml-dsa":
      return verifyMlDsa65({ publicKey: openPublicKey(spki), message: toMessage(signed), signature });
  }
}

/**
 * What is to be signed, so that many can wait for their turn: of a long message the digest, where the algorithm signs digests,
 * made while others are served. A short one stays, since ECDSA of a message is all OpenSSL's, and faster.
 *
 * @param options.accountId - whose work it is: accounts take turns.
 * @param options.publicKey - that of SM2, whose digests bind it.
 */
export function shortened(
  algorithm: SigningAlgorithm,
  signed: ToSign,
  { accountId: whose, publicKey }: { readonly accountId: string; readonly publicKey: () => Sm2PublicKey },
): ToSign | Promise<ToSign> {
  if ("digest" in signed || signed.message.length <= MAX_SHORT_MESSAGE_BYTES) return signed;
  const how = ALGORITHMS[algorithm];
  const { message } = signed;
  if ("hash" in how) return asDigest(hashInTurns({ whose, hash: how.hash, message }));
  return how.kind === "sm2" ? asDigest(sm2DigestInTurns({ whose, publicKey: publicKey(), message })) : signed;
}

async function asDigest(digest: Promise<Uint8Array>): Promise<ToSign> {
  return { digest: await digest };
}

/** The public key of an SM2 private key that a secret key holds as its PKCS #8. */
export function sm2PublicKeyOf(key: KeyObject): Sm2PublicKey {
  using pkcs8 = new SecretBytes(key.export());
  using privateKey = Sm2PrivateKey.fromPkcs8(pkcs8.bytes);
  return privateKey.publicKey;
}

function signSm2(key: KeyObject, signed: ToSign): Buffer {
  using pkcs8 = new SecretBytes(key.export());
  using privateKey = Sm2PrivateKey.fromPkcs8(pkcs8.bytes);
  return privateKey.sign(toSm2Digest(privateKey.publicKey, signed));
}

function toSm2Digest(publicKey: Sm2PublicKey, signed: ToSign): Uint8Array {
  return "digest" in signed ? signed.digest : sm2Digest({ publicKey, message: signed.message });
}

const publicKeys = new WeakMap<Uint8Array, KeyObject>();

/** The public key, opened once for as long as somebody holds these very bytes. */
export function openPublicKey(spki: Uint8Array): KeyObject {
  let key = publicKeys.get(spki);
  if (key === undefined) {
    const der = Buffer.from(spki.buffer, spki.byteOffset, spki.length);
    key = createPublicKey({ key: der, format: "der", type: "spki" });
    publicKeys.set(spki, key);
  }
  return key;
}

function toDigest(signed: ToSign, algorithm: string): Uint8Array {
  return "digest" in signed ? signed.digest : hash(algorithm, signed.message, "buffer");
}

function toMessage(signed: ToSign): Uint8Array {
  if ("message" in signed) return signed.message;
  throw new RangeError("the algorithm signs messages, not digests");
}

function toCurve(spec: KeySpec | AsymmetricSpec, algorithm: string): EcCurve {
  if (isCurve(spec) && EC_CURVES[spec].hash === algorithm) return spec;
  throw new RangeError(`a key of the spec ${spec} does not sign digests of ${algorithm}`);
}

function isCurve(spec: string): spec is EcCurve {
  return Object.hasOwn(EC_CURVES, spec);
}
