/**
 * The root key was rotated, and this process has no way to the new one: an operator's command that had begun before.
 * The message is for the operator.
 */
export class RootKeyRotatedError extends Error {
  override readonly name = "RootKeyRotatedError";

  constructor() {
    super("The root key was rotated meanwhile; nothing was changed. Run the command again.");
  }
}
