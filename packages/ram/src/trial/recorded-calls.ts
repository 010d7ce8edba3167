import type { RequestContext } from "@cinnabar/kernel";

type JsonObject = Readonly<Record<string, unknown>>;

/** An event of an account's trail as that account may see it, as far as a replay relies on it. */
export interface RecordedEvent {
  readonly additionalEventData: JsonObject;
  readonly errorCode?: string | undefined;
  readonly eventId: string;
  readonly eventName: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`. */
  readonly eventTime: string;
  readonly requestParameters: JsonObject;
  /** Several names are separated by commas. */
  readonly resourceName?: string | undefined;
  readonly serviceName: string;
  /** Left out where it is another account's affair. */
  readonly sourceIpAddress?: string | undefined;
  readonly userIdentity: {
    readonly accountId: string;
    readonly principalId: string;
    readonly type: string;
    readonly userName: string;
  };
}

/** A right that a call asked for. */
export interface AskedRight {
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** Whether nobody knows if the call asked for it. */
  readonly isPerhaps?: boolean;
}

/** An attribute that events are looked up by, by its published name. */
export interface EventAttribute {
  readonly name: "EventName" | "ResourceName" | "RoleName" | "User";
  readonly value: string;
}

/** Seconds since 1970, both included. */
export interface SecondsRange {
  readonly from: number;
  readonly to: number;
}

/** A key's tags as they were, as far as the log still tells. */
export interface TagHistory {
  /** The value that a tag had when a call was decided; `undefined` for none, "unknown" if nobody knows. */
  valueAt(call: RecordedEvent, tag: string): { readonly value: string | undefined } | "unknown";
}

/** What is on record of calls: the log belongs to another package, keys to a third. */
export interface RecordedCalls {
  /** The last seconds up to now, as far as events can be looked up. */
  lastSeconds(context: RequestContext, seconds: number): Promise<SecondsRange>;
  /** A part of the events of an account that have all of these attributes, the newest first. */
  search(
    context: RequestContext,
    query: {
      readonly accountId: string;
      readonly attributes: readonly EventAttribute[];
      readonly range: SecondsRange;
      readonly limit: number;
      readonly after: string | undefined;
      readonly deadline: number;
    },
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly next: string | undefined }>;
  /** The rights on keys that go without saying in the event of a call. */
  rightsOnKeys(context: RequestContext, event: RecordedEvent): readonly AskedRight[];
  /** The tags of a key of the caller's account. */
  tagsOf(context: RequestContext, keyId: string, now: ReadonlyMap<string, string>): Promise<TagHistory>;
}
