import type { ValidityWindow } from "./verdict.ts";

/** Between which instants all that was found so far stays as it is. */
export class Validity {
  #from: number | undefined;
  #until: number | undefined;

  /** Takes into account that something changes at this instant, and now is this. */
  changesAt(instant: number, now: number): void {
    if (instant <= now) this.#from = Math.max(instant, this.#from ?? instant);
    else this.#until = Math.min(instant, this.#until ?? instant);
  }

  get window(): ValidityWindow {
    return windowOf(this.#from, this.#until);
  }
}

/** What two windows have in common. */
export function narrower(
  one: ValidityWindow | undefined,
  other: ValidityWindow | undefined,
): ValidityWindow | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return windowOf(greatest(one.from, other.from), least(one.until, other.until));
}

function windowOf(from: number | undefined, until: number | undefined): ValidityWindow {
  return { ...(from !== undefined && { from }), ...(until !== undefined && { until }) };
}

function greatest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
