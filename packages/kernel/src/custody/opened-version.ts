import { createPrivateKey, createSecretKey, type KeyObject } from "node:crypto";

import {
  AES_GCM,
  AuthenticationError,
  deriveKey,
  lengthPrefixed,
  type MacHash,
  openAesGcm,
  openAesGcmInTurns,
  openSm4Gcm,
  randomBytesPooled,
  sealAesGcm,
  sealAesGcmInTurns,
  sealSm4Gcm,
  SecretBytes,
  TURN_BYTES,
  unwrapKey,
  Xaes256Gcm,
  XAES_256_GCM,
} from "@cinnabar/crypto";

import type { KeySpec, MacSpec, SymmetricSpec } from "./key-spec.ts";
import type { KeyVersionIdentity, StoredKeyVersion } from "./keystore.ts";

/**
 * What begins HKDF's info for the key of every use that a symmetric key's material is put to: none is of use for another. GCM's
 * has the version's id too, so that the same material in two versions is two keys: messages are counted for each version by
 * itself, and nothing that one sealed opens under the other. XAES-256-GCM has it in the associated data.
 */
const LABELS = {
  "xaes-256-gcm": "cinnabar key version v1: XAES-256-GCM encrypt",
  "gcm-counted": "cinnabar key version v1: GCM encrypt, nonces drawn here",
  "gcm-random": "cinnabar key version v1: GCM encrypt, instance protocol, random nonces",
  "gcm-given": "cinnabar key version v1: GCM encrypt, instance protocol, nonces given",
} as const;

/**
 * How a symmetric key does its work. `sealing` is what Encrypt of the RPC API uses: `gcm-counted` is GCM with random
 * nonces of 96 bits, safe for 2^32 messages of a version (NIST SP 800-38D, section 8.3), so that whoever seals counts.
 */
export const SYMMETRIC: Readonly<
  Record<SymmetricSpec, { readonly keyBytes: number; readonly sealing: "xaes-256-gcm" | "gcm-counted" }>
> = {
  Aliyun_AES_256: { keyBytes: 32, sealing: "xaes-256-gcm" },
  Aliyun_AES_192: { keyBytes: 24, sealing: "gcm-counted" },
  Aliyun_AES_128: { keyBytes: 16, sealing: "gcm-counted" },
  Aliyun_SM4: { keyBytes: 16, sealing: "gcm-counted" },
};

/** The hash of each MAC, and the length in bytes of a key that is made here: the hash's (RFC 2104, section 3). */
export const MACS: Readonly<Record<MacSpec, { readonly hash: MacHash; readonly keyBytes: number }>> = {
  HMAC_SHA_224: { hash: "SHA_224", keyBytes: 28 },
  HMAC_SHA_256: { hash: "SHA_256", keyBytes: 32 },
  HMAC_SHA_384: { hash: "SHA_384", keyBytes: 48 },
  HMAC_SHA_512: { hash: "SHA_512", keyBytes: 64 },
  HMAC_SM3: { hash: "SM3", keyBytes: 32 },
};

export function isSymmetric(spec: KeySpec): spec is SymmetricSpec {
  return Object.hasOwn(SYMMETRIC, spec);
}

export function isMac(spec: KeySpec): spec is MacSpec {
  return Object.hasOwn(MACS, spec);
}

interface Box {
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
  readonly aad: Uint8Array;
}

interface Message {
  readonly plaintext: Uint8Array;
  readonly aad: Uint8Array;
}

/** Seals under one key with one mode of operation, and nonces that it draws itself. */
interface SealingCipher {
  readonly nonceBytes: number;
  /** Gives nonce ‖ box. */
  sealNext(message: Message): Buffer;
  open(box: Box): Buffer;
}

/** The same with nonces that it is given. */
interface Cipher {
  seal(message: Message & { readonly nonce: Uint8Array }): Buffer;
  open(box: Box): Buffer;
}

/** The same for messages of any length: of long ones there is a promise, and the event loop has its turns meanwhile. */
interface LongCipher {
  seal(message: Message & { readonly nonce: Uint8Array }): Buffer | Promise<Buffer>;
  open(box: Box): Buffer | Promise<Buffer>;
}

/** The keys of a version that its uses have asked for so far. Its material is in the clear only while one is made. */
export class OpenedVersion {
  readonly version: StoredKeyVersion;
  #sealing: SealingCipher | undefined;
  #random: LongCipher | undefined;
  #given: LongCipher | undefined;
  #mac: KeyObject | undefined;
  #private: KeyObject | undefined;

  constructor(version: StoredKeyVersion) {
    this.version = version;
  }

  /** As of the same version, read from the store again. */
  sameAs(version: StoredKeyVersion): OpenedVersion {
    const same = new OpenedVersion(version);
    same.#sealing = this.#sealing;
    same.#random = this.#random;
    same.#given = this.#given;
    same.#mac = this.#mac;
    same.#private = this.#private;
    return same;
  }

  /** What Encrypt of the RPC API uses. */
  get sealing(): SealingCipher {
    return (this.#sealing ??= openSealing(this.version));
  }

  /** GCM of the instance protocol, with random nonces. */
  get random(): LongCipher {
    return (this.#random ??= openLongGcm(this.version, LABELS["gcm-random"]));
  }

  /** The same with nonces that callers give: whoever gives one twice comes to know this key's authentication, and no other's. */
  get given(): LongCipher {
    return (this.#given ??= openLongGcm(this.version, LABELS["gcm-given"]));
  }

  /** The key of a MAC: the material itself, so that whoever brings one gets the codes that it makes elsewhere. */
  get macKey(): KeyObject {
    return (this.#mac ??= openMacKey(this.version));
  }

  /** The private key of a pair; of SM2, a secret key that holds its PKCS #8. */
  get privateKey(): KeyObject {
    return (this.#private ??= openPrivateKey(this.version));
  }
}

function openSealing(version: StoredKeyVersion): SealingCipher {
  const { sealing } = SYMMETRIC[symmetricSpec(version)];
  if (sealing === "gcm-counted") {
    const { nonceBytes } = AES_GCM;
    const cipher = openGcm(version, LABELS[sealing]);
    const sealNext = (message: Message): Buffer => {
      const nonce = randomBytesPooled(nonceBytes);
      return Buffer.concat([nonce, cipher.seal({ nonce, ...message })]);
    };
    return { nonceBytes, sealNext, open: (box) => cipher.open(box) };
  }
  const cipher = new Xaes256Gcm(derive(version, LABELS[sealing]));
  return {
    nonceBytes: XAES_256_GCM.nonceBytes,
    sealNext: (message) => cipher.sealNext(message),
    open: (box) => cipher.open(box),
  };
}

function openGcm(version: StoredKeyVersion, label: string): Cipher {
  return gcmOf(version, deriveOwn(version, label));
}

function gcmOf({ identity: { spec } }: StoredKeyVersion, key: KeyObject): Cipher {
  const isSm4 = spec === "Aliyun_SM4";
  return {
    seal: (message) => (isSm4 ? sealSm4Gcm : sealAesGcm)({ key, ...message }).box,
    open: (box) => (isSm4 ? openSm4Gcm : openAesGcm)({ key, ...box }),
  };
}

/** SM4 seals what is long at once: whoever calls takes care that little is. */
function openLongGcm(version: StoredKeyVersion, label: string): LongCipher {
  const { accountId: whose, spec } = version.identity;
  const key = deriveOwn(version, label);
  const short = gcmOf(version, key);
  if (spec === "Aliyun_SM4") return short;
  return {
    seal: (message) =>
      message.plaintext.length > TURN_BYTES ? sealAesGcmInTurns({ whose, key, ...message }) : short.seal(message),
    open: (box) => (box.box.length > TURN_BYTES ? openAesGcmInTurns({ whose, key, ...box }) : short.open(box)),
  };
}

function openPrivateKey(version: StoredKeyVersion): KeyObject {
  using pkcs8 = unwrapMaterial(version);
  const { buffer, byteOffset, length } = pkcs8.bytes;
  const der = Buffer.from(buffer, byteOffset, length);
  if (version.identity.spec === "EC_SM2") return createSecretKey(der);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function openMacKey(version: StoredKeyVersion): KeyObject {
  using material = unwrapMaterial(version);
  return createSecretKey(material.bytes);
}

/** As {@link derive}, a key that no other version has, whatever its material is. */
function deriveOwn(version: StoredKeyVersion, label: string): KeyObject {
  return derive(version, lengthPrefixed([label, version.identity.versionId]));
}

function derive(version: StoredKeyVersion, label: string | Uint8Array): KeyObject {
  const { keyBytes } = SYMMETRIC[symmetricSpec(version)];
  using material = unwrapMaterial(version);
  if (material.bytes.length !== keyBytes) throw new AuthenticationError();
  return deriveKey({ key: createSecretKey(material.bytes), label, bytes: keyBytes });
}

function symmetricSpec({ identity: { spec } }: StoredKeyVersion): SymmetricSpec {
  if (isSymmetric(spec)) return spec;
  throw new RangeError(`a key of the spec ${spec} has no cipher`);
}

/** The version's material. @throws AuthenticationError if it was wrapped as that of another version, or under another key. */
function unwrapMaterial({ identity, material: wrapped, accountKey }: StoredKeyVersion): SecretBytes {
  return new SecretBytes(unwrapKey({ wrappingKey: accountKey, wrapped, identity: keyMaterialIdentity(identity) }));
}

/** What wrapped material is bound to. */
export function keyMaterialIdentity({ accountId, keyId, versionId, spec, origin }: KeyVersionIdentity): string[] {
  return ["key version", accountId, keyId, versionId, spec, origin];
}
