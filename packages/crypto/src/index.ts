export { type AesKeyWrap, unwrapAesKey, wrapAesKey } from "./aes-key-wrap.ts";
export { AES_GCM, openAesGcm, openAesGcmInTurns, sealAesGcm, sealAesGcmInTurns } from "./aes-gcm.ts";
export { signEd25519, verifyEd25519 } from "./ed25519.ts";
export { type EcCurve, EC_CURVES, signEcdsa, signEcdsaMessage, verifyEcdsa } from "./elliptic-curve.ts";
export { lengthPrefixed } from "./encoding.ts";
export { AuthenticationError, DecryptionError, KeyFormatError } from "./errors.ts";
export { deriveBytes, deriveKey } from "./hkdf.ts";
export { IMPORT_WRAPPINGS, type ImportWrapping, unwrapForImport, wrapForImport } from "./import-wrapping.ts";
export { hashInTurns, inTurns, ownTurn, TURN_BYTES } from "./in-turns.ts";
export { generateKeyPair, type KeyPairBytes, type KeyPairSpec, parsePrivateKey, parsePublicKey } from "./key-pair.ts";
export { unwrapKey, wrapKey } from "./key-wrap.ts";
export { computeMac, computeMacInTurns, MAC_HASHES, type MacHash } from "./mac.ts";
export { ML_DSA_65, signMlDsa65, verifyMlDsa65 } from "./ml-dsa.ts";
export { encodePkcs12 } from "./pkcs12.ts";
export { randomBytesPooled } from "./random.ts";
export {
  decryptRsaOaep,
  decryptRsaPkcs1,
  encryptRsaOaep,
  encryptRsaPkcs1,
  maxOaepPlaintextBytes,
  type OaepHash,
  type RsaPadding,
  signRsa,
  verifyRsa,
} from "./rsa.ts";
export { SecretBytes } from "./secret-bytes.ts";
export { newCertificateSerial } from "./certificate-serial.ts";
export { selfSignedCertificate } from "./self-signed-certificate.ts";
export {
  SM2,
  SM2_DEFAULT_USER_ID,
  type Sm2CiphertextForm,
  sm2Digest,
  sm2DigestInTurns,
  Sm2PrivateKey,
  Sm2PublicKey,
} from "./sm2.ts";
export { openSm4Gcm, sealSm4Gcm, SM4_GCM } from "./sm4-gcm.ts";
export { openStream, plaintextSize, sealedSize, sealStream, STREAM, StreamOpener, StreamSealer } from "./stream.ts";
export { TurnLine } from "./turn-line.ts";
export { XAES_256_GCM, Xaes256Gcm } from "./xaes-256-gcm.ts";
