/** PostgreSQL is set so that an acknowledged commit can be lost, or this is not the primary. */
export class UnsafeDatabaseError extends Error {
  override readonly name = "UnsafeDatabaseError";
}
