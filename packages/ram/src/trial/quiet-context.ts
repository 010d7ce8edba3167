import { reporting, type RequestContext } from "@cinnabar/kernel";

/** The same context for what a call looks at and is not about: nothing is said of it in the event. */
export function quiet(context: RequestContext): RequestContext {
  return reporting(context, { note: () => undefined, about: () => undefined });
}
