import type { RequestContext } from "./operation.ts";

/** The same context, but what is said of the answer for the event is said to `ear`. */
export function reporting(context: RequestContext, ear: Pick<RequestContext, "note" | "about">): RequestContext {
  const { asOf, principal, now, isSecure, sourceAddress, call, allowsWork, region, custody, guard } = context;
  return {
    asOf,
    principal,
    now,
    isSecure,
    sourceAddress,
    call,
    allowsWork,
    region,
    custody,
    guard,
    get db() {
      return context.db;
    },
    get log() {
      return context.log;
    },
    find: (kind, id) => context.find(kind, id),
    holdBatches: () => context.holdBatches(),
    stillHolds: () => context.stillHolds(),
    holdsUntil: (time) => context.holdsUntil(time),
    holdsFrom: (time) => context.holdsFrom(time),
    note: (facts) => ear.note(facts),
    about: (type, name) => ear.about(type, name),
  };
}
