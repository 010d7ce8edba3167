/** A keystore has as much slow work to do for an account as it takes. Its caller may try again in a second. */
export class TooBusyError extends Error {
  override readonly name = "TooBusyError";

  constructor() {
    super("too much slow cryptography is waiting for its turn");
  }
}
