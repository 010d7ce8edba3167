import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { assertTakesTags } from "../default-key/default-key.ts";
import { onKey } from "../key/find-key.ts";
import { changeKeyTags, withTags } from "./change-tags.ts";
import { tagsJson } from "./tag.ts";
import { findTagOwner, TAG_OWNER_ERRORS, tagOwnerParameters } from "./tag-owner.ts";

/** Most tags of one call (Alibaba Cloud SDK, "TagResource"); a key has twice as many. */
const MAX_TAGS_OF_CALL = 10;

export const tagResource = defineOperation({
  ...kms,
  name: "TagResource",
  summary: "Gives a key tags. A tag that it has already gets the new value.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ...tagOwnerParameters,
    Tags: required({
      schema: tagsJson({ min: 1, max: MAX_TAGS_OF_CALL }),
      description: `The tags, as a JSON array of at most ${MAX_TAGS_OF_CALL} objects {"TagKey","TagValue"}.`,
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [...TAG_OWNER_ERRORS, "UnsupportedOperation", "Rejected.LimitExceeded"],
  target: (context, parameters) => findTagOwner(context, parameters),
  access: (context, target) => [onKey(context, "kms:TagResource", target)],
  handle(context, { Tags: added }, { key }) {
    assertTakesTags(key);
    return changeKeyTags(context, [key], (tags) => withTags(tags, added));
  },
});
