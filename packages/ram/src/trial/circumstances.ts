import { type AccessRequest, conditionsOf, type Principal } from "@cinnabar/kernel";
import type { ConditionSource } from "@cinnabar/policy";
import type { RecordedCall } from "./recorded-call.ts";
import type { TagHistory } from "./recorded-calls.ts";

/** What the account of a key does not see of another account's calls. */
const FOREIGN_AFFAIRS = new Set(["acs:sourceip", "acs:securetransport", "acs:mfapresent"]);
const TAG_PREFIXES = ["kms:tag/", "acs:resourcetag/"];

/**
 * The circumstances under which a recorded call asked for a right, as conditions ask for them. `acs:SourceAccount` and
 * `acs:SourceArn` are of a service's own AssumeRole alone: calls with the session that it begins have neither.
 */
export class Circumstances implements ConditionSource {
  readonly #call: RecordedCall;
  readonly #now: ConditionSource;
  /** Whether the right is one on something that has tags. */
  readonly #isTagged: boolean;
  #tags: TagHistory | undefined;
  #isTagMissed = false;

  constructor(call: RecordedCall, principal: Principal, request: AccessRequest) {
    const { event, at: now } = call;
    const isSecure = event.additionalEventData["secureTransport"] === true;
    this.#call = call;
    this.#now = conditionsOf({ principal, now, isSecure, sourceAddress: event.sourceIpAddress ?? "" }, request);
    this.#isTagged = request.tags !== undefined;
  }

  /** Whether a tag was asked for that may have changed since, before anybody has looked. */
  get isTagMissed(): boolean {
    return this.#isTagMissed;
  }

  /** Says what tags there were. */
  remember(tags: TagHistory): void {
    this.#tags = tags;
    this.#isTagMissed = false;
  }

  get(key: string): string | readonly string[] | undefined {
    const tag = tagOf(key);
    if (tag === undefined || this.#tags === undefined) return this.#now.get(key);
    const known = this.#tags.valueAt(this.#call.event, tag);
    return known === "unknown" ? undefined : known.value;
  }

  /** Whether nobody knows any more what there was for a condition key. */
  isUnknown(key: string): boolean {
    if (FOREIGN_AFFAIRS.has(key)) return this.#call.isForeign;
    const tag = tagOf(key);
    if (tag === undefined || !this.#isTagged) return false;
    if (this.#tags !== undefined) return this.#tags.valueAt(this.#call.event, tag) === "unknown";
    this.#isTagMissed = true;
    return true;
  }
}

/** The key of the tag that a condition key is about. */
function tagOf(key: string): string | undefined {
  const prefix = TAG_PREFIXES.find((known) => key.startsWith(known));
  return prefix && key.slice(prefix.length);
}
