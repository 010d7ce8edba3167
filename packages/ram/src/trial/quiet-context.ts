import type { RequestContext } from "@cinnabar/kernel";

/** The same context for what a call looks at and is not about: nothing is said of it in the event. */
export function quiet(context: RequestContext): RequestContext {
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
    holdsUntil: (time) => context.holdsUntil(time),
    holdsFrom: (time) => context.holdsFrom(time),
    note: () => undefined,
    about: () => undefined,
  };
}
