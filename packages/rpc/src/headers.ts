import { invalidParameter } from "./wire-error.ts";

/** Request headers under lower-case names, as node:http gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

export function readHeader(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  if (Array.isArray(value)) throw invalidParameter(name, "The header is given more than once.");
  // A name such as "constructor", which a caller may choose, finds what every object inherits.
  return typeof value === "string" ? value : undefined;
}
