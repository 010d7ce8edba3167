/** What a server proves itself with, both PEM. */
export interface TlsMaterial {
  /** The server's certificate, then its intermediates. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** End of the certificate's validity, in milliseconds since 1970. */
  readonly validUntil: number;
}
