import type { Tracing } from "./tracing.ts";

/** Where OpenTelemetry's API keeps what an SDK registers: part of its contract between versions (major version 1). */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * Looks whether this process was given an OpenTelemetry SDK, once: who serves without one pays nothing for it, not even
 * the loading of the API.
 *
 * @returns `undefined` if it was not.
 */
export async function findTracing(): Promise<Tracing | undefined> {
  if (!(REGISTERED in globalThis)) return undefined;
  return (await import("./tracing.ts")).Tracing.find();
}
