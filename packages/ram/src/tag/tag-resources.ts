import { defineOperation, invalidParameter, type RowChange, type Touched } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { MAX_TAGS } from "./tag.ts";
import { addedTags, resourceNames, resourceType } from "./tag-parameters.ts";
import { changeTags, loadTags, toTags } from "./tag-repository.ts";
import { loadTagOwners, onEach } from "./tagged-resources.ts";

export const tagResources = defineOperation({
  ...ram,
  name: "TagResources",
  summary: "Gives roles or custom policies tags: to all of them, or to none.",
  kind: "control",
  readWrite: "Write",
  parameters: { ResourceType: resourceType, ResourceNames: resourceNames, Tag: addedTags },
  result: z.object({}),
  recordedResult: [],
  errors: ["EntityNotExist.Role", "EntityNotExist.Policy"],
  target: (_context, { ResourceType: type, ResourceNames: names }) => ({ type, names }),
  access: (context, resources) => onEach(context, "ram:TagResources", resources),
  async handle(context, { Tag }, resources) {
    const changes: RowChange[] = [];
    const touched: Touched[] = [];
    for (const { owner, touched: change } of await loadTagOwners(context, resources)) {
      const from = await loadTags(context, owner);
      const to = new Map([...toTags(from), ...Tag]);
      if (to.size > MAX_TAGS) throw invalidParameter("Tag", `A resource has at most ${MAX_TAGS} tags.`);
      changes.push(...changeTags(context, { owner, from, to }));
      touched.push(change);
    }
    return { result: {}, changes, touched };
  },
});
