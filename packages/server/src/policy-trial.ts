import type { RequestContext } from "@cinnabar/kernel";
import { cryptographicOperations, recordedRights, TagHistory } from "@cinnabar/kms";
import type { RecordedCalls, RecordedEvent, SecondsRange } from "@cinnabar/ram";
import { EventSearch } from "@cinnabar/trail";

/** Operations of the API whose events do not say which rights they asked for, since the keys that they name do. */
const UNSAID: ReadonlySet<string> = new Set(cryptographicOperations.map(({ name }) => name));

const HISTORY_SECONDS = 90 * 24 * 60 * 60;
/** Changes of a key that are read at once, and at most. */
const READ_EVENTS = 250;
const MAX_EVENTS = 5_000;
/** How long the changes of one key are read, in milliseconds. */
const READ_MILLIS = 300;

/** What trials of policies learn of recorded calls: the log tells them, and KMS what its members mean. */
export function recordedCalls(): RecordedCalls {
  const search = new EventSearch();
  return {
    lastSeconds: (context, seconds) => search.lastSeconds(context, seconds),
    search: (context, query) => search.search(context, query),
    rightsOnKeys: ({ region, principal }, event) => (saysRights(event, principal) ? [] : allRights(region, event)),
    tagsOf: async (context, keyId, now) => {
      const range = await search.lastSeconds(context, HISTORY_SECONDS);
      return new TagHistory(await changesOf(search, context, { keyId, range }), now);
    },
  };
}

/** Of another account's call only what concerns the account is shown, and that it was allowed all that it asked for. */
function saysRights({ eventName, userIdentity }: RecordedEvent, { accountId }: RequestContext["principal"]): boolean {
  // Nor do those of the instance protocol, in which applications alone call.
  return userIdentity.accountId === accountId && userIdentity.type !== "application" && !UNSAID.has(eventName);
}

/** None if the call ended before it asked: of its own account's call the event names every key that it found. */
function allRights(region: string, event: RecordedEvent) {
  const rights = recordedRights(region, event);
  const { keyAccountId, sourceKeyAccountId } = event.additionalEventData;
  const isShownInPart = keyAccountId !== undefined || sourceKeyAccountId !== undefined;
  return event.eventName === "ReEncrypt" && rights.length < 2 && !isShownInPart ? [] : rights;
}

/** What was done to a key, the newest first; what is older than can be read in time is left out. */
async function changesOf(
  search: EventSearch,
  context: RequestContext,
  { keyId, range }: { readonly keyId: string; readonly range: SecondsRange },
): Promise<readonly RecordedEvent[]> {
  const deadline = performance.now() + READ_MILLIS;
  const events: RecordedEvent[] = [];
  const { accountId } = context.principal;
  let after: string | undefined;
  do {
    const part = await search.search(context, {
      accountId,
      attributes: [
        { name: "ResourceName", value: keyId },
        { name: "EventRW", value: "Write" },
      ],
      range,
      limit: READ_EVENTS,
      after,
      deadline,
    });
    events.push(...part.events);
    after = part.next;
  } while (after !== undefined && events.length < MAX_EVENTS && performance.now() < deadline);
  return events;
}
