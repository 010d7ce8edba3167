/**
 * The bytes are not what the holder of the key made: altered, cut short, made under another key,
 * or presented with other associated data. It says no more than that, so that nobody learns which.
 */
export class AuthenticationError extends Error {
  override readonly name = "AuthenticationError";

  constructor() {
    super("The data could not be authenticated.");
  }
}

/** A ciphertext does not decrypt under a private or wrapping key. It says no more than that, so that nobody learns why. */
export class DecryptionError extends Error {
  override readonly name = "DecryptionError";

  constructor() {
    super("The data could not be decrypted.");
  }
}

/**
 * Bytes are not the key they are said to be: not DER, of another algorithm or size, or with parts that do not belong
 * together. The message says what is wrong, and nothing of the key itself.
 */
export class KeyFormatError extends Error {
  override readonly name = "KeyFormatError";
}
