import { defineOperation, requiredList, requiredRecords } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { assertTakesTags } from "../default-key/default-key.ts";
import { changeKeyTags, withTags } from "./change-tags.ts";
import { tagRecords, toTags } from "./tag-records.ts";
import {
  assertRegion,
  findResources,
  onResources,
  resourceIds,
  resourceKindParameters,
  RESOURCES_ERRORS,
} from "./tagged-resources.ts";

export const tagResources = defineOperation({
  ...kms,
  name: "TagResources",
  summary: "Gives tags to all of some keys, or to none of them. A tag that a key has already gets the new value.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ...resourceKindParameters,
    ResourceId: requiredList({ schema: resourceIds, description: "The keys' ids, at most 50." }),
    Tag: requiredRecords({ schema: tagRecords, description: "The tags, each with Key and Value, at most 20." }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...RESOURCES_ERRORS,
    "InvalidParameter.TagKey",
    "InvalidParameter.TagValue",
    "Duplicate.TagKey",
    "UnsupportedOperation",
    "Rejected.PendingDeletion",
    "Rejected.LimitExceeded",
  ],
  async target(context, { RegionId, ResourceType, ResourceId: ids, Tag }) {
    assertRegion(context, { RegionId });
    const added = toTags(Tag);
    return { added, keys: await findResources(context, { ResourceType, ids }) };
  },
  // Whom TagResource is denied, this gives no way around that.
  access: (context, { keys }) => onResources(context, ["kms:TagResources", "kms:TagResource"], keys),
  handle(context, _parameters, { keys: targets, added }) {
    const keys = targets.map(({ key }) => key);
    for (const key of keys) assertTakesTags(key);
    return changeKeyTags(context, keys, (tags) => withTags(tags, added));
  },
});
