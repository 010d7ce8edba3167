/** Something that only the operator can put right. The message is a sentence to print as it is; it holds no secret. */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
}

/** The command was called in a way that cannot work: it ends with code 2. */
export class UsageError extends OperatorError {}
