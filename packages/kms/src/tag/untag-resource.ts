import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onKey } from "../key/find-key.ts";
import { changeKeyTags, withoutTags } from "./change-tags.ts";
import { tagKeysJson } from "./tag.ts";
import { findTagOwner, TAG_OWNER_ERRORS, tagOwnerParameters } from "./tag-owner.ts";

export const untagResource = defineOperation({
  ...kms,
  name: "UntagResource",
  summary: "Takes tags from a key.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ...tagOwnerParameters,
    TagKeys: required({ schema: tagKeysJson, description: "The keys of the tags, as a JSON array." }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: TAG_OWNER_ERRORS,
  target: (context, parameters) => findTagOwner(context, parameters),
  access: (context, target) => [onKey(context, "kms:UntagResource", target)],
  handle: (context, { TagKeys: keys }, { key }) => changeKeyTags(context, [key], (tags) => withoutTags(tags, keys)),
});
