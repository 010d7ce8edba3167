/**
 * - `instanceNotFound`: nothing has that id.
 * - `noHardware`: no HSM is configured that could keep its keys.
 */
export type InstanceErrorCode = "instanceNotFound" | "noHardware";

/** What an operator asked for cannot be done, and nothing was changed. The message is a sentence without secrets. */
export class InstanceError extends Error {
  override readonly name = "InstanceError";
  readonly code: InstanceErrorCode;

  constructor(code: InstanceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
