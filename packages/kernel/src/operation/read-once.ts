import type { EventObject } from "../audit/event.ts";
import type { RequestContext } from "./operation.ts";
import { reporting } from "./reporting-context.ts";
import { type OngoingCall, WorkNeededError } from "./slow-work.ts";

/** What a dear read found, and what it said of it for the event. */
interface Finding<T> {
  readonly result: T;
  readonly noted: EventObject;
  readonly about: readonly [type: string, name: string] | undefined;
  /** The epoch it is of. */
  readonly asOf: number;
}

/**
 * Dear work of calls that change nothing, done once for each where the store stands still as long as the work takes, however
 * often the call is evaluated after that. What it finds is then true at one time while the call is served, and no reader can
 * tell more; whether the caller may be told is decided anew each time.
 */
export class ReadOnce<T> {
  readonly #findings = new WeakMap<OngoingCall, Finding<T>>();

  /**
   * Does the work, or gives what it found in an earlier evaluation of the call. If that is older than what the call is decided
   * by now, the event says of which epoch it is.
   *
   * @param work - is given the context to read by and to report to.
   * @throws {@link WorkNeededError} where nothing is found yet, and no dear work may begin.
   */
  async run(context: RequestContext, work: (context: RequestContext) => T | Promise<T>): Promise<T> {
    const found = this.#findings.get(context.call);
    if (found !== undefined) return repeat(context, found);
    if (!context.allowsWork) throw new WorkNeededError();
    let noted: EventObject = {};
    let about: Finding<T>["about"];
    const reported = reporting(context, {
      note(facts) {
        noted = { ...noted, ...facts };
        context.note(facts);
      },
      about(...resource) {
        about = resource;
        context.about(...resource);
      },
    });
    const result = await work(reported);
    // What was read before and after a change fits together nowhere, and this process may not know of all changes yet.
    if (await context.stillHolds()) this.#findings.set(context.call, { result, noted, about, asOf: context.asOf });
    return result;
  }
}

function repeat<T>(context: RequestContext, { result, noted, about, asOf }: Finding<T>): T {
  context.note(asOf === context.asOf ? noted : { ...noted, foundAsOf: asOf });
  if (about !== undefined) context.about(...about);
  return result;
}
