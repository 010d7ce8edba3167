/** What becomes of keys after their deletion is due. */
export interface DestructionPolicy {
  /** For how long a node must run, and the store's time run evenly, before it destroys anything, in milliseconds. */
  readonly delayMillis: number;
  /**
   * How long backups of the store are kept, in milliseconds: that long after nothing is wrapped under it, a version of an
   * account's key that wrapped destroyed material is destroyed too. `undefined`: account keys stay.
   */
  readonly backupRetentionMillis?: number | undefined;
}
