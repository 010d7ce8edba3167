/** A change of a switch, made by its one writer. Times are from one monotonic clock. */
export interface Flip {
  readonly to: "on" | "off";
  readonly beganAt: number;
  readonly returnedAt: number;
}

/** A reading of the switch by anybody. */
export interface Reading {
  readonly found: "on" | "off";
  readonly beganAt: number;
  readonly returnedAt: number;
}

export interface HistoryVerdict {
  /** Readings that began after the switch was off, ended before it was turned on again, and found it on. */
  readonly onWhileOff: number;
  /** The same the other way round. */
  readonly offWhileOn: number;
  /** Readings that no order of all calls explains, those above included. */
  readonly unexplained: number;
  /** Readings during which the switch was being flipped. */
  readonly overlapping: number;
  /** Readings that lie wholly between two flips, while the switch was off. */
  readonly whileOff: number;
}

/**
 * Decides whether a history is linearizable: a switch that begins on, flips by one writer one after the other, and any
 * number of readers at the same time.
 *
 * A reading sees the switch after some number of flips: at least those that had returned when it began, and at least as
 * many as any reading that had ended by then had to see; at most those that had begun when it returned. The least
 * number that fits what was found is as good as any: a larger one only narrows what others may see.
 */
export function judgeHistory(flips: readonly Flip[], readings: readonly Reading[]): HistoryVerdict {
  const began = flips.map(({ beganAt }) => beganAt);
  const returned = flips.map(({ returnedAt }) => returnedAt);
  const byEnd = readings.toSorted((one, other) => one.returnedAt - other.returnedAt);
  const flipsSeenBy = new Map<Reading, number>();
  const verdict = { onWhileOff: 0, offWhileOn: 0, unexplained: 0, overlapping: 0, whileOff: 0 };
  let ended = 0;
  let seenByEnded = 0;
  for (const reading of readings.toSorted((one, other) => one.beganAt - other.beganAt)) {
    const { found, beganAt, returnedAt } = reading;
    const certain = countBelow(returned, beganAt);
    const possible = countBelow(began, returnedAt);
    const state = stateAfter(flips, certain);
    if (possible > certain) verdict.overlapping++;
    else if (state === "off") verdict.whileOff++;
    if (possible === certain && found !== state) verdict[found === "on" ? "onWhileOff" : "offWhileOn"]++;

    for (let other = byEnd[ended]; other !== undefined && other.returnedAt < beganAt; other = byEnd[++ended]) {
      seenByEnded = Math.max(seenByEnded, flipsSeenBy.get(other) ?? 0);
    }
    let flipsSeen = Math.max(certain, seenByEnded);
    if (stateAfter(flips, flipsSeen) !== found) flipsSeen++;
    if (flipsSeen > possible) verdict.unexplained++;
    else flipsSeenBy.set(reading, flipsSeen);
  }
  return verdict;
}

function stateAfter(flips: readonly Flip[], count: number): "on" | "off" {
  return flips[count - 1]?.to ?? "on";
}

/** How many of these ascending times lie before `time`. */
function countBelow(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
