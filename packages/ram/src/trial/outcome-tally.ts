import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { RecordedCall } from "./recorded-call.ts";
import type { Outcome } from "./replay.ts";

/** Calls by one caller of one operation that come to the same. */
export const outcomeView = z.object({
  Outcome: z.string(),
  /** As in events. */
  Type: z.string(),
  AccountId: z.string(),
  PrincipalId: z.string(),
  /** Of a user or role: the name that it had. */
  Name: z.string(),
  /** Its service and name, such as `Kms.Encrypt`. */
  Operation: z.string(),
  Calls: z.int(),
  FirstDate: z.string(),
  LastDate: z.string(),
  /** The event of the last of them. */
  LastEventId: z.string(),
});

interface Tally {
  readonly outcome: Outcome;
  /** The newest, which comes first. */
  readonly last: RecordedCall;
  calls: number;
  firstAt: number;
}

/** Adds up what recorded calls come to. */
export class OutcomeTally {
  readonly #tallies = new Map<string, Tally>();

  /** Adds a call; each is no newer than the one before. */
  add(outcome: Outcome, call: RecordedCall): void {
    const { caller, event, at } = call;
    const group = [outcome, caller.type, caller.accountId, caller.principalId, event.serviceName, event.eventName];
    const id = JSON.stringify(group);
    const tally = this.#tallies.get(id);
    if (tally === undefined) this.#tallies.set(id, { outcome, last: call, calls: 1, firstAt: at });
    else {
      tally.calls++;
      tally.firstAt = Math.min(tally.firstAt, at);
    }
  }

  toView(): z.infer<typeof outcomeView>[] {
    return [...this.#tallies.values()].map(({ outcome, last: { caller, event, at }, calls, firstAt }) => ({
      Outcome: outcome,
      Type: caller.type,
      AccountId: caller.accountId,
      PrincipalId: caller.principalId,
      Name: caller.name,
      Operation: `${event.serviceName}.${event.eventName}`,
      Calls: calls,
      FirstDate: formatInstant(firstAt),
      LastDate: formatInstant(at),
      LastEventId: event.eventId,
    }));
  }
}
