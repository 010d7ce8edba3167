/** What a server proves itself with, both PEM. */
export interface TlsMaterial {
  /** The server's certificate, then its intermediates. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** What clients are told to trust, PEM: the CA's certificate, or those that the server's comes with. */
  readonly ca?: string | undefined;
  /** End of the certificate's validity, in milliseconds since 1970. */
  readonly validUntil: number;
}
