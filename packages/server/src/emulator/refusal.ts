/** Something that is asked of the emulator and not done, with the reason for whoever asked. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** Of the HTTP answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
