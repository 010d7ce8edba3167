import { ApiError, ERRORS, type Plan, type RequestContext } from "@cinnabar/kernel";
import { assertChangeable } from "../key/key.ts";
import { countChange, keyKind, type StoredKey } from "../key/key-repository.ts";
import { MAX_TAGS, type Tags } from "./tag.ts";
import { changeTags, toTagValues } from "./tag-repository.ts";

/**
 * Gives each key the tags that `change` makes of those it has: to all of the keys, or to none.
 *
 * @throws {@link ApiError} `Rejected.PendingDeletion`.
 */
export function changeKeyTags(
  context: RequestContext,
  keys: readonly StoredKey[],
  change: (tags: Tags) => Tags,
): Plan<Record<string, never>> {
  for (const { status } of keys) assertChangeable(status);
  const changed = keys
    .map((key) => ({ key, rows: changeTags(context, key, change(toTagValues(key.tags))) }))
    .filter(({ rows }) => rows.length > 0);
  return {
    result: {},
    changes: changed.flatMap(({ key, rows }) => [countChange(context, key), ...rows]),
    touched: changed.map(({ key }) => ({ kind: keyKind, id: key.id })),
  };
}

/** @throws {@link ApiError} `Rejected.LimitExceeded` if there would be too many. */
export function withTags(tags: Tags, added: Tags): Tags {
  const all = new Map([...tags, ...added]);
  if (all.size <= MAX_TAGS) return all;
  const { message } = ERRORS["Rejected.LimitExceeded"];
  throw new ApiError("Rejected.LimitExceeded", `${message} A resource has at most ${MAX_TAGS} tags.`);
}

/** Keys of which there is no tag change nothing. */
export function withoutTags(tags: Tags, keys: readonly string[]): Tags {
  return new Map([...tags].filter(([key]) => !keys.includes(key)));
}
