import type { EventObject } from "../audit/event.ts";
import { ApiError } from "./errors.ts";
import type { AccessRequest, RequestContext } from "./operation.ts";
import { PrerequisiteError } from "./prerequisite.ts";
import { reporting } from "./reporting-context.ts";
import { type OngoingCall, WorkNeededError } from "./slow-work.ts";

/** What a dear read found, or why it refused, and what it said of it for the event. */
interface Finding<T> {
  /** The rights that it was found with. */
  readonly rights: string;
  readonly outcome: { readonly result: T } | { readonly refusal: ApiError };
  readonly noted: EventObject;
  readonly about: readonly [type: string, name: string] | undefined;
  /** The epoch it is of. */
  readonly asOf: number;
}

/**
 * Dear work of calls that change nothing, done once for each where the store stands still as long as the work takes, however
 * often the call is evaluated after that. What it finds is then true at one time while the call is served, and no reader can
 * tell more; what the call is about, and whether the caller may be told, is decided anew each time.
 */
export class ReadOnce<T> {
  readonly #findings = new WeakMap<OngoingCall, Finding<T>>();

  /**
   * Does the work, or gives what it found in an earlier evaluation of the call about the same. If that is older than what the
   * call is decided by now, the event says of which epoch it is.
   *
   * @param granted - the rights by which it is done: with others it is about something else.
   * @param work - is given the context to read by and to report to.
   * @throws {@link WorkNeededError} where nothing is found yet, and no dear work may begin.
   */
  async run(
    context: RequestContext,
    granted: readonly Pick<AccessRequest, "action" | "resource">[],
    work: (context: RequestContext) => T | Promise<T>,
  ): Promise<T> {
    const rights = JSON.stringify(granted.map(({ action, resource }) => [action, resource]));
    const found = this.#findings.get(context.call);
    if (found?.rights === rights) return repeat(context, found);
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
    const outcome = await outcomeOf(() => work(reported));
    // What was read before and after a change fits together nowhere, and this process may not know of all changes yet.
    if (await context.stillHolds()) {
      this.#findings.set(context.call, { rights, outcome, noted, about, asOf: context.asOf });
    }
    return take(outcome);
  }
}

async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Finding<T>["outcome"]> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!(error instanceof ApiError) || error instanceof PrerequisiteError || !error.isRefusal) throw error;
    return { refusal: error };
  }
}

function take<T>(outcome: Finding<T>["outcome"]): T {
  if ("refusal" in outcome) throw outcome.refusal;
  return outcome.result;
}

function repeat<T>(context: RequestContext, { outcome, noted, about, asOf }: Finding<T>): T {
  context.note(asOf === context.asOf ? noted : { ...noted, foundAsOf: asOf });
  if (about !== undefined) context.about(...about);
  return take(outcome);
}
