import { ApiError, booleanText, optional, optionalList, optionalRecords, readParameters } from "@cinnabar/kernel";
import { z } from "zod";
import { MAX_TAGS, tagKeysJson, type Tags, tagsJson } from "./tag.ts";
import { tagRecords, toTags } from "./tag-records.ts";

/** An event of a key, as far as it says when what was done to its tags. */
interface RecordedEvent {
  readonly additionalEventData: Readonly<Record<string, unknown>>;
  readonly errorCode?: string | undefined;
  readonly eventId: string;
  readonly eventName: string;
  readonly requestParameters: Readonly<Record<string, unknown>>;
}

/** A value that a tag had, `undefined` for none, or that nobody knows it any more. */
export type PastValue = { readonly value: string | undefined } | "unknown";

/** What a call did to a tag; `undefined` if it left it as it was. */
type ReadTag = (tag: string) => PastValue | undefined;

interface TagChange {
  readonly eventId: string;
  readonly epoch: number;
  readonly read: ReadTag;
}

/** The tags of a key as they were, from those that it has and what was done to them since. */
export class TagHistory {
  readonly #now: Tags;
  /** The newest first. */
  readonly #changes: readonly TagChange[];
  /** As the key was made; `undefined` if that is not on record any more. */
  readonly #first: ReadTag | undefined;

  /**
   * @param events - those of the key that are on record; if one is left out, so are all that are older
   * @param now - its tags
   */
  constructor(events: readonly RecordedEvent[], now: Tags) {
    const done = events.filter(({ errorCode }) => errorCode === undefined);
    this.#now = now;
    this.#changes = done
      .flatMap((event) => {
        const read = readChange(event);
        return read === undefined ? [] : [{ eventId: event.eventId, epoch: epochOf(event), read }];
      })
      .toSorted((one, other) => other.epoch - one.epoch);
    const creation = done.find(({ eventName }) => eventName === "CreateKey");
    this.#first = creation && readCreation(creation);
  }

  /**
   * A tag's value when a call was decided. What the call itself changed, and what was changed after the epoch at which its
   * answer was validated, it did not see.
   */
  valueAt(call: Pick<RecordedEvent, "additionalEventData" | "eventId">, tag: string): PastValue {
    const epoch = epochOf(call);
    let hasChanged = false;
    for (const change of this.#changes) {
      const value = change.read(tag);
      if (value === undefined) continue;
      if (change.epoch > epoch || change.eventId === call.eventId) hasChanged = true;
      else return hasChanged ? value : { value: this.#now.get(tag) };
    }
    if (!hasChanged) return { value: this.#now.get(tag) };
    return this.#first?.(tag) ?? "unknown";
  }
}

function epochOf({ additionalEventData }: Pick<RecordedEvent, "additionalEventData">): number {
  const { epoch } = additionalEventData;
  return typeof epoch === "number" ? epoch : 0;
}

/** The parameters of all operations that change tags; no two have one of the same name for something else. */
const parameters = {
  Tags: optional({ schema: tagsJson({ min: 0, max: MAX_TAGS }), description: "Tags that are given." }),
  Tag: optionalRecords({ schema: tagRecords, description: "Tags that are given." }),
  TagKeys: optional({ schema: tagKeysJson, description: "Keys of tags that are taken." }),
  TagKey: optionalList({ schema: z.array(z.string()), description: "Keys of tags that are taken." }),
  All: optional({ schema: booleanText, description: "Whether all are taken." }),
};

function unknownTag(): PastValue {
  return "unknown";
}

/** What a call did to tags; `undefined` for one that does nothing to any. */
function readChange(event: RecordedEvent): ReadTag | undefined {
  const { eventName } = event;
  const isGiving = eventName === "TagResource" || eventName === "TagResources";
  const isTaking = eventName === "UntagResource" || eventName === "UntagResources";
  if (!isGiving && !isTaking) return undefined;
  const values = readTagParameters(event);
  if (values === undefined) return unknownTag;
  const { Tags: tags, Tag: records, TagKeys: keysOfOne, TagKey: keysOfMany, All: all } = values;
  if (isGiving) {
    const given = tags ?? toTags(records ?? []);
    return (tag) => (given.has(tag) ? { value: given.get(tag) } : undefined);
  }
  const taken = keysOfOne ?? keysOfMany;
  if (taken === undefined) return all === true ? () => ({ value: undefined }) : unknownTag;
  return (tag) => (taken.includes(tag) ? { value: undefined } : undefined);
}

function readCreation(event: RecordedEvent): ReadTag {
  const values = readTagParameters(event);
  return values === undefined ? unknownTag : (tag) => ({ value: values.Tags?.get(tag) });
}

/** `undefined` if the event does not tell them: a long text is recorded as its digest, and very long ones not at all. */
function readTagParameters({ requestParameters }: RecordedEvent) {
  if (requestParameters["omitted"] !== undefined) return undefined;
  const wire = new Map(
    Object.entries(requestParameters).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
  try {
    return readParameters(parameters, wire);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
