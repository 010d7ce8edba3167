import {
  type Authorizer,
  type DeclaredOperation,
  defineOperation,
  optional,
  optionalList,
  optionalRecords,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onAnything } from "../resource-name.ts";
import { findReadable } from "./readable-tags.ts";
import { encodePosition, nextToken, type TagPosition } from "./tag-position.ts";
import { tagRecords, toWantedTags, type WantedTag } from "./tag-records.ts";
import { type KeyTag, readTags } from "./tag-repository.ts";
import {
  assertRegion,
  findResources,
  onResources,
  resourceIds,
  resourceKindParameters,
  RESOURCES_ERRORS,
} from "./tagged-resources.ts";

/** Tags of one answer (Alibaba Cloud SDK, "ListTagResources"). */
const PAGE_SIZE = 200;
/** One more than a page shows whether there is another. */
const LIMIT = PAGE_SIZE + 1;
/** So often that many tags are read for one answer, if the caller may see too few of them to fill it. */
const MOST_READS = 3;

export function listTagResources({ authorizer }: { readonly authorizer: Authorizer }): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "ListTagResources",
    summary: "Lists the tags of keys, by key, tag, or both.",
    kind: "read",
    throttlingClass: "ListResourceTags",
    readWrite: "Read",
    parameters: {
      ...resourceKindParameters,
      ResourceId: optionalList({
        schema: resourceIds,
        description:
          "The ids of the keys whose tags to list, at most 50. All keys that the caller may list the tags of by default.",
      }),
      Tag: optionalRecords({
        schema: tagRecords,
        description:
          "Which tags to list, each by Key, or by Key and Value, at most 20: of the keys that have them all. All tags by default.",
      }),
      NextToken: optional({ schema: nextToken, description: "The NextToken of the page before." }),
    },
    result: z.object({
      TagResources: z.object({
        TagResource: z.array(
          z.object({ ResourceId: z.string(), ResourceType: z.string(), TagKey: z.string(), TagValue: z.string() }),
        ),
      }),
      /** Empty on the last page. */
      NextToken: z.string(),
    }),
    recordedResult: [],
    errors: [...RESOURCES_ERRORS, "Duplicate.TagKey"],
    async target(context, { RegionId, ResourceType, ResourceId: ids, Tag }) {
      assertRegion(context, { RegionId });
      const wanted = toWantedTags(Tag ?? []);
      return { ResourceType, wanted, keys: ids && (await findResources(context, { ResourceType, ids })) };
    },
    access: (context, { keys }) =>
      keys === undefined
        ? [onAnything("kms:ListTagResources", context)]
        : onResources(context, ["kms:ListTagResources"], keys),
    async handle(context, { NextToken: after }, { ResourceType, wanted, keys }) {
      if (ResourceType === "secret") return { result: { TagResources: { TagResource: [] }, NextToken: "" } };
      const { page, next } =
        keys === undefined
          ? await readReadable(context, { wanted, after, authorizer })
          : toTagPage(await readTags(context, { keyIds: keys.map(({ key }) => key.id), wanted, after, limit: LIMIT }));
      return {
        result: {
          TagResources: {
            TagResource: page.map(({ keyId, tagKey, tagValue }) => ({
              ResourceId: keyId,
              ResourceType,
              TagKey: tagKey,
              TagValue: tagValue,
            })),
          },
          NextToken: next === undefined ? "" : encodePosition(next),
        },
      };
    },
  });
}

interface TagPage {
  readonly page: readonly KeyTag[];
  /** After which tag the next page begins; `undefined` if there is none. */
  readonly next: TagPosition | undefined;
}

/** The first page of some tags. */
function toTagPage(tags: readonly KeyTag[]): TagPage {
  const page = tags.slice(0, PAGE_SIZE);
  return { page, next: tags.length > PAGE_SIZE ? page.at(-1) : undefined };
}

/**
 * A page of the tags of the account's keys, but for those that the caller may not list the tags of. Where these are many, the
 * page is not full, and there is another one nevertheless.
 */
async function readReadable(
  context: RequestContext,
  list: {
    readonly wanted: readonly WantedTag[];
    readonly after: TagPosition | undefined;
    readonly authorizer: Authorizer;
  },
): Promise<TagPage> {
  const { wanted, authorizer } = list;
  const shown: KeyTag[] = [];
  let { after } = list;
  for (let reads = 0; reads < MOST_READS; reads++) {
    const tags = await readTags(context, { keyIds: undefined, wanted, after, limit: LIMIT });
    const readable = await findReadable(context, [...new Set(tags.map(({ keyId }) => keyId))], authorizer);
    shown.push(...tags.filter(({ keyId }) => readable.has(keyId)));
    if (shown.length >= LIMIT || tags.length < LIMIT) return toTagPage(shown);
    after = tags.at(-1);
  }
  return { page: shown, next: after };
}
