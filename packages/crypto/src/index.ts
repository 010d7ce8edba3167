export { AES_GCM, openAesGcm, sealAesGcm } from "./aes-gcm.ts";
export { lengthPrefixed } from "./encoding.ts";
export { AuthenticationError } from "./errors.ts";
export { deriveBytes, deriveKey } from "./hkdf.ts";
export { unwrapKey, wrapKey } from "./key-wrap.ts";
export { randomBytesPooled } from "./random.ts";
export { SecretBytes } from "./secret-bytes.ts";
export { openStream, plaintextSize, sealedSize, sealStream, STREAM, StreamOpener, StreamSealer } from "./stream.ts";
export { XAES_256_GCM, Xaes256Gcm } from "./xaes-256-gcm.ts";
