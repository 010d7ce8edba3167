import { defineOperation, optional, optionalList, optionalRecords } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onAnything } from "../resource-name.ts";
import { encodePosition, nextToken } from "./tag-position.ts";
import { tagRecords, toWantedTags } from "./tag-records.ts";
import { readTags } from "./tag-repository.ts";
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

export const listTagResources = defineOperation({
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
      description: "The ids of the keys whose tags to list, at most 50. All keys by default.",
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
    // One more than a page shows whether there is another.
    const tags = await readTags(context, { keyIds: keys?.map(({ id }) => id), wanted, after, limit: PAGE_SIZE + 1 });
    const page = tags.slice(0, PAGE_SIZE);
    const last = tags.length > PAGE_SIZE ? page.at(-1) : undefined;
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
        NextToken: last === undefined ? "" : encodePosition(last),
      },
    };
  },
});
