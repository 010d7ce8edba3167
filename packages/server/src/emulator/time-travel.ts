import { advanceClock } from "@cinnabar/kernel";
import type { CinnabarNode } from "../node.ts";

/** The last instant that can be written with a year of four digits. */
export const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Due times that are visited one by one; what is due beyond is done at the end. */
const MAX_STOPS = 1_000;

/**
 * Moves a node's store forward in time. What falls due on the way is done at its time and in its order; when this
 * returns, nothing is due any more.
 *
 * @param to - milliseconds since 1970.
 * @returns the store's time before and after.
 */
export async function travelTo(
  { store, jobs }: CinnabarNode,
  to: number,
): Promise<{ readonly before: number; readonly after: number }> {
  const before = store.clock.now();
  let now = before;
  for (let stops = 0; ; stops++) {
    const due = stops < MAX_STOPS ? await jobs.nextDueAt(now) : undefined;
    const stop = Math.min(due ?? to, to);
    ({ after: now } = await advanceClock({ control: store.control, region: store.region, to: stop }));
    await jobs.runDue();
    if (stop === to) return { before, after: now };
  }
}
