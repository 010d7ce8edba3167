import { randomUUID } from "node:crypto";
import { encodeSystemEvent } from "../audit/system-event.ts";
import type { ControlRunner } from "./control.ts";

/**
 * Sets the store's time ahead, on record, for every decision from then on. Only for stores that nobody relies on: the
 * emulator's.
 *
 * @param options.to - milliseconds since 1970; a time that has passed leaves the store's time as it is.
 * @returns the store's time before and after, in milliseconds since 1970.
 */
export async function advanceClock(options: {
  readonly control: ControlRunner;
  readonly region: string;
  readonly to: number;
}): Promise<{ readonly before: number; readonly after: number }> {
  const { control, region, to } = options;
  let before = to;
  return control.run(
    (transaction) => {
      const result = { before, after: transaction.now };
      const event = encodeSystemEvent({
        name: "AdvanceClock",
        region,
        eventId: randomUUID().toUpperCase(),
        time: transaction.now,
        epoch: transaction.epoch,
        data: result,
      });
      return Promise.resolve({ result, event });
    },
    {
      advance: (now) => {
        before = now;
        return Math.max(now, to);
      },
    },
  );
}
