import { createHash, createHmac, type KeyObject } from "node:crypto";

import { IMPORT_WRAPPINGS, lengthPrefixed, SecretBytes, Sm2PrivateKey, wrapKey } from "@cinnabar/crypto";

import type { AccountKeys } from "./account-keys.ts";
import { type ImportToken, type ImportTokenFacts, sealImportToken } from "./import-token.ts";
import type { KeySpec } from "./key-spec.ts";
import type { KeyMaterial, Keystore, KeyVersionIdentity, NewKeyVersion } from "./keystore.ts";
import { isMac, isSymmetric, keyMaterialIdentity, MACS, SYMMETRIC } from "./opened-version.ts";
import type { SlowCryptography } from "./slow-cryptography.ts";

const NOTHING = Buffer.alloc(0);

/** What somebody needs who is to wrap key material for its import. */
export interface ImportParameters {
  /** The DER SubjectPublicKeyInfo of a pair that was made for this alone. */
  readonly publicKey: Uint8Array;
  readonly token: Uint8Array;
}

/** Imported material, as it is stored and recognised. */
export interface ImportedMaterial {
  readonly made: KeyMaterial;
  /** Length of what was unwrapped: of a pair, its PKCS #8 or its scalar. */
  readonly bytes: number;
  /** 32 bytes that are the same for the same material in the same key, and tell nobody anything without a key of ours. */
  readonly digest: Uint8Array;
  /**
   * What whoever wrapped the material computes too, in lower-case hexadecimal: of a pair, the SHA-256 of its
   * SubjectPublicKeyInfo; of other keys, HMAC-SHA-256 of the material under the import token's bytes. Without the token, which
   * stands in no record, nobody can try guesses against it.
   */
  readonly fingerprint: string;
}

/**
 * Takes in the key material of others: it makes the pairs under which it comes wrapped, and unwraps it. Here alone, and in the
 * keystore, it is in the clear.
 */
export class MaterialImport {
  readonly #digestKey: KeyObject;
  readonly #keystore: Keystore;
  readonly #slow: SlowCryptography;

  constructor(options: { digestKey: KeyObject; keystore: Keystore; slow: SlowCryptography }) {
    this.#digestKey = options.digestKey;
    this.#keystore = options.keystore;
    this.#slow = options.slow;
  }

  /**
   * A new wrapping pair, whose private half is in the token alone.
   *
   * @throws TooBusyError if many pairs are being made already.
   */
  async newParameters(facts: ImportTokenFacts, accountKey: AccountKeys["current"]): Promise<ImportParameters> {
    const { wrappingKeySpec } = IMPORT_WRAPPINGS[facts.wrapping];
    const pair = await this.#slow.generate(facts.accountId, wrappingKeySpec);
    using privateKey = new SecretBytes(pair.privateKey);
    return {
      publicKey: pair.publicKey,
      token: sealImportToken(facts, { privateKey: privateKey.bytes, accountKey }),
    };
  }

  /**
   * Unwraps material and gives it to the keystore.
   *
   * @param version - the one that the token is for.
   * @throws DecryptionError or KeyFormatError, of which nobody may learn which it was: see `unwrapForImport`.
   * @throws TooBusyError if much slow work is waiting.
   */
  async take(
    version: NewKeyVersion,
    { token, wrapped }: { readonly token: ImportToken; readonly wrapped: Uint8Array },
  ): Promise<ImportedMaterial> {
    const { identity } = version;
    const { wrapping } = token.facts;
    using wrappingKey = token.openPrivateKey();
    const materialBytes = materialBytesOf(identity.spec);
    const input = { wrapping, wrappingKey: wrappingKey.bytes, wrapped, materialBytes };
    using unwrapped = new SecretBytes(await this.#slow.unwrap(identity.accountId, input));
    const { bytes } = unwrapped;
    using encoded = IMPORT_WRAPPINGS[wrapping].carries === "scalar" ? encodeScalar(bytes) : undefined;
    const made = await this.#keystore.import(version, encoded ?? unwrapped);
    return {
      made,
      bytes: bytes.length,
      // Of a pair there are many encodings.
      digest: this.#digest(identity, made.publicKey ?? bytes),
      fingerprint:
        made.publicKey === undefined
          ? createHmac("sha256", token.bytes).update(bytes).digest("hex")
          : createHash("sha256").update(made.publicKey).digest("hex"),
    };
  }

  #digest({ accountId, keyId, spec }: KeyVersionIdentity, recognised: Uint8Array): Buffer {
    const context = lengthPrefixed(["imported material", accountId, keyId, spec]);
    return createHmac("sha256", this.#digestKey).update(context).update(recognised).digest();
  }
}

/** What stands in the store for the material of a version that has none: nothing, wrapped as material is. */
export function noMaterial({ identity, accountKey }: NewKeyVersion): KeyMaterial {
  return { material: wrapKey({ wrappingKey: accountKey, material: NOTHING, identity: keyMaterialIdentity(identity) }) };
}

/** The length of raw material; 0 of pairs, whose encodings have no certain one. */
function materialBytesOf(spec: KeySpec): number {
  if (isSymmetric(spec)) return SYMMETRIC[spec].keyBytes;
  return isMac(spec) ? MACS[spec].keyBytes : 0;
}

function encodeScalar(scalar: Uint8Array): SecretBytes {
  using key = Sm2PrivateKey.fromScalar(scalar);
  return new SecretBytes(key.toPkcs8());
}
