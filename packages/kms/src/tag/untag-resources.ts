import { booleanText, defineOperation, missingParameter, optional, optionalList, requiredList } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { changeKeyTags, withoutTags } from "./change-tags.ts";
import { MAX_TAGS } from "./tag.ts";
import {
  assertRegion,
  findResources,
  onResources,
  resourceIds,
  resourceKindParameters,
  RESOURCES_ERRORS,
} from "./tagged-resources.ts";

export const untagResources = defineOperation({
  ...kms,
  name: "UntagResources",
  summary: "Takes some tags, or all, from all of some keys, or from none of them.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ...resourceKindParameters,
    ResourceId: requiredList({ schema: resourceIds, description: "The keys' ids, at most 50." }),
    TagKey: optionalList({
      schema: z.array(z.string()).max(MAX_TAGS, `There must be at most ${MAX_TAGS} tag keys.`),
      description: "The keys of the tags, at most 20.",
    }),
    All: optional({
      schema: booleanText,
      description: "Whether to take all tags. Beside TagKey it means nothing. false by default.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [...RESOURCES_ERRORS, "Rejected.PendingDeletion"],
  target(context, { RegionId, ResourceType, ResourceId: ids, TagKey, All }) {
    assertRegion(context, { RegionId });
    if (TagKey === undefined && All !== true) throw missingParameter("TagKey");
    return findResources(context, { ResourceType, ids });
  },
  // Whom UntagResource is denied, this gives no way around that.
  access: (context, targets) => onResources(context, ["kms:UntagResources", "kms:UntagResource"], targets),
  handle(context, { TagKey: tagKeys }, targets) {
    const keys = targets.map(({ key }) => key);
    return changeKeyTags(context, keys, (tags) => (tagKeys === undefined ? new Map() : withoutTags(tags, tagKeys)));
  },
});
