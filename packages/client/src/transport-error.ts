/**
 * No answer of the service was received: it could not be reached or trusted, was too slow, or what answered is not a
 * key management service. Whether the call took effect is unknown.
 */
export class TransportError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = "TransportError";
  }
}
