import { type KeyObject, randomBytes } from "node:crypto";

import {
  computeMacInTurns,
  DecryptionError,
  encryptRsaOaep,
  type KeyPairBytes,
  KeyFormatError,
  SecretBytes,
  wrapKey,
} from "@cinnabar/crypto";

import type { KeyVersionId } from "../platform/ids.ts";
import { Lru } from "../platform/lru.ts";
import { proceed } from "../platform/proceed.ts";
import {
  type AsymmetricSpec,
  type EncryptionAlgorithm,
  MAX_ASYMMETRIC_CIPHERTEXT_BYTES,
  type SigningAlgorithm,
  type ToSign,
} from "./key-spec.ts";
import type { IvSource, KeyMaterial, Keystore, NewKeyVersion, PublicKey, StoredKeyVersion } from "./keystore.ts";
import { isMac, isSymmetric, keyMaterialIdentity, MACS, OpenedVersion, SYMMETRIC } from "./opened-version.ts";
import { openPublicKey, shortened, signsAtOnce, signWith, verifyWith } from "./signing.ts";
import { SlowCryptography } from "./slow-cryptography.ts";
import { OAEP_HASHES } from "./slow-task.ts";

const DEFAULT_CACHED_VERSIONS = 5_000;
/** A pair of ML-DSA-65 takes some 60 KiB once it is opened, and is opened in a tenth of the time of its signature. */
const CACHED_PAIRS = 500;
/** More versions than are erased while the longest call goes on. */
const REMEMBERED_ERASURES = 10_000;

/**
 * Keeps key material wrapped under account keys and does its cryptography in this process. What `seal` gives is a
 * nonce ‖ ciphertext ‖ 16-byte tag: for Aliyun_AES_256 of XAES-256-GCM (c2sp.org/XAES-256-GCM) with a nonce of 24 bytes, for
 * the other symmetric specs of GCM with one of 12 bytes, under HKDF-SHA256 of the material.
 *
 * Material is in the clear only while a key is derived from it. Of the versions used last, the derived keys stay, until the
 * version is told to be forgotten.
 *
 * What is done at once: symmetric ciphers, message authentication codes, Ed25519, signatures of P-256, and what RSA's public
 * keys do; of a long message in turns of the event loop. All else goes on in other threads, little of it at a time: see
 * {@link SlowCryptography}.
 */
export class SoftwareKeystore implements Keystore {
  readonly protectionLevel = "SOFTWARE";
  readonly #opened: Lru<KeyVersionId, OpenedVersion>;
  readonly #pairs = new Lru<KeyVersionId, OpenedVersion>(CACHED_PAIRS);
  /** Versions that were told to be forgotten, whether they have come back since or not. */
  readonly #forgotten = new Lru<KeyVersionId, true>(REMEMBERED_ERASURES);
  /** Of those, what was opened since: each no longer than whoever brought its row keeps that. */
  readonly #passing = new WeakMap<StoredKeyVersion, OpenedVersion>();
  readonly #slow: SlowCryptography;

  /**
   * @param options.cachedVersions - how many versions' derived keys stay in memory, about 1 KiB each: 5,000 by default.
   * @param options.slow - what bounds the slow work; one with the limits of this machine by default.
   */
  constructor(options: { readonly cachedVersions?: number; readonly slow?: SlowCryptography } = {}) {
    this.#opened = new Lru(options.cachedVersions ?? DEFAULT_CACHED_VERSIONS);
    this.#slow = options.slow ?? new SlowCryptography();
  }

  generate(version: NewKeyVersion): KeyMaterial | Promise<KeyMaterial> {
    const { spec, accountId } = version.identity;
    if (isSymmetric(spec)) return generateBytes(version, SYMMETRIC[spec].keyBytes);
    if (isMac(spec)) return generateBytes(version, MACS[spec].keyBytes);
    return wrapPair(version, this.#slow.generate(accountId, spec));
  }

  import(version: NewKeyVersion, { bytes }: SecretBytes): KeyMaterial | Promise<KeyMaterial> {
    const { spec, accountId } = version.identity;
    if (isSymmetric(spec)) return importBytes(version, { bytes, length: SYMMETRIC[spec].keyBytes });
    if (isMac(spec)) return importBytes(version, { bytes, length: MACS[spec].keyBytes });
    return wrapPair(version, this.#slow.parse(accountId, spec, bytes));
  }

  seal(version: StoredKeyVersion, plaintext: Uint8Array, aad: Uint8Array): Buffer {
    return this.#open(version).sealing.sealNext({ plaintext, aad });
  }

  open(version: StoredKeyVersion, box: Uint8Array, aad: Uint8Array): Buffer {
    const cipher = this.#open(version).sealing;
    const nonce = box.subarray(0, cipher.nonceBytes);
    return cipher.open({ nonce, box: box.subarray(cipher.nonceBytes), aad });
  }

  sealGcm(
    version: StoredKeyVersion,
    { iv, ivSource, plaintext, aad }: Parameters<Keystore["sealGcm"]>[1],
  ): Buffer | Promise<Buffer> {
    return this.#openGcm(version, ivSource).seal({ nonce: iv, plaintext, aad });
  }

  openGcm(
    version: StoredKeyVersion,
    { iv, ivSource, box, aad }: Parameters<Keystore["openGcm"]>[1],
  ): Buffer | Promise<Buffer> {
    return this.#openGcm(version, ivSource).open({ nonce: iv, box, aad });
  }

  sign(version: StoredKeyVersion, algorithm: SigningAlgorithm, signed: ToSign): Buffer | Promise<Buffer> {
    const pair = this.#openPair(version);
    const { accountId } = version.identity;
    if (signsAtOnce(pair.spec)) {
      return proceed(shortened(algorithm, signed, { accountId, publicKey: noSm2 }), (short) =>
        signWith(pair, algorithm, short),
      );
    }
    return this.#slow.sign(accountId, { ...pair, algorithm, signed });
  }

  decrypt(version: StoredKeyVersion, algorithm: EncryptionAlgorithm, ciphertext: Uint8Array): Promise<Buffer> {
    const { key } = this.#openPair(version);
    // A key is derived from a ciphertext of SM2 that is as long as itself.
    if (ciphertext.length > MAX_ASYMMETRIC_CIPHERTEXT_BYTES) throw new DecryptionError();
    return this.#slow.decrypt(version.identity.accountId, { key, algorithm, ciphertext });
  }

  mac(version: StoredKeyVersion, message: Uint8Array): Buffer | Promise<Buffer> {
    const { accountId, spec } = version.identity;
    if (!isMac(spec)) throw new RangeError(`a key of the spec ${spec} makes no message authentication codes`);
    return computeMacInTurns({ whose: accountId, hash: MACS[spec].hash, key: this.#open(version).macKey, message });
  }

  verify(
    { accountId, spec, spki }: PublicKey,
    algorithm: SigningAlgorithm,
    { signature, ...signed }: ToSign & { readonly signature: Uint8Array },
  ): boolean | Promise<boolean> {
    if (!verifiesAtOnce(spec)) return this.#slow.verify(accountId, { spec, spki, algorithm, signed, signature });
    return proceed(shortened(algorithm, signed, { accountId, publicKey: noSm2 }), (short) =>
      verifyWith({ spec, spki }, algorithm, { ...short, signature }),
    );
  }

  encrypt(
    { accountId, spki }: PublicKey,
    algorithm: EncryptionAlgorithm,
    plaintext: Uint8Array,
  ): Buffer | Promise<Buffer> {
    if (algorithm === "SM2PKE") return this.#slow.encryptSm2(accountId, { spki, plaintext });
    return encryptRsaOaep({ publicKey: openPublicKey(spki), hash: OAEP_HASHES[algorithm], plaintext });
  }

  /**
   * A call that goes on may still bring the row with what was erased. Its keys end with the row, which nobody keeps any more;
   * those of a row with material that was imported again stay as long as that row is cached.
   */
  forget(versionId: KeyVersionId): void {
    this.#forgotten.set(versionId, true);
    this.#opened.delete(versionId);
    this.#pairs.delete(versionId);
  }

  forgetAll(): void {
    this.#opened.clear();
    this.#pairs.clear();
  }

  #open(version: StoredKeyVersion): OpenedVersion {
    return this.#openIn(this.#opened, version);
  }

  #openGcm(version: StoredKeyVersion, ivSource: IvSource): OpenedVersion["given"] {
    const opened = this.#open(version);
    return ivSource === "random" ? opened.random : opened.given;
  }

  #openPair(version: StoredKeyVersion): { readonly spec: AsymmetricSpec; readonly key: KeyObject } {
    const { spec } = version.identity;
    if (isSymmetric(spec) || isMac(spec)) throw new RangeError(`a key of the spec ${spec} is no pair`);
    return { spec, key: this.#openIn(this.#pairs, version).privateKey };
  }

  #openIn(cache: Lru<KeyVersionId, OpenedVersion>, version: StoredKeyVersion): OpenedVersion {
    const { versionId } = version.identity;
    const known = cache.get(versionId);
    if (known?.version === version) return known;
    if (this.#forgotten.get(versionId) !== undefined) return this.#openInPassing(version);
    // A row that was swapped or altered has to fail as it would without a cache.
    const isKnown = known !== undefined && isSame(known.version, version);
    const opened = isKnown ? known.sameAs(version) : new OpenedVersion(version);
    cache.set(versionId, opened);
    return opened;
  }

  #openInPassing(version: StoredKeyVersion): OpenedVersion {
    const known = this.#passing.get(version);
    if (known !== undefined) return known;
    const opened = new OpenedVersion(version);
    this.#passing.set(version, opened);
    return opened;
  }
}

function noSm2(): never {
  throw new RangeError("SM2 neither signs nor verifies at once");
}

/** Whether a signature takes so little to verify that it is done at once. */
function verifiesAtOnce(spec: AsymmetricSpec): boolean {
  return spec === "ED25519" || spec.startsWith("RSA_");
}

function generateBytes(version: NewKeyVersion, bytes: number): KeyMaterial {
  using material = new SecretBytes(randomBytes(bytes));
  return wrap(version, material.bytes);
}

function importBytes(
  version: NewKeyVersion,
  { bytes, length }: { readonly bytes: Uint8Array; readonly length: number },
): KeyMaterial {
  if (bytes.length === length) return wrap(version, bytes);
  throw new KeyFormatError(`A key of the spec ${version.identity.spec} is ${length} bytes.`);
}

/** Clears the private key. */
async function wrapPair(version: NewKeyVersion, made: Promise<KeyPairBytes>): Promise<KeyMaterial> {
  const { privateKey, publicKey } = await made;
  using pkcs8 = new SecretBytes(privateKey);
  return { ...wrap(version, pkcs8.bytes), publicKey };
}

function wrap({ identity, accountKey }: NewKeyVersion, material: Uint8Array): KeyMaterial {
  return { material: wrapKey({ wrappingKey: accountKey, material, identity: keyMaterialIdentity(identity) }) };
}

function isSame(a: StoredKeyVersion, b: StoredKeyVersion): boolean {
  const [partsOfA, partsOfB] = [keyMaterialIdentity(a.identity), keyMaterialIdentity(b.identity)];
  return (
    partsOfA.every((part, i) => part === partsOfB[i]) &&
    Buffer.compare(a.material, b.material) === 0 &&
    a.accountKey.equals(b.accountKey)
  );
}
