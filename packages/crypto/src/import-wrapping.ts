import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  randomBytes,
} from "node:crypto";

import { DecryptionError } from "./errors.ts";
import { type KeyPairSpec, parsePublicKey } from "./key-pair.ts";
import { padPkcs7, unpadPkcs7 } from "./pkcs7.ts";
import { decryptRsaOaep, decryptRsaPkcs1, encryptRsaOaep, encryptRsaPkcs1 } from "./rsa.ts";
import { SecretBytes } from "./secret-bytes.ts";
import { SM2, Sm2PrivateKey, Sm2PublicKey } from "./sm2.ts";

/** How key material is wrapped on its way in, and what is wrapped. */
interface Wrapping {
  readonly wrappingKeySpec: KeyPairSpec;
  /**
   * - `raw`: symmetric material, encrypted under the wrapping key itself.
   * - `pkcs8`: RSA-OAEP of a fresh AES-256 key ‖ AES-256-ECB, with PKCS #7 padding, of a private key in DER PKCS #8.
   * - `scalar`: SM2 of a fresh SM4 key ‖ SM4-ECB, without padding, of the 32 bytes of an SM2 private key.
   */
  readonly carries: "raw" | "pkcs8" | "scalar";
}

/** The forms of `ImportKeyMaterial`, under their published names. SM2 ciphertexts are 04 ‖ C1 ‖ C3 ‖ C2. */
export const IMPORT_WRAPPINGS = {
  RSAES_PKCS1_V1_5: { wrappingKeySpec: "RSA_2048", carries: "raw" },
  RSAES_OAEP_SHA_1: { wrappingKeySpec: "RSA_2048", carries: "raw" },
  RSAES_OAEP_SHA_256: { wrappingKeySpec: "RSA_2048", carries: "raw" },
  RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD: { wrappingKeySpec: "RSA_2048", carries: "pkcs8" },
  SM2PKE: { wrappingKeySpec: "EC_SM2", carries: "raw" },
  SM2PKE_SM4_ECB: { wrappingKeySpec: "EC_SM2", carries: "scalar" },
} as const satisfies Readonly<Record<string, Wrapping>>;

export type ImportWrapping = keyof typeof IMPORT_WRAPPINGS;

const AES = { cipher: "aes-256-ecb", keyBytes: 32, blockBytes: 16 } as const;
const SM4 = { cipher: "sm4-ecb", keyBytes: 16 } as const;
const RSA_BYTES = 256;

/**
 * Wraps key material for import. `material` stays the caller's to clear.
 *
 * @param input.wrappingKey - a DER SubjectPublicKeyInfo, of the form's `wrappingKeySpec`.
 * @param input.material - what the form carries.
 * @throws KeyFormatError if the wrapping key is not such a key.
 * @throws RangeError if the form cannot carry material of this length.
 */
export function wrapForImport(input: {
  readonly wrapping: ImportWrapping;
  readonly wrappingKey: Uint8Array;
  readonly material: Uint8Array;
}): Buffer {
  const { wrapping, wrappingKey, material } = input;
  switch (wrapping) {
    case "RSAES_PKCS1_V1_5":
      return encryptRsaPkcs1({ publicKey: rsaPublicKey(wrappingKey), plaintext: material });
    case "RSAES_OAEP_SHA_1":
      return encryptRsaOaep({ publicKey: rsaPublicKey(wrappingKey), hash: "SHA_1", plaintext: material });
    case "RSAES_OAEP_SHA_256":
      return encryptRsaOaep({ publicKey: rsaPublicKey(wrappingKey), hash: "SHA_256", plaintext: material });
    case "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD": {
      using key = new SecretBytes(randomBytes(AES.keyBytes));
      using padded = new SecretBytes(padPkcs7(material, AES.blockBytes));
      const first = encryptRsaOaep({ publicKey: rsaPublicKey(wrappingKey), hash: "SHA_256", plaintext: key.bytes });
      return Buffer.concat([first, encryptBlocks(AES.cipher, key.bytes, padded.bytes)]);
    }
    case "SM2PKE":
      return Sm2PublicKey.fromSpki(wrappingKey).encrypt(material, "raw");
    case "SM2PKE_SM4_ECB": {
      if (material.length !== SM2.scalarBytes) throw new RangeError("the private scalar of an SM2 key is 32 bytes");
      using key = new SecretBytes(randomBytes(SM4.keyBytes));
      const first = Sm2PublicKey.fromSpki(wrappingKey).encrypt(key.bytes, "raw");
      return Buffer.concat([first, encryptBlocks(SM4.cipher, key.bytes, material)]);
    }
  }
}

/**
 * Unwraps what {@link wrapForImport} wrapped. The caller clears the result. Of a private key, only that it was wrapped
 * is sure: `parsePrivateKey` and `Sm2PrivateKey.fromScalar` say whether it is one.
 *
 * Whoever answers requests with this tells all failures alike, those of the private key inside included: an answer that
 * tells wrong padding from a wrong key decrypts what others wrapped, one question after the other. For that reason
 * RSAES_PKCS1_V1_5 rejects implicitly (see `decryptRsaPkcs1`): about one in 250 ciphertexts that are none gives material
 * that nobody knows. Its digest shows that it is not what was wrapped.
 *
 * @param input.wrappingKey - DER PKCS #8, of the form's `wrappingKeySpec`. Stays the caller's to clear.
 * @param input.materialBytes - the exact length of raw material; of no meaning for the other forms.
 * @throws DecryptionError whatever is wrong with `wrapped`.
 */
export function unwrapForImport(input: {
  readonly wrapping: ImportWrapping;
  readonly wrappingKey: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly materialBytes: number;
}): Buffer {
  const { wrapping, wrappingKey, wrapped, materialBytes } = input;
  switch (wrapping) {
    case "RSAES_PKCS1_V1_5":
      return decryptRsaPkcs1({
        privateKey: rsaPrivateKey(wrappingKey),
        ciphertext: wrapped,
        plaintextBytes: materialBytes,
      });
    case "RSAES_OAEP_SHA_1":
      return ofLength(materialBytes, decryptOaep(wrappingKey, "SHA_1", wrapped));
    case "RSAES_OAEP_SHA_256":
      return ofLength(materialBytes, decryptOaep(wrappingKey, "SHA_256", wrapped));
    case "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD": {
      const blocks = wrapped.subarray(RSA_BYTES);
      using key = new SecretBytes(
        ofLength(AES.keyBytes, decryptOaep(wrappingKey, "SHA_256", wrapped.subarray(0, RSA_BYTES))),
      );
      if (blocks.length === 0 || blocks.length % AES.blockBytes !== 0) throw new DecryptionError();
      using padded = new SecretBytes(decryptBlocks(AES.cipher, key.bytes, blocks));
      return Buffer.from(unpadPkcs7(padded.bytes, AES.blockBytes));
    }
    case "SM2PKE": {
      using key = Sm2PrivateKey.fromPkcs8(wrappingKey);
      return ofLength(materialBytes, key.decrypt(wrapped));
    }
    case "SM2PKE_SM4_ECB": {
      const split = wrapped.length - SM2.scalarBytes;
      if (split <= 0) throw new DecryptionError();
      using wrapper = Sm2PrivateKey.fromPkcs8(wrappingKey);
      using key = new SecretBytes(ofLength(SM4.keyBytes, wrapper.decrypt(wrapped.subarray(0, split))));
      return decryptBlocks(SM4.cipher, key.bytes, wrapped.subarray(split));
    }
  }
}

function rsaPublicKey(spki: Uint8Array) {
  return createPublicKey({ key: parsePublicKey("RSA_2048", spki), format: "der", type: "spki" });
}

function rsaPrivateKey(pkcs8: Uint8Array) {
  return createPrivateKey({
    key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length),
    format: "der",
    type: "pkcs8",
  });
}

function decryptOaep(wrappingKey: Uint8Array, hash: "SHA_1" | "SHA_256", ciphertext: Uint8Array): Buffer {
  return decryptRsaOaep({ privateKey: rsaPrivateKey(wrappingKey), hash, ciphertext });
}

function ofLength(length: number, material: Buffer): Buffer {
  if (material.length === length) return material;
  material.fill(0);
  throw new DecryptionError();
}

/** Whole blocks, each by itself and without padding. */
function encryptBlocks(cipher: "aes-256-ecb" | "sm4-ecb", key: Uint8Array, blocks: Uint8Array): Buffer {
  return createCipheriv(cipher, createSecretKey(key), null).setAutoPadding(false).update(blocks);
}

function decryptBlocks(cipher: "aes-256-ecb" | "sm4-ecb", key: Uint8Array, blocks: Uint8Array): Buffer {
  return createDecipheriv(cipher, createSecretKey(key), null).setAutoPadding(false).update(blocks);
}
