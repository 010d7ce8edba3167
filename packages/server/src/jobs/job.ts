/**
 * Work that falls due with time and that no request waits for: decisions are made at use, by the store's clock, so a
 * job that comes late changes no answer.
 */
export interface Job {
  /** Kebab-case, unique; stands in log lines and in the table `job`. */
  readonly name: string;
  /** Pause after a round that left nothing due, in milliseconds. */
  readonly everyMillis: number;
  /** Left out: one node of a deployment does it at a time. `every-node`: each does its own. */
  readonly runsOn?: "every-node";
  /**
   * Does a piece of what is due: at most a few seconds of it, in steps that leave the store whole, each safe to repeat
   * and safe if another node does the same.
   *
   * @param signal - aborted when the node stops: the piece ends at its next step.
   * @returns true if more is due already.
   */
  run(signal: AbortSignal): Promise<boolean>;
  /**
   * When something falls due next, for the emulator, which stops there on its way forward. Left out by work that does not
   * come from a time in the store.
   *
   * @param after - store time in milliseconds since 1970.
   * @returns the earliest store time later than that, `undefined` if nothing waits for one.
   */
  nextDueAt?(after: number): Promise<number | undefined>;
}
