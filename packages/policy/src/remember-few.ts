import { Buffer } from "node:buffer";

/** More than a request has values that are neither numbers nor plain text. */
const MAX_TEXTS = 64;
/** What is longer is neither a time nor an address, which is soon found. */
const MAX_CHARACTERS = 64;

/**
 * A function that remembers the texts it was asked about last: the conditions of many statements ask about the same few values
 * one after the other.
 */
export function rememberFew<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, { readonly result: T }>();
  return (text) => {
    if (text.length > MAX_CHARACTERS) return compute(text);
    const found = known.get(text);
    if (found !== undefined) return found.result;
    const result = compute(text);
    if (known.size === MAX_TEXTS) known.clear();
    // A copy: what was cut out of a request would keep all of it in memory.
    known.set(Buffer.from(text).toString(), { result });
    return result;
  };
}
