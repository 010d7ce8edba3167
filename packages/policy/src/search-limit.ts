import type { JsonElement } from "./json-element.ts";
import { quoted } from "./json-reader.ts";
import { MAX_SEARCHES, SEARCHES_ALLOWED, searchesOf } from "./wildcard.ts";

/**
 * Bounds what the patterns in the conditions of one policy make of work. A user may have dozens of policies, and a value such
 * as sts:ExternalId more than a thousand characters, all of which a decision has to look at.
 */
export class SearchLimit {
  #searches = 0;

  /** @throws PolicyError at the condition whose patterns are too many. */
  add(patterns: readonly string[], at: JsonElement): void {
    for (const pattern of patterns) {
      this.#searches += searchesOf(pattern);
      if (this.#searches > MAX_SEARCHES) throw at.unfit(`${quoted(pattern)} beyond what is allowed`, SEARCHES_ALLOWED);
    }
  }
}
