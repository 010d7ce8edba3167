/** A file is not an intact encrypted file. The message completes a sentence that begins with the file's name. */
export class EnvelopeError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = "EnvelopeError";
  }
}
