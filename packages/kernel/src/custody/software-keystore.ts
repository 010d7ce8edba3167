import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import {
  AuthenticationError,
  deriveKey,
  randomBytesPooled,
  SecretBytes,
  unwrapKey,
  wrapKey,
  Xaes256Gcm,
  XAES_256_GCM,
} from "@cinnabar/crypto";

import type { KeyVersionId } from "../platform/ids.ts";
import { Lru } from "../platform/lru.ts";
import type { KeySpec, Keystore, KeyVersionIdentity, StoredKeyVersion } from "./keystore.ts";

/** For each spec the length of its material, and HKDF's info for the key that does its work. */
const SPECS: Readonly<Record<KeySpec, { readonly materialBytes: number; readonly sealLabel: string }>> = {
  Aliyun_AES_256: { materialBytes: 32, sealLabel: "cinnabar key version v1: XAES-256-GCM encrypt" },
};

const DEFAULT_CACHED_VERSIONS = 5_000;

interface Opened {
  readonly version: StoredKeyVersion;
  readonly cipher: Xaes256Gcm;
}

/**
 * Keeps key material wrapped under account keys and does its cryptography in this process. A box is a random 24-byte
 * nonce ‖ ciphertext ‖ 16-byte tag of XAES-256-GCM (c2sp.org/XAES-256-GCM), under HKDF-SHA256 of the material.
 *
 * Material is in the clear only while a key is derived from it. Of the versions used last, the derived key stays.
 */
export class SoftwareKeystore implements Keystore {
  readonly protectionLevel = "SOFTWARE";
  readonly #opened: Lru<KeyVersionId, Opened>;

  /** @param options.cachedVersions - how many derived keys stay in memory, about 1 KiB each: 5,000 by default. */
  constructor(options: { readonly cachedVersions?: number } = {}) {
    this.#opened = new Lru(options.cachedVersions ?? DEFAULT_CACHED_VERSIONS);
  }

  generate({ identity, accountKey }: Omit<StoredKeyVersion, "material">): Buffer {
    using material = new SecretBytes(randomBytes(SPECS[identity.spec].materialBytes));
    return wrapKey({ wrappingKey: accountKey, material: material.bytes, identity: keyMaterialIdentity(identity) });
  }

  seal(version: StoredKeyVersion, plaintext: Uint8Array, aad: Uint8Array): Buffer {
    const nonce = randomBytesPooled(XAES_256_GCM.nonceBytes);
    return Buffer.concat([nonce, this.#cipher(version).seal({ nonce, plaintext, aad })]);
  }

  open(version: StoredKeyVersion, box: Uint8Array, aad: Uint8Array): Buffer {
    const cipher = this.#cipher(version);
    const nonce = box.subarray(0, XAES_256_GCM.nonceBytes);
    return cipher.open({ nonce, box: box.subarray(XAES_256_GCM.nonceBytes), aad });
  }

  forget(versionId: KeyVersionId): void {
    this.#opened.delete(versionId);
  }

  forgetAll(): void {
    this.#opened.clear();
  }

  #cipher(version: StoredKeyVersion): Xaes256Gcm {
    const { versionId } = version.identity;
    const known = this.#opened.get(versionId);
    if (known?.version === version) return known.cipher;
    // A row that was swapped or altered has to fail as it would without a cache.
    const isKnown = known !== undefined && isSame(known.version, version);
    const cipher = isKnown ? known.cipher : new Xaes256Gcm(deriveSealKey(version));
    this.#opened.set(versionId, { version, cipher });
    return cipher;
  }
}

function deriveSealKey({ identity, material: wrapped, accountKey }: StoredKeyVersion): KeyObject {
  const { materialBytes, sealLabel } = SPECS[identity.spec];
  using material = new SecretBytes(
    unwrapKey({ wrappingKey: accountKey, wrapped, identity: keyMaterialIdentity(identity) }),
  );
  if (material.bytes.length !== materialBytes) throw new AuthenticationError();
  return deriveKey({ key: createSecretKey(material.bytes), label: sealLabel });
}

function isSame(a: StoredKeyVersion, b: StoredKeyVersion): boolean {
  const [partsOfA, partsOfB] = [keyMaterialIdentity(a.identity), keyMaterialIdentity(b.identity)];
  return (
    partsOfA.every((part, i) => part === partsOfB[i]) &&
    Buffer.compare(a.material, b.material) === 0 &&
    a.accountKey.equals(b.accountKey)
  );
}

/** What wrapped material is bound to. */
export function keyMaterialIdentity({ accountId, keyId, versionId, spec, origin }: KeyVersionIdentity): string[] {
  return ["key version", accountId, keyId, versionId, spec, origin];
}
