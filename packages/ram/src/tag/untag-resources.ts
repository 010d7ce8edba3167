import {
  booleanText,
  defineOperation,
  missingParameter,
  optional,
  type RowChange,
  type Touched,
} from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { resourceNames, resourceType, tagKeys } from "./tag-parameters.ts";
import { changeTags, loadTags, toTags } from "./tag-repository.ts";
import { loadTagOwners, onEach } from "./tagged-resources.ts";

export const untagResources = defineOperation({
  ...ram,
  name: "UntagResources",
  summary: "Takes tags from roles or custom policies.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    ResourceType: resourceType,
    ResourceNames: resourceNames,
    TagKeys: tagKeys,
    All: optional({ schema: booleanText, description: "Whether to take all tags away, where TagKeys is left out." }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["EntityNotExist.Role", "EntityNotExist.Policy"],
  target(_context, { ResourceType: type, ResourceNames: names, TagKeys: keys, All }) {
    if (keys === undefined && All !== true) throw missingParameter("TagKeys");
    return { type, names, keys };
  },
  access: (context, resources) => onEach(context, "ram:UntagResources", resources),
  async handle(context, _parameters, { keys, ...resources }) {
    const changes: RowChange[] = [];
    const touched: Touched[] = [];
    for (const { owner, touched: change } of await loadTagOwners(context, resources)) {
      const from = await loadTags(context, owner);
      const kept = [...toTags(from)].filter(([key]) => keys !== undefined && !keys.includes(key));
      changes.push(...changeTags(context, { owner, from, to: new Map(kept) }));
      touched.push(change);
    }
    return { result: {}, changes, touched };
  },
});
