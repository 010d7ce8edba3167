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
