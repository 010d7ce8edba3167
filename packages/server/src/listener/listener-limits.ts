/** What anybody may ask of the listener before being known. */
export interface ListenerLimits {
  /** Bytes of the request line and the headers. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** As `bodyBytes`, of whoever names a client key that was issued. */
  readonly instanceBodyBytes: number;
  /** Bytes of all bodies that are being received; and as many of all headers. */
  readonly receivingBytes: number;
  /** Bytes of all large bodies, beyond 64 KiB, whose calls are not answered: one takes its size thrice in memory. */
  readonly unansweredBytes: number;
  /** Time to send a whole request, and to finish a TLS handshake. */
  readonly requestMillis: number;
  /** How long a connection without a request is kept. */
  readonly keepAliveMillis: number;
  /** How long a connection is kept on which nothing moves, such as one whose client does not take its answer. */
  readonly stalledMillis: number;
  /** How long a client that was refused may go on sending, so that it comes to read why. */
  readonly lingerMillis: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Calls on one connection that wait for their answers. */
  readonly callsPerConnection: number;
}

/** Those of every listener that is not told otherwise. */
export const DEFAULT_LIMITS: ListenerLimits = {
  headerBytes: 256 * 1024,
  bodyBytes: 1024 * 1024,
  // Published: 3 MB (KMS Instance API, "Encrypt").
  instanceBodyBytes: 3 * 1024 * 1024,
  receivingBytes: 64 * 1024 * 1024,
  unansweredBytes: 32 * 1024 * 1024,
  requestMillis: 10_000,
  keepAliveMillis: 65_000,
  stalledMillis: 60_000,
  lingerMillis: 2_000,
  connections: 4_096,
  connectionsPerAddress: 1_024,
  callsPerConnection: 64,
};
