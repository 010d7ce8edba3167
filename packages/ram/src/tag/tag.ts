/** Tags by their keys. */
export type Tags = ReadonlyMap<string, string>;

/** A tag that is looked for; without a value any will do. */
export interface WantedTag {
  readonly key: string;
  readonly value: string | undefined;
}

/** What has tags: roles, and policies of the account's own. */
export const TAGGED_TYPES = ["role", "policy"] as const;
export type TaggedType = (typeof TAGGED_TYPES)[number];

/** Everything of a type in an account. */
export interface TaggedKind {
  readonly accountId: string;
  readonly type: TaggedType;
}

/** A role or a policy. */
export interface TagOwner extends TaggedKind {
  readonly name: string;
}

/** Most tags of one resource (Alibaba Cloud SDK, "TagResources"). */
export const MAX_TAGS = 20;
/** Most characters of a tag's key and of its value (Alibaba Cloud SDK, "TagResources"). */
export const MAX_KEY_CHARACTERS = 128;
export const MAX_VALUE_CHARACTERS = 256;
