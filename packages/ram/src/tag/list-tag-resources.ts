import { defineOperation, integerText, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAll } from "../resource-name.ts";
import { encodePosition, nextToken } from "./tag-position.ts";
import { listedNames, resourceType, wantedTags } from "./tag-parameters.ts";
import { readTags } from "./tag-repository.ts";
import { onEach } from "./tagged-resources.ts";

/** Largest page (Alibaba Cloud SDK, "ListTagResources"). */
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 20;

export const listTagResources = defineOperation({
  ...ram,
  name: "ListTagResources",
  summary: "Lists the tags of roles or custom policies, by name, tag, or both.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    ResourceType: resourceType,
    ResourceNames: listedNames,
    Tag: wantedTags,
    PageSize: optional({
      schema: integerText({ min: 1, max: MAX_PAGE_SIZE }),
      description: `The number of tags of a page, from 1 to ${MAX_PAGE_SIZE}. ${DEFAULT_PAGE_SIZE} by default.`,
    }),
    NextToken: optional({ schema: nextToken, description: "The NextToken of the page before." }),
  },
  result: z.object({
    TagResources: z.array(
      z.object({ ResourceName: z.string(), ResourceType: z.string(), TagKey: z.string(), TagValue: z.string() }),
    ),
    /** Empty on the last page. */
    NextToken: z.string(),
  }),
  recordedResult: [],
  errors: [],
  target: (_context, { ResourceType: type, ResourceNames: names }) => ({ type, names }),
  access: (context, { type, names }) =>
    names === undefined
      ? [onAll(context, "ram:ListTagResources", type)]
      : onEach(context, "ram:ListTagResources", { type, names }),
  async handle(context, { Tag: wanted, PageSize: size = DEFAULT_PAGE_SIZE, NextToken: after }, { type, names }) {
    const { accountId } = context.principal;
    // One more than a page shows whether there is another.
    const tags = await readTags(context, { accountId, type }, { names, wanted, after, limit: size + 1 });
    const page = tags.slice(0, size);
    const last = tags.length > size ? page.at(-1) : undefined;
    return {
      result: {
        TagResources: page.map(({ name, key, value }) => ({
          ResourceName: name,
          ResourceType: type,
          TagKey: key,
          TagValue: value,
        })),
        NextToken: last === undefined ? "" : encodePosition(last),
      },
    };
  },
});
