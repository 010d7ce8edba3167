import type { Candidate } from "./candidate.ts";
import type { EventQuery, PageRequest } from "./event-query.ts";
import { comparePositions, edgeOf, type Position } from "./position.ts";
import type { SearchPlan, SearchUnit } from "./search-units.ts";
import type { UnitReader } from "./unit-reader.ts";

/** Units that are prepared together: few at first, because what is looked for is often among the newest events. */
const FIRST_PREPARED = 4;
const MOST_PREPARED = 128;

/**
 * The candidates of a search in the order of their places, though the parts of the logs overlap in time: a candidate comes
 * out when no unit that is not opened yet can have one before it.
 */
export class CandidateStream {
  readonly #reader: UnitReader;
  readonly #query: EventQuery;
  readonly #page: PageRequest;
  readonly #plan: SearchPlan;
  /** Of the units that were opened, in order, the next one last. */
  #pending: Candidate[][] = [];
  #opened = 0;
  #prepared = 0;
  #stoppedAt: Position | undefined;

  constructor(options: {
    readonly reader: UnitReader;
    readonly query: EventQuery;
    readonly page: PageRequest;
    readonly plan: SearchPlan;
  }) {
    this.#reader = options.reader;
    this.#query = options.query;
    this.#page = options.page;
    this.#plan = options.plan;
  }

  /** Where the search was ended before its end, once all candidates before that place were taken. */
  get stoppedAt(): Position | undefined {
    return this.#stoppedAt;
  }

  /** The next candidates, at most `count`; fewer only at the end. */
  async take(count: number): Promise<Candidate[]> {
    const taken: Candidate[] = [];
    while (taken.length < count) {
      const unit = this.#plan.units[this.#opened];
      const next = this.#peek();
      if (next !== undefined && (unit === undefined || this.#isBefore(next, unit)) && this.#isInReach(next)) {
        this.#drop(next);
        taken.push(next);
      } else if (unit === undefined) {
        const { cutAt } = this.#plan;
        if (cutAt !== undefined) this.#stoppedAt = this.#edgeOf(cutAt);
        break;
      } else if (this.#shouldStop(unit)) {
        this.#stoppedAt = this.#edgeOf(unit);
        break;
      } else await this.#open(unit);
    }
    return taken;
  }

  async #open(unit: SearchUnit): Promise<void> {
    const { units } = this.#plan;
    if (this.#opened >= this.#prepared) {
      const count = Math.min(MOST_PREPARED, Math.max(FIRST_PREPARED, this.#prepared));
      await this.#reader.prepare(units.slice(this.#prepared, this.#prepared + count));
      this.#prepared += count;
    }
    this.#opened++;
    const { direction } = this.#query;
    const { after } = this.#page;
    const candidates = (await this.#reader.open(unit)).filter(
      (candidate) => after === undefined || comparePositions(candidate, after, direction) > 0,
    );
    if (candidates.length === 0) return;
    this.#pending.push(candidates.toSorted((one, other) => comparePositions(other, one, direction)));
  }

  #peek(): Candidate | undefined {
    let first: Candidate | undefined;
    for (const candidates of this.#pending) {
      const next = candidates.at(-1);
      if (next === undefined) continue;
      if (first === undefined || comparePositions(next, first, this.#query.direction) < 0) first = next;
    }
    return first;
  }

  #drop(candidate: Candidate): void {
    for (const candidates of this.#pending) if (candidates.at(-1) === candidate) candidates.pop();
    this.#pending = this.#pending.filter((candidates) => candidates.length > 0);
  }

  /** Whether a candidate comes before everything in a unit. */
  #isBefore({ seconds }: Candidate, unit: SearchUnit): boolean {
    return this.#query.direction === "FORWARD" ? seconds < unit.oldest : seconds > unit.newest;
  }

  /** Whether a candidate comes before the segments that were not listed. */
  #isInReach(candidate: Candidate): boolean {
    return this.#plan.cutAt === undefined || this.#isBefore(candidate, this.#plan.cutAt);
  }

  /** A search that takes too long ends, but not before it has come further than the one before. */
  #shouldStop(unit: SearchUnit): boolean {
    if (performance.now() < this.#page.deadline) return false;
    const { from, to, direction } = this.#query;
    const origin = this.#page.after ?? edgeOf(direction === "FORWARD" ? from : to, direction);
    return comparePositions(this.#edgeOf(unit), origin, direction) > 0;
  }

  #edgeOf({ oldest, newest }: SearchUnit): Position {
    const { from, to, direction } = this.#query;
    return edgeOf(direction === "FORWARD" ? Math.max(oldest, from) : Math.min(newest, to), direction);
  }
}
